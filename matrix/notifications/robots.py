"""Robots: one POST to the group robot of 企业微信 or DingTalk, and what its answer means.

    企业微信  https://developer.work.weixin.qq.com/document/path/91770
    DingTalk https://open.dingtalk.com/document/robots/custom-robot-access
             signed as https://open.dingtalk.com/document/robots/customize-robot-security-settings

Only the origins of ROBOT_ORIGINS are called, asked again before each call because the setting may
have changed since the address was entered; no redirect is followed, since the address holds the
key. For the same reason neither the address nor an error of the library that quotes it is logged.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode, urlsplit

import requests
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from config import settings
from matrix.notifications.channels import (
    ChannelKind,
    NotificationChannel,
    SendFailed,
    is_allowed,
)
from matrix.notifications.messages import Message

# bytes; a robot answers with a line of JSON
_MAX_ANSWER = 16 * 1024
# return codes of both, for which a person can do something
_MEANINGS: Mapping[int, str] = {
    45009: "发得太频繁，机器人暂时不收",
    93000: "机器人的地址无效，可能已被移出群",
    300001: "机器人的地址无效，可能已被移出群",
    300005: "机器人的地址无效，可能已被移出群",
    310000: "机器人的安全设置没有通过：请核对加签密钥、关键词（提醒）或 IP",
    410100: "发得太频繁，机器人暂时不收",
}


def send(channel: NotificationChannel, message: Message, *, now: datetime) -> None:
    """Send a message to the group of a robot. Raises SendFailed."""
    address = channel.address
    parts = urlsplit(address)
    if not is_allowed(f"{parts.scheme}://{parts.netloc}"):
        raise SendFailed("不再是允许的机器人地址")
    if channel.kind is ChannelKind.DINGTALK and channel.secret:
        address = f"{address}&{urlencode(signature(channel.secret, now=now))}"
    # both take the same form; text and not Markdown, in which a citizen's words could be a link
    # or call everybody
    answer = _post(address, {"msgtype": "text", "text": {"content": message.text}})
    errcode = answer.get("errcode")
    if errcode != 0:
        meaning = _MEANINGS.get(errcode) if isinstance(errcode, int) else None
        raise SendFailed(f"{meaning or '机器人没有接受'}（{errcode}）")


def signature(secret: str, *, now: datetime) -> dict[str, str]:
    """The parameters `timestamp` (milliseconds) and `sign` of DingTalk."""
    timestamp = str(int(now.timestamp() * 1000))
    signed = hmac.new(secret.encode(), f"{timestamp}\n{secret}".encode(), hashlib.sha256)
    return {"timestamp": timestamp, "sign": base64.b64encode(signed.digest()).decode()}


def _post(address: str, body: Mapping[str, object]) -> Mapping[str, object]:
    seconds = settings.get().notification_timeout
    # for the whole answer: the timeout of `requests` holds for each piece of it
    deadline = time.monotonic() + seconds
    try:
        with requests.post(
            address,
            data=json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"),
            headers={"Content-Type": "application/json; charset=utf-8"},
            timeout=(seconds / 2, seconds),
            allow_redirects=False,
            stream=True,
        ) as response:
            if response.status_code != 200:
                raise SendFailed(f"机器人返回 HTTP {response.status_code}")
            content = _read(response, deadline)
    # from None: the errors quote the address
    except (RequestException, HTTPError, OSError) as error:
        raise SendFailed(f"连接不上机器人或没有回应（{type(error).__name__}）") from None
    return _decoded(content)


def _read(response: requests.Response, deadline: float) -> bytes:
    content = bytearray()
    while chunk := response.raw.read1(_MAX_ANSWER, decode_content=True):
        content += chunk
        if len(content) > _MAX_ANSWER or time.monotonic() > deadline:
            raise SendFailed("机器人的回应太长或太慢")
    return bytes(content)


def _decoded(content: bytes) -> Mapping[str, object]:
    try:
        answer = json.loads(content)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise SendFailed("机器人的回应无法识别")
    return answer
