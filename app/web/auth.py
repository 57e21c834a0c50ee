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

from app import snapshots
from app.web import unit_of_work
from config import audit, clock
from config.database import read_only, transaction
from config.permissions import Forbidden, Permission, Principal
from matrix.staff import authentication, grants, members, sessions
from matrix.staff.authentication import RequiredAction
from matrix.staff.members import Staff, StaffState
from matrix.staff.sessions import ClientInfo, SessionStage, StaffSession

View = TypeVar("View", bound=Callable[..., Any])
_SESSION_KEY = "sid"
_PUBLIC, _SIGNED_IN = "public", "signed_in"
# a request that only looks for news must not keep a forgotten page alive
QUIET_HEADER = "X-Quiet"


@dataclass(frozen=True)
class CurrentStaff:
    """Who is signed in: the person, their session, what they may do and what they still owe."""

    staff: Staff
    session: StaffSession
    member: Principal
    required_action: RequiredAction | None


# ---- marks of a view ----


def requires(*rights: Permission) -> Callable[[View], View]:
    """The view is for whoever has one of these rights anywhere."""
    return _mark_view(rights)


def public(view: View) -> View:
    """The view is for everybody; the house test keeps the list of these."""
    return _mark_view(_PUBLIC)(view)


def requires_sign_in(view: View) -> View:
    """The view is for whoever is signed in, also with a duty still owed."""
    return _mark_view(_SIGNED_IN)(view)


def _mark_view(mark: object) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        view.needs = mark  # type: ignore[attr-defined]  # read by `guard` and the house tests
        return view

    return decorate


def requires_confirmation(view: View) -> View:
    """The view asks for the second factor again, unless that happened a short while ago.

    What was typed into the form is not lost: it is carried along and handed in again.
    """

    @wraps(view)
    def wrapper(*args: Any, **values: Any) -> Any:
        current_staff, now = current(), clock.now()
        if current_staff.session.is_recently_confirmed(now=now):
            return view(*args, **values)
        problem = ""
        if "confirm_proof" in request.form:
            if authentication.reauthenticate(
                current_staff.session, request.form["confirm_proof"], origin(), now=now
            ):
                return view(*args, **values)
            unit_of_work.commit_despite_error()
            problem = "不正确，请重试"
        return _confirmation_page(current_staff, problem)

    wrapper.is_confirmed = True  # type: ignore[attr-defined]  # read by the house tests
    return wrapper  # type: ignore[return-value]  # wraps keeps the view's own signature


def _confirmation_page(current_staff: CurrentStaff, problem: str) -> tuple[str, int]:
    """A page of its own, or, when htmx asks, what takes the place of the form."""
    own_fields = ("csrf_token", "confirm_proof")
    context: dict[str, Any] = {
        "carried": [pair for pair in request.form.items(multi=True) if pair[0] not in own_fields],
        "problem": problem,
        "by_code": current_staff.staff.has_second_factor,
    }
    if "HX-Request" in request.headers:
        target = request.headers.get("HX-Target", "")
        return render_template("console/_confirm_dialog.html", target=target, **context), 422
    back = request.referrer if _is_same_origin(request.referrer or "") else url_for("home.index")
    return render_template("console/confirm.html", back=back, **context), 403


# ---- the guard ----


def register(app: Flask) -> None:
    """Put the guard in front of the console's views."""
    unit_of_work.register(app, prepare=_load_session)
    app.before_request(_check_access)
    app.teardown_request(_clear_audit_actor)


def current() -> CurrentStaff:
    """Who is signed in; only within a view that is not public."""
    current_staff: CurrentStaff = g.visitor
    return current_staff


def member() -> Principal:
    """What the person who asks may do where."""
    return current().member


def origin() -> ClientInfo:
    """Where the request comes from."""
    return ClientInfo(request.remote_addr or "", request.user_agent.string)


