"""What a view asks a request for: junk goes into the fields it looks at, and only there."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from typing import Any, ClassVar

from flask import Flask, Request
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.test import TestResponse

ALL = "*"  # looked at whatever it is called
OWN = {"csrf_token", "confirm_proof"}  # of the guard: junk in these is refused before the view


class _Heard(ImmutableMultiDict[str, str]):
    """Parameters that note the names they are asked for.

    `values()` is not noted: the edge of every request looks through them for NUL.
    """

    names: ClassVar[set[str]] = set()

    def __getitem__(self, key: str) -> str:
        self.names.add(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self.names.add(str(key))
        return super().__contains__(key)

    def getlist(self, key: str, type: Any = None) -> Any:
        self.names.add(key)
        return super().getlist(key, type=type)

    def __iter__(self) -> Iterator[str]:
        self.names.add(ALL)
        return super().__iter__()

    def items(self, multi: bool = False) -> Any:
        self.names.add(ALL)
        return super().items(multi=multi)

    def lists(self) -> Any:
        self.names.add(ALL)
        return super().lists()

    def keys(self) -> Any:
        self.names.add(ALL)
        return super().keys()


class _Request(Request):
    parameter_storage_class = _Heard


@contextmanager
def _hearing(app: Flask) -> Iterator[set[str]]:
    """Gives the names that requests are asked for while it lasts, of query and form alike."""
    before = app.request_class
    app.request_class = _Request
    _Heard.names.clear()
    try:
        yield _Heard.names
    finally:
        app.request_class = before


def sent(
    app: Flask, asked: set[str], shown: set[str], send: Callable[[list[str]], TestResponse]
) -> Iterator[TestResponse]:
    """Send a request with the fields in `asked`, and again while the view looks at more.

    `asked` grows by them; by all of `shown` when the view looks through whatever there is.
    """
    while True:
        with _hearing(app) as found:
            answer = send(sorted(asked))
            new = found - asked - OWN
        yield answer
        if not new:
            return
        asked |= new
        if ALL in new:
            asked |= shown


class Fields(HTMLParser):
    """The names of what a page's forms and links ask for."""

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self.names: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("input", "select", "textarea") and given.get("name"):
            self.names.add(given["name"] or "")
        for name in ("href", "hx-get"):
            self.names |= set(re.findall(r"[?&](\w+)=", given.get(name) or ""))
