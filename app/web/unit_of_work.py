"""The edge of a request: one unit of work, kept when the answer is good, undone otherwise.

    GET, HEAD          reading()      changes nothing, never waits for a writer
    everything else    transaction()  commits when the answer is below 400

A refusal that must be remembered (a wrong password) says so with `keep`.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeVar

from flask import Flask, Response, abort, g, request

from config.database import read_only, transaction

T = TypeVar("T")

# where the staff's pages stand: the unit of work, the guard and the headers ask for it
CONSOLE_PREFIX = "/console/"


class _RolledBack(Exception):
    """Ends a unit of work whose answer was a refusal."""


def register(app: Flask, prepare: Callable[[], None]) -> None:
    """Give each request of the pages its unit of work. `prepare` runs first, outside of it."""

    def open_unit() -> None:
        if request.path.startswith(CONSOLE_PREFIX):
            _reject_nul_characters()
            prepare()
            _begin()

    app.before_request(open_unit)
    app.after_request(_end)
    app.teardown_request(_roll_back_on_teardown)


def _reject_nul_characters() -> None:
    """No column holds a NUL, no keyboard types one: who sends it tries something. 400."""
    sent = (request.full_path, *request.args.values(), *request.form.values())
    if any("\0" in value for value in sent):
        abort(400)


def commit_despite_error() -> None:
    """Commit this request's changes although its answer is a refusal."""
    g.keep = True


def outside_transaction(work: Callable[[], T]) -> T:
    """Do what takes long while the request has no unit of work, so that nobody waits for it.

    `work` opens units of its own. What the request has changed before is kept, whatever follows.
    """
    unit: AbstractContextManager[None] = g.pop("unit")
    unit.__exit__(None, None, None)
    try:
        return work()
    finally:
        _begin()


def _begin() -> None:
    is_read_only = request.method in ("GET", "HEAD", "OPTIONS")
    g.unit = read_only() if is_read_only else transaction()
    g.unit.__enter__()


def _end(response: Response) -> Response:
    unit: AbstractContextManager[None] | None = g.pop("unit", None)
    if unit is not None:
        if response.status_code < 400 or g.get("keep", False):
            unit.__exit__(None, None, None)
        else:
            _roll_back(unit)
    return response


def _roll_back_on_teardown(error: BaseException | None) -> None:
    unit: AbstractContextManager[None] | None = g.pop("unit", None)
    if unit is not None:
        _roll_back(unit)


def _roll_back(unit: AbstractContextManager[None]) -> None:
    reason = _RolledBack()
    try:
        unit.__exit__(_RolledBack, reason, None)
    except _RolledBack:
        return
