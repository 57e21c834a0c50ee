"""Sites: pages that share a guard, a unit of work and headers.

    site = Site(blueprints, prepare=auth.load_session, guard=auth.check_access, …)
    site.register(app)

A page belongs to a site through its blueprint, never through the beginning of its address: a
page of another site, or of none, meets nothing of this one. For each request the hooks run as

    reject NUL characters ─> `prepare` ─> computing ─> unit of work begins ─> `guard` ─> CSRF token
    ─> view
    view ─> unit of work ends ─> `after`

so `prepare` may use transactions of its own, and `guard` reads within the request's. What takes
long, such as hashing a password, a view has computed before its unit of work, with no transaction
open: `@computes_before(function)`, and `computed()` in the view.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from flask import Blueprint, Flask, Response, current_app, g, request
from flask.typing import ResponseReturnValue
from flask_wtf import CSRFProtect

from app.web import unit_of_work
from config.errors import DomainError

View = TypeVar("View", bound=Callable[..., Any])
BeforeHook = Callable[[], ResponseReturnValue | None]
AfterHook = Callable[[Response], Response]
TeardownHook = Callable[[BaseException | None], None]

# checked by each site after its guard, so that a visitor who is not signed in is sent to the
# sign-in page and not told about a token (WTF_CSRF_CHECK_DEFAULT is off)
csrf = CSRFProtect()


def computes_before(function: Callable[[], object]) -> Callable[[View], View]:
    """Decorator: `function` runs before the unit of work of each POST to the view.

    It reads the form by itself, and may use transactions of its own.
    """

    def decorate(view: View) -> View:
        view.computes = function  # type: ignore[attr-defined]  # read by `_compute`
        return view

    return decorate


def computed() -> Any:
    """What the function of `computes_before` returned. Raises the DomainError that it raised."""
    if isinstance(g.computed, DomainError):
        raise g.computed
    return g.computed


def _compute() -> None:
    function = getattr(current_app.view_functions[request.endpoint or ""], "computes", None)
    g.computed = None
    if function is None or request.method != "POST":
        return
    # the token first: nobody else's page may make browsers spend our CPU
    csrf.protect()
    try:
        g.computed = function()
    # the view shows it in its form
    except DomainError as error:
        g.computed = error


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
            _compute,
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
