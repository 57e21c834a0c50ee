"""API classes that wechatpy 1.8.18 lacks or gets wrong, in wechatpy's own form.

Each method says one call: its path and its body. Tokens, HTTP and errors are the client's
business. Decision 0021 lists call by call what is wechatpy's and what is here, and why.
"""

from collections.abc import Mapping

from wechatpy.client.api import WeChatMessage
from wechatpy.client.api.base import BaseWeChatAPI

from matrix.wechat.http_client import JsonObject


class MessageAPI(WeChatMessage):
    """Customer-service and template messages, with what wechatpy's class leaves out."""

    def send_video(self, openid: str, video: Mapping[str, str], account: str | None) -> None:
        """Send a video; `video` holds its thumb too, which wechatpy has no parameter for."""
        self._send(openid, "video", video, account)

    def send_published_article(self, openid: str, article_id: str, account: str | None) -> None:
        """Send the card of an article that the account has published."""
        self._send(openid, "mpnewsarticle", {"article_id": article_id}, account)

    def typing(self, openid: str, command: str) -> None:
        """Show or take away the sign that somebody writes: "Typing" or "CancelTyping"."""
        self._post("message/custom/typing", data={"touser": openid, "command": command})

    def send_template(self, message: Mapping[str, object]) -> JsonObject:
        """Send a template message; wechatpy's method has no place for its `client_msg_id`."""
        answer: JsonObject = self._post("message/template/send", data=message)
        return answer

    def _send(
        self, openid: str, kind: str, content: Mapping[str, str], account: str | None
    ) -> None:
        message = {"touser": openid, "msgtype": kind, kind: content}
        self._send_custom_message(message, account=account)


class DiagnosticsAPI(BaseWeChatAPI):
    """Call counters of an account (reference: "openApi management")."""

    def quota(self, cgi_path: str) -> JsonObject:
        """The counter of one call, by its path."""
        answer: JsonObject = self._post("openapi/quota/get", data={"cgi_path": cgi_path})
        return answer

    def clear_quota(self) -> None:
        """Set all counters to zero."""
        self._post("clear_quota", data={"appid": self.appid})
