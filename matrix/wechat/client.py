"""The client: wechatpy's API classes on our tokens and our HTTP.

    WeChatClient(credentials).menu.create(…)
        wechatpy says path and body ──> token (`tokens`) ──> `http_client` ──> JSON or GatewayError

wechatpy's own request code is not used: its token has no lock, its calls have no timeout, its
retry no end, and its errors quote addresses, which hold tokens (decision 0021). So nothing here
raises a WeChatClientException, and nothing of wechatpy leaves `matrix.wechat`.

A client is made for one call and thrown away: that costs 0.1 ms where a call takes ten or more,
and no secret is kept and nothing is shared between threads. The callback makes none.

Direct or by the third-party platform is decided in `_base_url` and `_token`, and nowhere else.
When WeChat refuses the token, a fresh one is tried once; a second refusal is an error.
"""

from collections.abc import Callable, Collection, Mapping

from wechatpy.client.api import (
    WeChatMaterial,
    WeChatMedia,
    WeChatMenu,
    WeChatQRCode,
    WeChatTag,
    WeChatUser,
)
from wechatpy.client.base import BaseWeChatClient

from config import settings
from matrix.wechat import http_client, tokens
from matrix.wechat.apis import DiagnosticsAPI, MessageAPI
from matrix.wechat.credentials import Credentials
from matrix.wechat.errors import NotAuthorised, StaleToken, Temporary
from matrix.wechat.http_client import ApiCall, Download, JsonObject, Upload
from matrix.wechat.return_codes import Reaction

# What wechatpy writes before every path; where calls really go is a setting.
_HOST = "https://api.weixin.qq.com"

# Every call the hub makes, so that none leaves without a decision whether doing it twice does more
# than doing it once (see `http_client.ApiCall`). Adding a picture twice leaves a spare one behind,
# which costs less than a stopped job; a template message carries a key against doubles.
_REPEATABLE = frozenset(
    {
        "/cgi-bin/get_current_autoreply_info",
        "/cgi-bin/get_current_selfmenu_info",
        "/cgi-bin/material/add_material",
        "/cgi-bin/media/get",
        "/cgi-bin/media/upload",
        "/cgi-bin/menu/create",
        "/cgi-bin/menu/delconditional",
        "/cgi-bin/menu/delete",
        "/cgi-bin/menu/get",
        "/cgi-bin/menu/trymatch",
        "/cgi-bin/message/custom/typing",
        "/cgi-bin/message/template/send",
        "/cgi-bin/openapi/quota/get",
        "/cgi-bin/qrcode/create",
        "/cgi-bin/tags/get",
        "/cgi-bin/tags/members/batchblacklist",
        "/cgi-bin/tags/members/batchunblacklist",
        "/cgi-bin/user/get",
        "/cgi-bin/user/info",
        "/cgi-bin/user/info/batchget",
    }
)
# A reset costs one of ten a month, a second conditional menu would stand beside the first, and a
# customer-service message has no key against doubles (wechat-platform.md 3.3, 5.2, 9.1).
_NOT_REPEATABLE = frozenset(
    {
        "/cgi-bin/clear_quota",
        "/cgi-bin/menu/addconditional",
        "/cgi-bin/message/custom/send",
    }
)
_DOWNLOADS = frozenset({"/cgi-bin/media/get"})

_File = tuple[str, bytes, str]  # name, content, MIME type: what `requests` takes for a file


class WeChatClient(BaseWeChatClient):
    """Makes one call for one account.

    `tolerated`: return codes that are an answer to this call and not an error; the method then
    returns the whole answer, and the caller finds the code under "errcode".
    """

    API_BASE_URL = f"{_HOST}/cgi-bin/"

    diagnostics = DiagnosticsAPI()
    material = WeChatMaterial()
    media = WeChatMedia()
    menu = WeChatMenu()
    message = MessageAPI()
    qrcode = WeChatQRCode()
    tag = WeChatTag()
    user = WeChatUser()

    def __init__(self, account: Credentials, *, tolerated: Collection[int] = ()) -> None:
        # wechatpy's own constructor would make an HTTP session and a token store
        self.appid = account.appid
        self._account = account
        self._tolerated = frozenset(tolerated)

    @property
    def access_token(self) -> str:
        """A token that should work now; some API classes ask for it themselves.

        wechatpy's `__new__` looks at every attribute before there is an account: it gets the
        AttributeError it expects of a property, and no token is fetched.
        """
        return _token(self._account)

    def _request(
        self,
        method: str,
        url_or_endpoint: str,
        *,
        api_base_url: str = API_BASE_URL,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, object] | None = None,
        files: Mapping[str, _File] | None = None,
        result_processor: Callable[[JsonObject], object] | None = None,
    ) -> object:
        """What WeChat answered, or what the API class makes of it. Raises GatewayError.

        wechatpy's `get` and `post` come through here. Raises LookupError for a call that
        stands in no list above.
        """
        call = self._call(method, url_or_endpoint, api_base_url)
        upload = Upload(*files["media"]) if files else None

        def attempt(token: str) -> JsonObject | Download:
            query = {**(params or {}), "access_token": token}
            if call.path in _DOWNLOADS:
                return http_client.download(call, _base_url(self._account), query)
            return http_client.request_json(
                call, _base_url(self._account), query, body=data, upload=upload
            )

        answer = self._with_token(attempt)
        # a tolerated code comes without the fields that the processor looks for
        if result_processor is None or isinstance(answer, Download) or answer.get("errcode"):
            return answer
        return _processed(call, answer, result_processor)

    def _call(self, method: str, endpoint: str, base: str) -> ApiCall:
        url = endpoint if endpoint.startswith(_HOST) else base + endpoint
        path = url.removeprefix(_HOST)
        # fails in development, at the first use of another method of
        # wechatpy, and not at a timeout one day
        if path not in _REPEATABLE and path not in _NOT_REPEATABLE:
            raise LookupError(f"nobody has decided whether {path} may be repeated")
        return ApiCall(method.upper(), path, path in _REPEATABLE, self._tolerated)

    def _with_token(self, attempt: Callable[[str], JsonObject | Download]) -> JsonObject | Download:
        token = _token(self._account)
        try:
            return attempt(token)
        except StaleToken:
            fresh = _token(self._account, refused=token)
        # Only once: with a wrong AppSecret a loop would use up the quota of
        # token calls (wechat-platform.md 3.1).
        return attempt(fresh)


def _processed(
    call: ApiCall, answer: JsonObject, processor: Callable[[JsonObject], object]
) -> object:
    try:
        return processor(answer)
    except (KeyError, TypeError):
        raise Temporary(
            meaning="微信返回的内容不完整", call=call.path, reaction=Reaction.RETRY
        ) from None


def _base_url(account: Credentials) -> str:
    """Where calls for this account go."""
    _check_connection(account)
    return settings.get().wechat_api_url


def _token(account: Credentials, *, refused: str | None = None) -> str:
    """What calls for this account are signed with; not `refused` again, if that can be."""
    _check_connection(account)
    return tokens.current(account) if refused is None else tokens.replace_refused(account, refused)


def _check_connection(account: Credentials) -> None:
    if account.by_platform:
        raise NotAuthorised(
            meaning="账号由第三方平台接入，本系统尚未配置第三方平台",
            call="",
            reaction=Reaction.CONFIGURE,
        )
