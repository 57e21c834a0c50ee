"""Call: one request to the API, as the families see it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from simulator.accounts.accounts import Account, Capability
from simulator.core.errors import ApiError
from simulator.platform import Platform

# A backslash that is not itself escaped, then \uXXXX of a character that needed no escape.
_NEEDLESS_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\u(?!00[0-7])[0-9a-fA-F]{4}")

OK: dict[str, Any] = {"errcode": 0, "errmsg": "ok"}


@dataclass
class Upload:
    """A file out of a multipart body."""

    filename: str
    data: bytes


@dataclass
class ApiRequest:
    """A request before anybody looked who asks. base: scheme and host it was sent to."""

    platform: Platform
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
            raise ApiError(44002, "empty post data")
        if _NEEDLESS_ESCAPE.search(self.raw):
            raise ApiError(
                40033,
                "invalid charset. please check your request, if include \\uxxxx will create fail!",
            )
        try:
            body = json.loads(self.raw.decode())
        except (UnicodeDecodeError, ValueError, RecursionError) as error:
            raise ApiError(47001, "data format error") from error
        if not isinstance(body, dict):
            raise ApiError(47001, "data format error")
        return body


@dataclass
class Call(ApiRequest):
    """A request of a known account."""

    account: Account

    @classmethod
    def authenticated(cls, api_request: ApiRequest, account: Account) -> Call:
        """The request, now that the account is known."""
        facts = {field.name: getattr(api_request, field.name) for field in fields(api_request)}
        return cls(**facts, account=account)

    @property
    def appid(self) -> str:
        """The account's appid."""
        return self.account.appid

    def upload(self, name: str = "media") -> Upload:
        """The uploaded file; 41005 without one."""
        found = self.uploads.get(name)
        if found is None:
            raise ApiError(41005, "media data missing")
        return found


@dataclass
class FileResult:
    """An answer that is bytes and not JSON."""

    data: bytes
    mime: str
    filename: str


ApiResult = dict[str, Any] | FileResult


@dataclass(frozen=True)
class Route:
    """A path, the function behind it and the capability it needs. by: token or secret."""

    method: str
    path: str
    handler: Callable[[Call], ApiResult]
    capability: Capability | None = None
    authentication: str = "token"
    counts_quota: bool = True
