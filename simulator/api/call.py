"""One request to the API, in the form in which the functions of a call get it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property

from simulator.accounts.accounts import Account, Capability
from simulator.core.errors import ApiError
from simulator.core.json_object import JsonObject
from simulator.platform import Platform

# an unescaped \uXXXX of a character that needs no escape: the platform would show it literally
_NEEDLESS_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\u(?!00[0-7])[0-9a-fA-F]{4}")

OK: JsonObject = {"errcode": 0, "errmsg": "ok"}


@dataclass
class Upload:
    """A file of a multipart body."""

    filename: str
    data: bytes


@dataclass
class ApiRequest:
    """A request before authentication. base: the scheme and host it was sent to."""

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
    def body(self) -> JsonObject:
        """The JSON body; raises 44002, 47001 or, for `\\uXXXX` escapes, 40033."""
        if not self.raw.strip():
            raise ApiError(44002, "empty post data")
        # the most frequent mistake of clients that use json.dumps with its default: the platform
        # stores the escapes, and menus and titles are garbled
        if _NEEDLESS_ESCAPE.search(self.raw):
            raise ApiError(
                40033,
                "invalid charset. please check your request, if include \\uxxxx will create fail!",
            )
        try:
            body = json.loads(self.raw.decode())
        # RecursionError: a body of nested brackets, as fuzz tests send it
        except (UnicodeDecodeError, ValueError, RecursionError) as error:
            raise ApiError(47001, "data format error") from error
        if not isinstance(body, dict):
            raise ApiError(47001, "data format error")
        return body


@dataclass
class Call(ApiRequest):
    """An authenticated request."""

    account: Account

    @classmethod
    def authenticated(cls, api_request: ApiRequest, account: Account) -> Call:
        """The call of an account whose identity was checked."""
        facts = {field.name: getattr(api_request, field.name) for field in fields(api_request)}
        return cls(**facts, account=account)

    @property
    def appid(self) -> str:
        """The appid of the calling account."""
        return self.account.appid

    def upload(self, name: str = "media") -> Upload:
        """The uploaded file; 41005 when there is none."""
        found = self.uploads.get(name)
        if found is None:
            raise ApiError(41005, "media data missing")
        return found


@dataclass
class FileResult:
    """An answer of bytes instead of JSON."""

    data: bytes
    mime: str
    filename: str


ApiResult = JsonObject | FileResult


@dataclass(frozen=True)
class Route:
    """A path, its function and the capability it needs. authentication: token or secret."""

    method: str
    path: str
    handler: Callable[[Call], ApiResult]
    capability: Capability | None = None
    authentication: str = "token"
    # calls that read or reset quotas work when the quota is used up, else nobody could reset it
    counts_quota: bool = True
