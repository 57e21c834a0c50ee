"""Pushes for tests: the files of tests/payloads, and small ones made by hand."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PAYLOADS = Path(__file__).parents[2] / "payloads"
ACCOUNT = "gh_5d0e2f4a91c7"
CITIZEN = "oHyFb7Qw0_citizen_0000000001"
PLATFORM = "oHyFb7Qw0_platform_000000001"


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(1773106200 + seconds, UTC)


def payload(name: str) -> bytes:
    return (PAYLOADS / f"{name}.xml").read_bytes()


def push(kind: str, more: str = "", *, openid: str = CITIZEN, seconds: int = 1773106200) -> bytes:
    return (
        f"<xml><ToUserName>{ACCOUNT}</ToUserName><FromUserName>{openid}</FromUserName>"
        f"<CreateTime>{seconds}</CreateTime><MsgType>{kind}</MsgType>{more}</xml>"
    ).encode()


def event(name: str, more: str = "", **common: Any) -> bytes:
    return push("event", f"<Event>{name}</Event>{more}", **common)


def text(content: str, message_id: str = "1") -> bytes:
    return push("text", f"<Content>{content}</Content><MsgId>{message_id}</MsgId>")
