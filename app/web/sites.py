"""Sites: pages that share a guard, a unit of work and headers.

    site = Site(blueprints, prepare=auth.load_session, guard=auth.check_access, …)
    site.register(app)

A page belongs to a site through its blueprint, never through the beginning of its address: a
page of another site, or of none, meets nothing of this one. For each request the hooks run as

    reject NUL characters ─> `prepare` ─> unit of work begins ─> `guard` ─> CSRF token ─> view
    view ─> unit of work ends ─> `after`

so `prepare` may use transactions of its own, and `guard` reads within the request's.
"""

from collections.abc import Callable, Iterable

from flask import Blueprint, Flask, Response
from flask.typing import ResponseReturnValue
from flask_wtf import CSRFProtect

from app.web import unit_of_work

BeforeHook = Callable[[], ResponseReturnValue | None]
AfterHook = Callable[[Response], Response]
TeardownHook = Callable[[BaseException | None], None]

# checked by each site after its guard, so that a visitor who is not signed in is sent to the
# sign-in page and not told about a token (WTF_CSRF_CHECK_DEFAULT is off)
csrf = CSRFProtect()


class Site:
    """The blueprints of one site, with the hooks that run around each of their requests."""

    def __init__(
        self,
        blueprints: Iterable[Blueprint],
        *,
        prepare: BeforeHook,
        guard: BeforeHook,
        after: AfterHook,
        teardown: TeardownHook,
    ) -> None:
        """Put the hooks on the blueprints.

        `prepare` runs outside of any transaction, `guard` inside the request's unit of work; what
        either returns instead of None is the answer, and the view is not asked. `after` gets each
        response and returns it, or another; `teardown` runs last, also after an error.
        """
        self._before = (
            # first, because every later hook may compare what was sent with the database
            unit_of_work.reject_nul_characters,
            prepare,
            unit_of_work.begin,
            guard,
            csrf.protect,
        )
        self._after = after
        self._teardown = teardown
        self.blueprints = tuple(self.protect(blueprint) for blueprint in blueprints)

    def protect(self, blueprint: Blueprint) -> Blueprint:
        """Put the site's hooks on a blueprint that no application has registered yet."""
        for hook in self._before:
            blueprint.before_request(hook)
        # Flask calls these in reverse order: the unit of work ends before the headers are set
        blueprint.after_request(self._after)
        blueprint.after_request(unit_of_work.end)
        blueprint.teardown_request(self._teardown)
        blueprint.teardown_request(unit_of_work.roll_back_unfinished)
        return blueprint

    def register(self, app: Flask) -> None:
        """Register all blueprints of the site."""
        for blueprint in self.blueprints:
            app.register_blueprint(blueprint)
