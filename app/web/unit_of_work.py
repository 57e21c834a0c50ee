"""One unit of work for each request of a site (app/web/sites.py).

    GET, HEAD          read_only()    changes nothing and never waits for a writer
    everything else    transaction()  commits when the status is below 400, rolls back otherwise

A refusal that must be remembered, like a wrong password, says so with `commit_despite_error`.
"""

from contextlib import AbstractContextManager

from flask import Response, abort, g, request

from config.database import read_only, transaction


class _RolledBack(Exception):
    """Ends a unit of work whose answer was a refusal."""


def reject_nul_characters() -> None:
    """Answer 400 to a NUL character in the address or the form.

    PostgreSQL stores none and no keyboard types one, so the request was made by hand.
    """
    sent = (request.full_path, *request.args.values(), *request.form.values())
    if any("\0" in value for value in sent):
        abort(400)


def commit_despite_error() -> None:
    """Commit this request's changes although its answer is a refusal."""
    g.keep = True


def begin() -> None:
    """Open the request's unit of work."""
    is_read_only = request.method in ("GET", "HEAD", "OPTIONS")
    g.unit = read_only() if is_read_only else transaction()
    g.unit.__enter__()


def end(response: Response) -> Response:
    """Commit or roll back by the status of the response, which is returned as it is."""
    unit: AbstractContextManager[None] | None = g.pop("unit", None)
    if unit is not None:
        if response.status_code < 400 or g.get("keep", False):
            unit.__exit__(None, None, None)
        else:
            _roll_back(unit)
    return response


def roll_back_unfinished(error: BaseException | None) -> None:
    """Roll back what an error on the way to the response has left open."""
    unit: AbstractContextManager[None] | None = g.pop("unit", None)
    if unit is not None:
        _roll_back(unit)


def _roll_back(unit: AbstractContextManager[None]) -> None:
    reason = _RolledBack()
    try:
        unit.__exit__(_RolledBack, reason, None)
    except _RolledBack:
        return
