"""A small hub for one test, over a copy of the city of the tests.

    hub.push("police", hub.text("o1", "身份证"))  ──> what WeChat would get

Pushes are signed and sealed by the simulator's code, which shares nothing with ours, and go
through the same door as WeChat's.
"""

import io
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest

from app import callback, snapshots
from matrix.accounts import callback_stats
from matrix.inbox import awaited_replies
from matrix.wechat.envelope import EncryptionMode
from simulator.messaging import envelope, pushes
from tests.helpers.city import KEYS, register


@dataclass
class PushResponse:
    """What the callback said: the status, the body, and the reply inside it, if one."""

    status: int
    body: str
    reply: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str | None:
        """The words of a text reply."""
        return self.reply.get("Content")


class Hub:
    """The accounts of the test and a way to push to them."""

    def __init__(self) -> None:
        self.keys = dict(KEYS)

    def account(
        self, department_code: str, number: int, department_id: int, mode: EncryptionMode
    ) -> None:
        """Register the account of a department, in the caller's transaction."""
        self.keys[department_code] = register(department_code, number, department_id, mode)

    def text(self, openid: str, content: str, *, to: str = "police", **more: Any) -> str:
        """A text message's XML, with an id of its own."""
        keys = self.keys[to]
        push = pushes.message(
            keys.appid, keys.original_id, openid, "c", "text", Content=content, **more
        )
        return push.xml

    def event(self, openid: str, name: str, *, to: str = "police", **more: Any) -> str:
        """An event's XML."""
        keys = self.keys[to]
        return pushes.event(keys.appid, keys.original_id, openid, "c", name, **more).xml

    def request(
        self, to: str, xml: str, *, plain: bool = False, at: float | None = None, **query: str
    ) -> tuple[str, bytes]:
        """Query and body of a push as WeChat makes them for the account's mode."""
        keys = self.keys[to]
        timestamp, nonce = str(int(time.time() if at is None else at)), "1234567890"
        signed_query = {
            "signature": envelope.sign(keys.token, timestamp, nonce),
            "timestamp": timestamp,
            "nonce": nonce,
        }
        body = xml
        if not plain and keys.mode != "plain":
            sealed = envelope.encrypt(xml, aes_key=keys.aes_key, appid=keys.appid)
            signed_query["encrypt_type"] = "aes"
            signed_query["msg_signature"] = envelope.sign(keys.token, timestamp, nonce, sealed)
            body = (
                f"<xml><ToUserName>{keys.original_id}</ToUserName><Encrypt>{sealed}</Encrypt></xml>"
            )
        return urlencode(signed_query | query), body.encode("utf-8", "surrogatepass")

    def push(self, to: str, xml: str, **options: Any) -> PushResponse:
        """Push and open the answer."""
        query, body = self.request(to, xml, **options)
        response = self.call("POST", f"/wechat/{self.keys[to].appid}", query, body)
        if response.status == 200 and response.body.startswith("<xml>"):
            response.reply = self._decrypt_reply(to, response.body)
        return response

    def call(
        self, method: str, path: str, query: str, body: bytes = b"", **more: Any
    ) -> PushResponse:
        """One request through the WSGI door."""
        heard: dict[str, Any] = {}
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
        } | more
        door = callback.wrap_wsgi(_no_wrapped_app)
        chunks = door(environ, lambda status, headers: heard.update(status=status))
        return PushResponse(int(heard["status"][:3]), b"".join(chunks).decode())

    def _decrypt_reply(self, to: str, body: str) -> dict[str, str]:
        keys = self.keys[to]
        fields = _fields(body)
        if "Encrypt" not in fields:
            return fields
        assert envelope.verify_signature(
            fields["MsgSignature"],
            keys.token,
            fields["TimeStamp"],
            fields["Nonce"],
            fields["Encrypt"],
        )
        return _fields(envelope.decrypt(fields["Encrypt"], aes_key=keys.aes_key, appid=keys.appid))


def _fields(xml: str) -> dict[str, str]:
    return {each.tag: each.text or "" for each in ElementTree.fromstring(xml)}


def _no_wrapped_app(environ: Any, start: Any) -> Any:
    raise AssertionError("the callback let a push through")


@pytest.fixture
def hub(own_database: str) -> Iterator[Hub]:
    """The hub in this process, over a copy of the city (tests/helpers/city.py)."""
    snapshots.reset()
    awaited_replies.reset()
    yield Hub()
    snapshots.reset()
    awaited_replies.reset()
    callback_stats.reset()
