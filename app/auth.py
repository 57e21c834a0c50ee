"""Who asks, and may they: the guard in front of every page of the console.

    cookie ──> session ──> staff ──> Member      before the view, in a short unit of its own
    view ── @needs(Right, …) | @public | @signed_in      without one of these nobody gets in
         └─ @confirmed       the second factor again, when the last proof is ten minutes old

A right must be held somewhere to open a page; where it holds is asked by the doors of the rooms
(`access_…`), which know only what is within reach.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import (
    Flask,
    Response,
    current_app,
    g,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from werkzeug.wrappers import Response as AnyResponse

from app import edge, live
from config import audit, clock
from config.database import reading, transaction
from config.tenancy import Forbidden, Member, Right
from matrix.staff import grants, people, sessions, signing
from matrix.staff.people import Staff, State
from matrix.staff.sessions import Origin, Session, Stage
from matrix.staff.signing import Duty

View = TypeVar("View", bound=Callable[..., Any])
_COOKIE = "sid"
_PUBLIC, _SIGNED_IN = "public", "signed_in"
# a request that only looks for news must not keep a forgotten page alive
QUIET = "X-Quiet"


@dataclass(frozen=True)
class Visitor:
    """Who is signed in: the person, their session, what they may do and what they still owe."""

    staff: Staff
    session: Session
    member: Member
    duty: Duty | None


# ---- marks of a view ----


def needs(*rights: Right) -> Callable[[View], View]:
    """The view is for whoever has one of these rights anywhere."""
    return _marked(rights)


def public(view: View) -> View:
    """The view is for everybody; the house test keeps the list of these."""
    return _marked(_PUBLIC)(view)


def signed_in(view: View) -> View:
    """The view is for whoever is signed in, also with a duty still owed."""
    return _marked(_SIGNED_IN)(view)


def _marked(mark: object) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        view.needs = mark  # type: ignore[attr-defined]  # read by `guard` and the house tests
        return view

    return decorate


def confirmed(view: View) -> View:
    """The view asks for the second factor again, unless that happened a short while ago.

    What was typed into the form is not lost: it is carried along and handed in again.
    """

    @wraps(view)
    def asking(*args: Any, **values: Any) -> Any:
        visitor, now = current(), clock.now()
        if visitor.session.is_fresh(now=now):
            return view(*args, **values)
        problem = ""
        if "confirm_proof" in request.form:
            if signing.confirm(visitor.session, request.form["confirm_proof"], origin(), now=now):
                return view(*args, **values)
            edge.keep()
            problem = "不正确，请重试"
        return _ask_again(visitor, problem)

    asking.is_confirmed = True  # type: ignore[attr-defined]  # read by the house tests
    return asking  # type: ignore[return-value]  # wraps keeps the view's own signature


def _ask_again(visitor: Visitor, problem: str) -> tuple[str, int]:
    """A page of its own, or, when htmx asks, what takes the place of the form."""
    own = ("csrf_token", "confirm_proof")
    told: dict[str, Any] = {
        "carried": [pair for pair in request.form.items(multi=True) if pair[0] not in own],
        "problem": problem,
        "by_code": visitor.staff.has_second_factor,
    }
    if "HX-Request" in request.headers:
        target = request.headers.get("HX-Target", "")
        return render_template("console/confirm_here.html", target=target, **told), 422
    back = request.referrer if _is_own(request.referrer or "") else url_for("home.index")
    return render_template("console/confirm.html", back=back, **told), 403


# ---- the guard ----


def register(app: Flask) -> None:
    """Put the guard in front of the console's views."""
    edge.register(app, prepare=_identify)
    app.before_request(_guard)
    app.teardown_request(_forget)


def current() -> Visitor:
    """Who is signed in; only within a view that is not public."""
    visitor: Visitor = g.visitor
    return visitor


def member() -> Member:
    """What the person who asks may do where."""
    return current().member


def origin() -> Origin:
    """Where the request comes from."""
    return Origin(request.remote_addr or "", request.user_agent.string)


def _identify() -> None:
    """Find the visitor of the cookie, and note that they are still there."""
    g.visitor, g.half = None, None
    # pages ask for the picture inside their unit of work, where a new process could not build it
    live.current()
    now = clock.now()
    secret = session.get(_COOKIE)
    if secret is None:
        return
    with reading():
        found = sessions.find(secret, now=now)
        person = people.get(found.staff_id) if found is not None else None
        if found is None or person is None or person.state is State.DISABLED:
            session.clear()
            return
        if found.stage is Stage.HALF:
            g.half = found
        else:
            g.visitor = _visitor(person, found, now)
    if g.visitor and now - found.seen_at > sessions.NOTED and QUIET not in request.headers:
        with transaction():
            sessions.touch(found.id, now=now)


def _visitor(person: Staff, found: Session, now: datetime) -> Visitor:
    standing = signing.reachable(person, request.remote_addr or "")
    return Visitor(
        staff=person,
        session=found,
        member=grants.member(person, standing, today=clock.local_day(now)),
        duty=signing.duty(person, standing, now=now),
    )


def _guard() -> AnyResponse | None:
    if not request.path.startswith(edge.CONSOLE) or request.endpoint is None:
        return None
    mark = getattr(current_app.view_functions[request.endpoint], "needs", None)
    if mark == _PUBLIC:
        return None
    visitor: Visitor | None = g.visitor
    if visitor is None:
        if "HX-Request" in request.headers:
            # the page stays, with what was typed into it, and says what to do
            return Response(status=401)
        return redirect(url_for("sign_in.index", next=_here()))
    _act_as(visitor)
    if mark == _SIGNED_IN:
        return None
    if visitor.duty is not None:
        return _to(url_for(_DUTIES[visitor.duty]))
    if not isinstance(mark, tuple):
        raise Forbidden(endpoint=request.endpoint)
    visitor.member.require_anywhere(*mark)
    return None


_DUTIES = {Duty.NEW_PASSWORD: "me.password", Duty.SECOND_FACTOR: "me.second_factor"}


def _act_as(visitor: Visitor) -> None:
    actor = audit.Actor(
        visitor.staff.name, visitor.staff.id, request.remote_addr or "", g.request_id
    )
    g.acting = ExitStack()
    g.acting.enter_context(audit.acting(actor))


def _forget(error: BaseException | None) -> None:
    acting: ExitStack | None = g.pop("acting", None)
    if acting is not None:
        acting.close()


def _to(address: str) -> AnyResponse:
    """Send the browser somewhere; htmx is told to load the whole page anew."""
    if "HX-Request" in request.headers:
        return Response(status=401, headers={"HX-Redirect": address})
    return redirect(address)


# ---- the cookie, and where to go after ----


def enter(secret: str) -> None:
    """Give the browser a new session; nothing of the old one stays."""
    session.clear()
    session[_COOKIE] = secret


def leave() -> None:
    """Take the session from the browser."""
    session.clear()


def _here() -> str | None:
    """The page to come back to: only one that can be read again."""
    return request.full_path.rstrip("?") if request.method == "GET" else None


def next_page() -> str:
    """Where to go after signing in: a page of the console and nothing else."""
    wished = request.args.get("next", "")
    return wished if _is_path(wished) else url_for("home.index")


def _is_path(address: str) -> bool:
    # browsers read a backslash as a slash, and "//" as another machine
    parts = urlsplit(address)
    is_plain = not parts.scheme and not parts.netloc and "\\" not in address
    return is_plain and address.startswith(edge.CONSOLE) and address.isprintable()


def _is_own(address: str) -> bool:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}/" == request.host_url and _is_path(parts.path)
