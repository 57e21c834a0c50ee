"""The HTTP client: one request to WeChat, and what its answer means.

    ApiCall + query + body ──> requests ──> JSON without an error code | bytes | GatewayError

Timeouts on everything, certificates checked, redirects refused, answers capped in size and
time. JSON goes out as real characters, since WeChat stores escapes as they are, and comes in as
UTF-8 whatever the header says. Addresses hold tokens, so neither they nor the errors of the
library, which quote them, are logged or chained.

A call that is not `repeatable` and was cut off after it left is `Unconfirmed`: whoever sends it
again may do it twice.
"""

import json
import os
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn, TypedDict

import requests
from prometheus_client import Counter
from requests.exceptions import ConnectionError as ConnectionFailed
from requests.exceptions import ConnectTimeout, ProxyError, RequestException
from urllib3.exceptions import HTTPError, NewConnectionError

from config import logs, settings
from matrix.wechat.errors import GatewayError, Temporary, Unconfirmed, error_for
from matrix.wechat.return_codes import Reaction

# twice the largest file that WeChat keeps (wechat-platform.md 7.5)
MAX_RESPONSE_BYTES = 20 * 1024 * 1024
_CHUNK = 64 * 1024
# raw or as an escape; cheap, so that the usual answer is not walked through
_MAY_HOLD_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]|\\u00[01]")
_CONTROLS = dict.fromkeys(code for code in range(32) if chr(code) not in "\t\n\r")

_log = logs.get_logger(__name__)
_calls = Counter("hub_wechat_calls_total", "Calls to WeChat", ["call", "outcome"])

# A JSON object as WeChat answered it; whoever reads a field checks what it is.
JsonObject = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One call of the platform's API.

    `repeatable`: doing it twice does no more than doing it once. `tolerated`: codes that are
    an answer here and not an error; the caller finds them under "errcode".
    """

    method: str
    path: str
    repeatable: bool = True
    tolerated: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that goes out as multipart field `media`."""

    name: str
    content: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Download:
    """Bytes that came instead of JSON."""

    content: bytes
    content_type: str


class _Payload(TypedDict, total=False):
    """What `requests` is given besides address and query."""

    files: dict[str, tuple[str, bytes, str]]
    data: bytes
    headers: dict[str, str]


def request_json(
    call: ApiCall,
    base_url: str,
    query: Mapping[str, str],
    *,
    body: Mapping[str, object] | None = None,
    upload: Upload | None = None,
) -> JsonObject:
    """What WeChat answered, as JSON. Raises GatewayError."""
    content, _ = _sent(call, base_url, query, body, upload)
    answer = _decoded(content)
    if answer is None:
        _cut_off(call, "not_json", "微信返回了无法识别的内容")
    return _accepted(call, answer)


def download(call: ApiCall, base_url: str, query: Mapping[str, str]) -> Download | JsonObject:
    """A file, or the JSON that some files are described by. Raises GatewayError."""
    content, content_type = _sent(call, base_url, query, None, None)
    # Errors are JSON even where a file was asked for, and the header may call JSON
    # text/plain: so the first byte counts as well.
    if content[:1] == b"{" or "json" in content_type:
        answer = _decoded(content)
        if answer is not None:
            return _accepted(call, answer)
    _calls.labels(call.path, "ok").inc()
    return Download(content, content_type)


def _accepted(call: ApiCall, answer: JsonObject) -> JsonObject:
    # a success has errcode 0 or none at all (wechat-platform.md 0)
    errcode = answer.get("errcode") or 0
    if errcode == 0 or errcode in call.tolerated:
        _calls.labels(call.path, "ok").inc()
        return answer
    if not isinstance(errcode, int):
        _cut_off(call, "bad_errcode", "微信返回了无法识别的内容")
    errmsg = str(answer.get("errmsg", ""))
    error = error_for(errcode, errmsg, call=call.path, repeatable=call.repeatable)
    _count(call, error)
    raise error


def _decoded(content: bytes) -> JsonObject | None:
    try:
        # UTF-8 whatever the header says; a broken character in a name
        # must not spoil a whole answer
        text = content.decode("utf-8-sig", "replace")
        # not strict: names and pasted texts hold raw line feeds and control characters, and one
        # of them must not make an account's whole answer unreadable (wechat-platform.md 17)
        answer = json.loads(text, strict=False)
    except ValueError:
        return None
    if _MAY_HOLD_CONTROLS.search(text):
        answer = _without_controls(answer)
    return answer if isinstance(answer, dict) else None


