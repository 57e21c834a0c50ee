"""One unit of work for each request of a site (app/web/sites.py, docs/decisions/0042).

    GET, HEAD          read_only()    changes nothing and never waits for a writer
    everything else    transaction()  commits when the status is below 400, rolls back otherwise

What must be stored although the answer is a refusal, such as a failed sign-in, calls
`commit_despite_error`.
"""

from contextlib import AbstractContextManager

from flask import Response, abort, g, request

from config.database import read_only, transaction


class _RolledBack(Exception):
    """Passed into a unit of work to make it roll back; never leaves this module."""


def reject_nul_characters() -> None:
    """Answer 400 to a NUL character in the address or the form.

    PostgreSQL cannot store one, so the query would fail; and no keyboard types one.
    """
    sent = (request.full_path, *request.args.values(), *request.form.values())
    if any("\0" in value for value in sent):
        abort(400)


def commit_despite_error() -> None:
    """Commit the changes of this request although its status will be 400 or more."""
    g.keep = True


def begin() -> None:
    """Open the request's unit of work; read-only for GET, HEAD and OPTIONS."""
    is_read_only = request.method in ("GET", "HEAD", "OPTIONS")
    g.unit = read_only() if is_read_only else transaction()
    # entered by hand, because Flask's hooks are functions and no block spans the request
    g.unit.__enter__()


def end(response: Response) -> Response:
    """Commit or roll back by the status of the response, which is returned unchanged."""
    unit: AbstractContextManager[None] | None = g.pop("unit", None)
    if unit is not None:
        # redirects are below 400 too: they follow a deed that was done
        if response.status_code < 400 or g.get("keep", False):
            unit.__exit__(None, None, None)
        else:
            _roll_back(unit)
    return response


def roll_back_unfinished(error: BaseException | None) -> None:
    """Roll back a unit that an exception has left open: then `end` was not called."""
    unit: AbstractContextManager[None] | None = g.pop("unit", None)
    if unit is not None:
        _roll_back(unit)


def _roll_back(unit: AbstractContextManager[None]) -> None:
    reason = _RolledBack()
    try:
        unit.__exit__(_RolledBack, reason, None)
    except _RolledBack:
        return
