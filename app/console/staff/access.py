"""What an administrator does to a person's way in: links, locks, sign-ins, factor, disabling."""

from app import auth
from app.auth import confirmed, needs
from app.console.drawing import away, done, warn
from app.console.staff.group import Answer, blueprint, invitation
from config import clock
from config.errors import Invalid
from config.tenancy import Right
from matrix.staff import managing


@blueprint.post("/<int:staff_id>/link")
@needs(Right.STAFF_MANAGE)
@confirmed
def link(staff_id: int) -> Answer:
    """A one-time link for a first or a new password, shown this once."""
    try:
        return invitation(*managing.link(auth.member(), staff_id, now=clock.now()))
    except Invalid as error:
        warn(error.problem)
        return away("staff.show", staff_id=staff_id)


@blueprint.post("/<int:staff_id>/unlock")
@needs(Right.STAFF_MANAGE)
def unlock(staff_id: int) -> Answer:
    """Let a locked name try again."""
    managing.unlock(auth.member(), staff_id)
    done("登录锁定已解除。")
    return away("staff.show", staff_id=staff_id)


@blueprint.post("/<int:staff_id>/disable")
@needs(Right.STAFF_MANAGE)
@confirmed
def disable(staff_id: int) -> Answer:
    """Let a person sign in no more."""
    managing.disable(auth.member(), staff_id, now=clock.now())
    done("已停用，TA 的登录已全部结束。")
    return away("staff.show", staff_id=staff_id)


@blueprint.post("/<int:staff_id>/enable")
@needs(Right.STAFF_MANAGE)
@confirmed
def enable(staff_id: int) -> Answer:
    """Let a person sign in again."""
    managing.enable(auth.member(), staff_id)
    done("已恢复，TA 可以重新登录。")
    return away("staff.show", staff_id=staff_id)


@blueprint.post("/<int:staff_id>/factor")
@needs(Right.STAFF_MANAGE)
@confirmed
def reset_factor(staff_id: int) -> Answer:
    """Take a person's second factor away."""
    managing.reset_factor(auth.member(), staff_id, now=clock.now())
    done("第二步验证已重置，TA 下次登录时重新设置。")
    return away("staff.show", staff_id=staff_id)


@blueprint.post("/<int:staff_id>/sessions/end")
@needs(Right.STAFF_MANAGE)
def end_sessions(staff_id: int) -> Answer:
    """End all sign-ins of a person."""
    managing.end_sessions(auth.member(), staff_id, now=clock.now())
    done("TA 的登录已全部结束。")
    return away("staff.show", staff_id=staff_id)


@blueprint.post("/<int:staff_id>/sessions/<int:session_id>/end")
@needs(Right.STAFF_MANAGE)
def end_session(staff_id: int, session_id: int) -> Answer:
    """End one sign-in of a person."""
    managing.end_sessions(auth.member(), staff_id, session_id=session_id, now=clock.now())
    done("该处登录已结束。")
    return away("staff.show", staff_id=staff_id)
