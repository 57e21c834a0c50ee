"""Call: one request to the API, as the families see it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from simulator.accounts import Account, Capability
from simulator.errors import Refused
from simulator.world import World

# A backslash that is not itself escaped, then \uXXXX of a character that needed no escape.
_NEEDLESS_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\u(?!00[0-7])[0-9a-fA-F]{4}")

OK: dict[str, Any] = {"errcode": 0, "errmsg": "ok"}


@dataclass
class Upload:
    """A file out of a multipart body."""

    filename: str
    data: bytes


@dataclass
class Ask:
    """A request before anybody looked who asks. base: scheme and host it was sent to."""

    world: World
    method: str
    path: str
    query: Mapping[str, str]
    raw: bytes
    form: Mapping[str, str]
    uploads: Mapping[str, Upload]
    base: str
    ip: str

    @cached_property
    def body(self) -> dict[str, Any]:
        """The JSON body; raises 44002, 47001 or, for `\\uXXXX` escapes, 40033."""
        if not self.raw.strip():
            raise Refused(44002, "empty post data")
        if _NEEDLESS_ESCAPE.search(self.raw):
            raise Refused(
                40033,
                "invalid charset. please check your request, if include \\uxxxx will create fail!",
            )
        try:
            body = json.loads(self.raw.decode())
        except (UnicodeDecodeError, ValueError, RecursionError) as error:
            raise Refused(47001, "data format error") from error
        if not isinstance(body, dict):
            raise Refused(47001, "data format error")
        return body


@dataclass
class Call(Ask):
    """A request of a known account."""

    account: Account

    @classmethod
    def of(cls, ask: Ask, account: Account) -> Call:
        """The request, now that the account is known."""
        facts = {field.name: getattr(ask, field.name) for field in fields(ask)}
        return cls(**facts, account=account)

    @property
    def appid(self) -> str:
        """The account's appid."""
        return self.account.appid

    def upload(self, name: str = "media") -> Upload:
        """The uploaded file; 41005 without one."""
        found = self.uploads.get(name)
        if found is None:
            raise Refused(41005, "media data missing")
        return found


@dataclass
class File:
    """An answer that is bytes and not JSON."""

    data: bytes
    mime: str
    filename: str


Answer = dict[str, Any] | File


@dataclass(frozen=True)
class Route:
    """A path, the function behind it and the capability it needs. by: token or secret."""

    method: str
    path: str
    verb: Callable[[Call], Answer]
    needs: Capability | None = None
    by: str = "token"
    counted: bool = True