def _load_session() -> None:
    """Find the visitor of the cookie, and note that they are still there."""
    g.visitor, g.half = None, None
    # pages ask for the picture inside their unit of work, where a new process could not build it
    snapshots.current()
    now = clock.now()
    secret = session.get(_SESSION_KEY)
    if secret is None:
        return
    with read_only():
        found = sessions.find(secret, now=now)
        staff = members.get(found.staff_id) if found is not None else None
        if found is None or staff is None or staff.state is StaffState.DISABLED:
            session.clear()
            return
        if found.stage is SessionStage.HALF:
            g.half = found
        else:
            g.visitor = _current_staff(staff, found, now)
    if (
        g.visitor
        and now - found.seen_at > sessions.TOUCH_INTERVAL
        and QUIET_HEADER not in request.headers
    ):
        with transaction():
            sessions.touch(found.id, now=now)


def _current_staff(staff: Staff, found: StaffSession, now: datetime) -> CurrentStaff:
    grants_in_force = authentication.allowed_grants(staff, request.remote_addr or "")
    return CurrentStaff(
        staff=staff,
        session=found,
        member=grants.principal_for(staff, grants_in_force, today=clock.local_day(now)),
        required_action=authentication.required_action(staff, grants_in_force, now=now),
    )


def _check_access() -> AnyResponse | None:
    if not request.path.startswith(unit_of_work.CONSOLE_PREFIX) or request.endpoint is None:
        return None
    mark = getattr(current_app.view_functions[request.endpoint], "needs", None)
    if mark == _PUBLIC:
        return None
    current_staff: CurrentStaff | None = g.visitor
    if current_staff is None:
        if "HX-Request" in request.headers:
            # the page stays, with what was typed into it, and says what to do
            return Response(status=401)
        return redirect(url_for("sign_in.index", next=_return_path()))
    _set_audit_actor(current_staff)
    if mark == _SIGNED_IN:
        return None
    if current_staff.required_action is not None:
        return _redirect(url_for(_REQUIRED_ACTION_ENDPOINTS[current_staff.required_action]))
    if not isinstance(mark, tuple):
        raise Forbidden(endpoint=request.endpoint)
    current_staff.member.require_anywhere(*mark)
    return None


_REQUIRED_ACTION_ENDPOINTS = {
    RequiredAction.NEW_PASSWORD: "profile.password",
    RequiredAction.SECOND_FACTOR: "profile.set_up_two_factor",
}


def _set_audit_actor(current_staff: CurrentStaff) -> None:
    actor = audit.Actor(
        current_staff.staff.name, current_staff.staff.id, request.remote_addr or "", g.request_id
    )
    g.acting = ExitStack()
    g.acting.enter_context(audit.acting_as(actor))


def _clear_audit_actor(error: BaseException | None) -> None:
    acting: ExitStack | None = g.pop("acting", None)
    if acting is not None:
        acting.close()


def _redirect(address: str) -> AnyResponse:
    """Send the browser somewhere; htmx is told to load the whole page anew."""
    if "HX-Request" in request.headers:
        return Response(status=401, headers={"HX-Redirect": address})
    return redirect(address)


# ---- the cookie, and where to go after ----


def start_session(secret: str) -> None:
    """Give the browser a new session; nothing of the old one stays."""
    session.clear()
    session[_SESSION_KEY] = secret


def end_session() -> None:
    """Take the session from the browser."""
    session.clear()


def _return_path() -> str | None:
    """The page to come back to: only one that can be read again."""
    return request.full_path.rstrip("?") if request.method == "GET" else None


def next_url() -> str:
    """Where to go after signing in: a page of the console and nothing else."""
    requested = request.args.get("next", "")
    return requested if _is_console_path(requested) else url_for("home.index")


def _is_console_path(address: str) -> bool:
    # browsers read a backslash as a slash, and "//" as another machine
    parts = urlsplit(address)
    is_plain = not parts.scheme and not parts.netloc and "\\" not in address
    return is_plain and address.startswith(unit_of_work.CONSOLE_PREFIX) and address.isprintable()


def _is_same_origin(address: str) -> bool:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}/" == request.host_url and _is_console_path(parts.path)
