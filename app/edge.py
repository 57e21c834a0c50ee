"""The edge of a request: one unit of work, kept when the answer is good, undone otherwise.

    GET, HEAD          reading()      changes nothing, never waits for a writer
    everything else    transaction()  commits when the answer is below 400

A refusal that must be remembered (a wrong password) says so with `keep`.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeVar

from flask import Flask, Response, abort, g, request

from config.database import reading, transaction

T = TypeVar("T")

# where the staff's pages stand: the unit of work, the guard and the headers ask for it
CONSOLE = "/console/"


class _Undone(Exception):
    """Ends a unit of work whose answer was a refusal."""


def register(app: Flask, prepare: Callable[[], None]) -> None:
    """Give each request of the pages its unit of work. `prepare` runs first, outside of it."""

    def open_unit() -> None:
        if request.path.startswith(CONSOLE):
            _refuse_nul()
            prepare()
            _open()

    app.before_request(open_unit)
    app.after_request(_close)
    app.teardown_request(_abandon)


def _refuse_nul() -> None:
    """No column holds a NUL, no keyboard types one: who sends it tries something. 400."""
    sent = (request.full_path, *request.args.values(), *request.form.values())
    if any("\0" in value for value in sent):
        abort(400)


def keep() -> None:
    """Commit this request's changes although its answer is a refusal."""
    g.keep = True


def aside(work: Callable[[], T]) -> T:
    """Do what takes long while the request has no unit of work, so that nobody waits for it.

    `work` opens units of its own. What the request has changed before is kept, whatever follows.
    """
    unit: AbstractContextManager[None] = g.pop("unit")
    unit.__exit__(None, None, None)
    try:
        return work()
    finally:
        _open()


def _open() -> None:
    is_safe = request.method in ("GET", "HEAD", "OPTIONS")
    g.unit = reading() if is_safe else transaction()
    g.unit.__enter__()


def _close(response: Response) -> Response:
    unit: AbstractContextManager[None] | None = g.pop("unit", None)
    if unit is not None:
        if response.status_code < 400 or g.get("keep", False):
            unit.__exit__(None, None, None)
        else:
            _undo(unit)
    return response


def _abandon(error: BaseException | None) -> None:
    unit: AbstractContextManager[None] | None = g.pop("unit", None)
    if unit is not None:
        _undo(unit)


def _undo(unit: AbstractContextManager[None]) -> None:
    reason = _Undone()
    try:
        unit.__exit__(_Undone, reason, None)
    except _Undone:
        return
