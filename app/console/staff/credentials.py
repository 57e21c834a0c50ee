"""How a person signs in, as an administrator changes it: links, locks, sessions, second factor."""

from app.console.responses import ViewResult, flash_success, flash_warning, redirect_to
from app.console.staff.blueprint import blueprint, render_one_time_link
from app.web import auth
from app.web.auth import requires, requires_confirmation
from config import clock
from config.errors import Invalid
from config.permissions import Permission
from matrix.staff import administration

# Which person may be touched is decided in `administration` each time: only whom one's own
# permissions cover, and never oneself. What opens a way to sign in as somebody, or takes one away,
# asks for the second factor again; ending a session or a lock does not, as it can do little harm.


@blueprint.post("/<int:staff_id>/link")
@requires(Permission.STAFF_MANAGE)
@requires_confirmation
def create_link(staff_id: int) -> ViewResult:
    """Create a one-time link for a first or a new password, and show it."""
    try:
        return render_one_time_link(
            *administration.create_link(auth.member(), staff_id, now=clock.now())
        )
    except Invalid as error:
        flash_warning(error.problem)
        return redirect_to("staff.show", staff_id=staff_id)


@blueprint.post("/<int:staff_id>/unlock")
@requires(Permission.STAFF_MANAGE)
def unlock(staff_id: int) -> ViewResult:
    """Unlock a sign-in name that was locked after failed attempts."""
    administration.unlock(auth.member(), staff_id)
    flash_success("登录等待已解除。")
    return redirect_to("staff.show", staff_id=staff_id)


@blueprint.post("/<int:staff_id>/disable")
@requires(Permission.STAFF_MANAGE)
@requires_confirmation
def disable(staff_id: int) -> ViewResult:
    """Disable a person; all their sessions end."""
    administration.disable(auth.member(), staff_id, now=clock.now())
    flash_success("已停用，TA 的登录已全部结束。")
    return redirect_to("staff.show", staff_id=staff_id)


@blueprint.post("/<int:staff_id>/enable")
@requires(Permission.STAFF_MANAGE)
@requires_confirmation
def enable(staff_id: int) -> ViewResult:
    """Enable a disabled person."""
    administration.enable(auth.member(), staff_id, now=clock.now())
    flash_success("已恢复，TA 可以重新登录。")
    return redirect_to("staff.show", staff_id=staff_id)


@blueprint.post("/<int:staff_id>/factor")
@requires(Permission.STAFF_MANAGE)
@requires_confirmation
def reset_two_factor(staff_id: int) -> ViewResult:
    """Remove a person's second factor; they set it up anew at the next sign-in."""
    administration.reset_two_factor(auth.member(), staff_id, now=clock.now())
    flash_success("第二步验证已重置，TA 下次登录时重新设置。")
    return redirect_to("staff.show", staff_id=staff_id)


@blueprint.post("/<int:staff_id>/sessions/end")
@requires(Permission.STAFF_MANAGE)
def end_sessions(staff_id: int) -> ViewResult:
    """End all sessions of a person."""
    administration.end_sessions(auth.member(), staff_id, now=clock.now())
    flash_success("TA 的登录已全部结束。")
    return redirect_to("staff.show", staff_id=staff_id)


@blueprint.post("/<int:staff_id>/sessions/<int:session_id>/end")
@requires(Permission.STAFF_MANAGE)
def end_session(staff_id: int, session_id: int) -> ViewResult:
    """End one session of a person."""
    administration.end_sessions(auth.member(), staff_id, session_id=session_id, now=clock.now())
    flash_success("该处登录已结束。")
    return redirect_to("staff.show", staff_id=staff_id)
