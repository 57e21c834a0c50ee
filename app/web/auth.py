"""Authentication and authorization of every page of the console.

    cookie ──> session ──> staff ──> Principal        before the view, in a short unit of its own
    view ── @requires(Permission, …) | @public | @requires_sign_in     without one: 403
         └─ @requires_confirmation       the second factor again, unless proven minutes ago

To open a page, a permission must be held anywhere. Whether it holds for the object that the page is
about is decided by the guarded functions (`access_…`) of each package, which raise NotFound
(docs/decisions/0040).
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from flask import (
    Response,
    current_app,
    g,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from app import snapshots
from app.web import devices, unit_of_work
from config import audit, clock
from config.database import read_only, transaction
from config.permissions import Forbidden, Permission, Principal
from matrix.staff import grants, members
from matrix.staff.members import Staff, StaffState
from matrix.staff.sign_in import authentication, sessions
from matrix.staff.sign_in.authentication import RequiredAction
from matrix.staff.sign_in.sessions import ClientInfo, SessionStage, StaffSession

View = TypeVar("View", bound=Callable[..., Any])
_SESSION_KEY = "sid"
_PUBLIC, _SIGNED_IN = "public", "signed_in"
# Sent by pages that poll. Such a request does not count as activity: an open page that nobody looks
# at must not keep its session alive.
QUIET_HEADER = "X-Quiet"


@dataclass(frozen=True)
class CurrentStaff:
    """The signed-in person, the session, what the person may do, and what must be done first.

    `required_action` is None unless a new password or a second factor must be set.
    """

    staff: Staff
    session: StaffSession
    member: Principal
    required_action: RequiredAction | None


# ---- marks of a view ----


def requires(*rights: Permission) -> Callable[[View], View]:
    """Decorator: the view is for staff who hold one of these permissions anywhere."""
    return _mark_view(rights)


def public(view: View) -> View:
    """Decorator: the view is for everybody. A convention test keeps the list of these."""
    return _mark_view(_PUBLIC)(view)


def requires_sign_in(view: View) -> View:
    """Decorator: the view is for everybody signed in, also before a required action is done."""
    return _mark_view(_SIGNED_IN)(view)


def _mark_view(mark: object) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        view.needs = mark  # type: ignore[attr-defined]  # read by `check_access` and tests
        return view

    return decorate


def requires_confirmation(view: View) -> View:
    """Decorator: the view asks for the second factor again, unless it was proven shortly before.

    The submitted form is carried along in hidden fields and submitted again with the proof, so it
    may stand on POST views only. For actions whose damage a stolen open session could do.
    """

    @wraps(view)
    def wrapper(*args: Any, **values: Any) -> Any:
        return ask_confirmation() or view(*args, **values)

    wrapper.is_confirmed = True  # type: ignore[attr-defined]  # read by the convention tests
    return wrapper  # type: ignore[return-value]  # wraps keeps the view's own signature


def ask_confirmation() -> tuple[str, int] | None:
    """The page that asks for the second factor again; None when it was proven shortly before.

    For a POST view that is dangerous with some values only; `requires_confirmation` is for all.
    """
    current_staff, now = current(), clock.now()
    if current_staff.session.is_recently_confirmed(now=now):
        return None
    problem = ""
    if "confirm_proof" in request.form:
        if authentication.reauthenticate(
            current_staff.session, request.form["confirm_proof"], origin(), now=now
        ):
            return None
        # the answer is a refusal, but the counted failure must stay, or guessing would be free
        unit_of_work.commit_despite_error()
        problem = "不正确，请重试"
    return _confirmation_page(current_staff, problem)


def _confirmation_page(current_staff: CurrentStaff, problem: str) -> tuple[str, int]:
    """The page that asks for the proof; for htmx a dialog that replaces the form."""
    own_fields = ("csrf_token", "confirm_proof")
    context: dict[str, Any] = {
        "form_items": [
            pair for pair in request.form.items(multi=True) if pair[0] not in own_fields
        ],
        "problem": problem,
        "has_two_factor": current_staff.staff.has_second_factor,
    }
    if "HX-Request" in request.headers:
        target = request.headers.get("HX-Target", "")
        return render_template("console/_confirm_dialog.html", target=target, **context), 422
    # the Referer header comes from outside: only an address of our own pages becomes a link
    back = request.referrer if _is_same_origin(request.referrer or "") else url_for("home.index")
    return render_template("console/confirm.html", back_url=back, **context), 403


# ---- the guard ----


def current() -> CurrentStaff:
    """Who is signed in. Only inside views that are not public."""
    current_staff: CurrentStaff = g.current_staff
    return current_staff


def member() -> Principal:
    """The signed-in person as a Principal, with the permissions and where they hold."""
    return current().member


def origin() -> ClientInfo:
    """IP address and browser of the request, as sessions show and the throttle counts them."""
    device, known_names = devices.read()
    return ClientInfo(request.remote_addr or "", request.user_agent.string, device, known_names)


def load_session() -> None:
    """Find the session of the cookie, put its person into `g`, and record the activity.

    A site's `prepare` hook: it runs before the request's unit of work and opens short ones of its
    own, so that a page that fails does not undo the record of activity.
    """
    g.current_staff, g.half = None, None
    # Built here at the latest: pages ask for the snapshot inside their unit of work, where building
    # it would open a second one, which is refused.
    snapshots.current()
    now = clock.now()
    secret = session.get(_SESSION_KEY)
    # a stranger's page costs no query
    if secret is None:
        return
    with read_only():
        found = sessions.find(secret, now=now)
        staff = members.get(found.staff_id) if found is not None else None
        # asked at every request, so that disabling a person ends what they have open (ASVS 7.4.2)
        if found is None or staff is None or staff.state is StaffState.DISABLED:
            session.clear()
            return
        if found.stage is SessionStage.HALF:
            g.half = found
        else:
            g.current_staff = _current_staff(staff, found, now)
    if (
        g.current_staff
        # not at every request: a write each would make readers of the console queue for SQLite's
        # one writer
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


def check_access() -> AnyResponse | None:
    """Let the request through (None), or answer with the page that must come first.

    A site's `guard` hook. Raises Forbidden when the person holds none of the permissions of the
    view, and for a view without a decorator: it fails closed.
    """
    mark = getattr(current_app.view_functions[request.endpoint or ""], "needs", None)
    if mark == _PUBLIC:
        return None
    current_staff: CurrentStaff | None = g.current_staff
    if current_staff is None:
        if "HX-Request" in request.headers:
            # A redirect would be followed by htmx and swap the sign-in page into this one. At 401
            # the page stays, with what was typed into it, and asks to sign in in another window.
            return Response(status=401)
        return redirect(url_for("sign_in.index", next=_return_path()))
    _set_audit_actor(current_staff)
    # before the required action, because that is done on such a page
    if mark == _SIGNED_IN:
        return None
    if current_staff.required_action is not None:
        return _redirect(url_for(_REQUIRED_ACTION_ENDPOINTS[current_staff.required_action]))
    if not isinstance(mark, tuple):
        raise Forbidden(endpoint=request.endpoint)
    current_staff.member.require_anywhere(*mark)
    return None


# where each is done; these views carry @requires_sign_in, or nobody could ever reach them
_REQUIRED_ACTION_ENDPOINTS = {
    RequiredAction.NEW_PASSWORD: "profile.password",
    RequiredAction.SECOND_FACTOR: "profile.set_up_two_factor",
}


def _set_audit_actor(current_staff: CurrentStaff) -> None:
    actor = audit.Actor(
        current_staff.staff.name, current_staff.staff.id, request.remote_addr or "", g.request_id
    )
    # the actor holds until the request is torn down, which is in another function than this
    # `with`
    g.acting = ExitStack()
    g.acting.enter_context(audit.acting_as(actor))


def clear_audit_actor(error: BaseException | None) -> None:
    """Reset the actor of audit entries, because the server's threads are used again.

    A site's `teardown` hook, which runs after errors as well.
    """
    acting: ExitStack | None = g.pop("acting", None)
    if acting is not None:
        acting.close()


def _redirect(address: str) -> AnyResponse:
    """A redirect; for htmx one that loads the whole page and not a part of it."""
    if "HX-Request" in request.headers:
        return Response(status=401, headers={"HX-Redirect": address})
    return redirect(address)


# ---- the cookie, and where to go after ----


def start_session(secret: str) -> None:
    """Put the secret of a new session into the cookie.

    Everything else in it is dropped: what was stored before signing in must not carry over (session
    fixation, ASVS 7.2.4).
    """
    session.clear()
    session[_SESSION_KEY] = secret


def end_session() -> None:
    """Empty the cookie. The row of the session is ended by the caller."""
    session.clear()


def _return_path() -> str | None:
    """The address to return to after signing in; None for what a GET cannot repeat."""
    return request.full_path.rstrip("?") if request.method == "GET" else None


def next_url() -> str:
    """Where to go after signing in: the address in `next` if it is a page of the console.

    Any other address would make the sign-in page an open redirect (ASVS 3.7.2).
    """
    requested = request.args.get("next", "")
    return requested if _is_guarded_page(requested) else url_for("home.index")


def _is_guarded_page(address: str) -> bool:
    """Whether an address has no host and leads to a view with a permission decorator."""
    parts = urlsplit(address)
    # browsers take a backslash for a slash, and what follows "//" for the name of a host
    is_local = not parts.scheme and not parts.netloc and "\\" not in address
    if not is_local or not address.isprintable():
        return False
    try:
        # asking the URL map instead of comparing a prefix: no clever spelling of a path gets past
        # it
        endpoint, _ = current_app.url_map.bind(request.host).match(unquote(parts.path))
    except HTTPException:
        return False
    return hasattr(current_app.view_functions[endpoint], "needs")


def _is_same_origin(address: str) -> bool:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}/" == request.host_url and _is_guarded_page(parts.path)