def _without_controls(value: object) -> object:
    """The value without control characters, which XML and PostgreSQL refuse, in its strings."""
    match value:
        case str():
            return value.translate(_CONTROLS)
        case list():
            return [_without_controls(each) for each in value]
        case dict():
            return {_without_controls(key): _without_controls(each) for key, each in value.items()}
    return value


def _sent(
    call: ApiCall,
    base_url: str,
    query: Mapping[str, str],
    body: Mapping[str, object] | None,
    upload: Upload | None,
) -> tuple[bytes, str]:
    current = settings.get()
    # For the whole answer: the read timeout of `requests` holds for each piece
    # of it, so that a trickle would never end.
    deadline = time.monotonic() + current.wechat_connect_timeout + 3 * current.wechat_read_timeout
    try:
        with _session().request(
            call.method,
            base_url + call.path,
            params=query,
            timeout=(current.wechat_connect_timeout, current.wechat_read_timeout),
            # the query holds the token: a redirect would carry it to whatever host it names
            allow_redirects=False,
            # read piece by piece below, to stop at the limits of size and time
            stream=True,
            **_payload(call, body, upload),
        ) as response:
            _check_status(call, response.status_code)
            return _content(call, response, deadline), response.headers.get("Content-Type", "")
    except (RequestException, HTTPError, OSError) as error:
        _interrupted(call, error)


def _payload(call: ApiCall, body: Mapping[str, object] | None, upload: Upload | None) -> _Payload:
    if upload:
        return {"files": {"media": (upload.name, upload.content, upload.content_type)}}
    if call.method == "GET":
        return {}
    # WeChat answers 44002 to a POST without a body, even where it asks for nothing.
    text = json.dumps(body or {}, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return {
        "data": text.encode("utf-8", "replace"),
        "headers": {"Content-Type": "application/json; charset=utf-8"},
    }


def _check_status(call: ApiCall, status: int) -> None:
    if status == 200:
        return
    # 412 comes from WeChat's gateway like the 5xx (wechat-platform.md
    # 13); the call may have been done
    if status >= 500 or status == 412:
        _cut_off(call, f"http_{status}", "微信网关暂时不可用")
    error = Temporary(
        meaning="微信网关拒绝了请求", call=call.path, reaction=Reaction.RETRY, http=status
    )
    _count(call, error)
    raise error


def _content(call: ApiCall, response: requests.Response, deadline: float) -> bytes:
    content = bytearray()
    # `iter_content` waits for whole chunks, so a trickle would never meet the deadline
    while chunk := response.raw.read1(_CHUNK, decode_content=True):
        content += chunk
        if len(content) > MAX_RESPONSE_BYTES:
            _cut_off(call, "too_large", "微信返回的内容过大")
        if time.monotonic() > deadline:
            _cut_off(call, "too_slow", "微信响应超时")
    return bytes(content)


def _interrupted(call: ApiCall, error: Exception) -> NoReturn:
    if _never_left(error):
        failed = Temporary(
            meaning="无法连接微信服务器",
            call=call.path,
            reaction=Reaction.RETRY,
            cause=type(error).__name__,
        )
        _count(call, failed)
        raise failed from None
    _cut_off(call, type(error).__name__, "微信响应超时或连接中断")


def _never_left(error: Exception) -> bool:
    """Whether the request cannot have reached WeChat."""
    if isinstance(error, ConnectTimeout | ProxyError):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, ConnectionFailed) and isinstance(reason, NewConnectionError)


def _cut_off(call: ApiCall, cause: str, meaning: str) -> NoReturn:
    """Raise what it means that the answer is missing or is none."""
    # the request has left: whether WeChat has acted on it, nobody knows
    kind = Temporary if call.repeatable else Unconfirmed
    error = kind(meaning=meaning, call=call.path, reaction=Reaction.RETRY, cause=cause)
    _count(call, error)
    raise error from None


def _count(call: ApiCall, error: GatewayError) -> None:
    _calls.labels(call.path, type(error).__name__).inc()
    _log.warning("wechat.call_failed", outcome=type(error).__name__, **error.facts)


# One session a thread: `requests` does not promise that a session may be shared (decision 0021).
_here = threading.local()


def _session() -> requests.Session:
    """This thread's session; it keeps connections alive."""
    session: requests.Session | None = getattr(_here, "session", None)
    if session is None:
        session = _here.session = requests.Session()
        session.headers["User-Agent"] = "huayin-hub"
    return session


def close() -> None:
    """Let go of this thread's connections."""
    session: requests.Session | None = getattr(_here, "session", None)
    if session is not None:
        session.close()
    _forget()


def _forget() -> None:
    _here.__dict__.clear()


# A child process must not speak on its parent's connections.
os.register_at_fork(after_in_child=_forget)
