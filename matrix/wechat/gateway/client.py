"""Calls: an account asks, with the right address and the right token.

Direct or by the third-party platform is decided in `_base_url` and `_token`, and nowhere else.
When WeChat refuses the token, a fresh one is tried once; a second refusal is an error.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypeVar

from config import settings
from matrix.wechat import http_client, tokens
from matrix.wechat.credentials import Credentials
from matrix.wechat.errors import NotAuthorised, StaleToken, Temporary
from matrix.wechat.http_client import ApiCall, Download, JsonObject, Upload
from matrix.wechat.return_codes import Reaction

_T = TypeVar("_T")
_V = TypeVar("_V", str, int, list[object], dict[str, object])


def request(
    account: Credentials,
    call: ApiCall,
    *,
    query: Mapping[str, str] | None = None,
    body: Mapping[str, object] | None = None,
    upload: Upload | None = None,
) -> JsonObject:
    """WeChat's answer in JSON. Raises GatewayError."""
    return _with_token(
        account,
        lambda token: http_client.request_json(
            call,
            _base_url(account),
            {"access_token": token, **(query or {})},
            body=body,
            upload=upload,
        ),
    )


def download(
    account: Credentials, call: ApiCall, *, query: Mapping[str, str]
) -> Download | JsonObject:
    """A file, or the JSON that stands for it. Raises GatewayError."""
    return _with_token(
        account,
        lambda token: http_client.download(
            call, _base_url(account), {"access_token": token, **query}
        ),
    )


def require_field(call: ApiCall, answer: Mapping[str, object], name: str, kind: type[_V]) -> _V:
    """A field the answer must have. Raises Temporary, for WeChat did not answer as it should."""
    value = answer.get(name)
    if isinstance(value, kind) and not isinstance(value, bool):
        return value
    raise Temporary(
        meaning="微信返回的内容不完整", call=call.path, reaction=Reaction.RETRY, field=name
    )


def to_datetime(seconds: object) -> datetime | None:
    """Unix seconds as an instant in UTC; None when WeChat gave none."""
    if isinstance(seconds, int) and 0 < seconds < 10_000_000_000:
        return datetime.fromtimestamp(seconds, UTC)
    return None


def _with_token(account: Credentials, attempt: Callable[[str], _T]) -> _T:
    token = _token(account)
    try:
        return attempt(token)
    except StaleToken:
        fresh = _token(account, refused=token)
    return attempt(fresh)


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
