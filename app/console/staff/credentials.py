"""What an administrator does to a person's way in: links, locks, sign-ins, factor, disabling."""

from app.console.staff.blueprint import ViewResult, blueprint, render_one_time_link
from app.console.template_globals import flash_success, flash_warning, redirect_to
from app.web import auth
from app.web.auth import requires, requires_confirmation
from config import clock
from config.errors import Invalid
from config.permissions import Permission
from matrix.staff import administration


@blueprint.post("/<int:staff_id>/link")
@requires(Permission.STAFF_MANAGE)
@requires_confirmation
def create_link(staff_id: int) -> ViewResult:
    """A one-time link for a first or a new password, shown this once."""
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
    """Let a locked name try again."""
    administration.unlock(auth.member(), staff_id)
    flash_success("登录锁定已解除。")
    return redirect_to("staff.show", staff_id=staff_id)


@blueprint.post("/<int:staff_id>/disable")
@requires(Permission.STAFF_MANAGE)
@requires_confirmation
def disable(staff_id: int) -> ViewResult:
    """Let a person sign in no more."""
    administration.disable(auth.member(), staff_id, now=clock.now())
    flash_success("已停用，TA 的登录已全部结束。")
    return redirect_to("staff.show", staff_id=staff_id)


@blueprint.post("/<int:staff_id>/enable")
@requires(Permission.STAFF_MANAGE)
@requires_confirmation
def enable(staff_id: int) -> ViewResult:
    """Let a person sign in again."""
    administration.enable(auth.member(), staff_id)
    flash_success("已恢复，TA 可以重新登录。")
    return redirect_to("staff.show", staff_id=staff_id)


@blueprint.post("/<int:staff_id>/factor")
@requires(Permission.STAFF_MANAGE)
@requires_confirmation
def reset_two_factor(staff_id: int) -> ViewResult:
    """Take a person's second factor away."""
    administration.reset_two_factor(auth.member(), staff_id, now=clock.now())
    flash_success("第二步验证已重置，TA 下次登录时重新设置。")
    return redirect_to("staff.show", staff_id=staff_id)


@blueprint.post("/<int:staff_id>/sessions/end")
@requires(Permission.STAFF_MANAGE)
def end_sessions(staff_id: int) -> ViewResult:
    """End all sign-ins of a person."""
    administration.end_sessions(auth.member(), staff_id, now=clock.now())
    flash_success("TA 的登录已全部结束。")
    return redirect_to("staff.show", staff_id=staff_id)


@blueprint.post("/<int:staff_id>/sessions/<int:session_id>/end")
@requires(Permission.STAFF_MANAGE)
def end_session(staff_id: int, session_id: int) -> ViewResult:
    """End one sign-in of a person."""
    administration.end_sessions(auth.member(), staff_id, session_id=session_id, now=clock.now())
    flash_success("该处登录已结束。")
    return redirect_to("staff.show", staff_id=staff_id)
