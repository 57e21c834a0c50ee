"""Off-boarding: what it will do, and then the deed."""

from flask import current_app, render_template, url_for
from wtforms import StringField
from wtforms.validators import InputRequired, Length

from app import auth
from app.auth import confirmed, needs
from app.console import forms
from app.console.staff.group import Answer, blueprint
from config import clock
from config.tenancy import Right
from matrix.staff import directory, managing
from matrix.staff.managing import Leaving


class LeavingForm(forms.Form):
    """Why somebody leaves."""

    reason = StringField("原因", [InputRequired("请写明原因"), Length(max=200)], [forms.trimmed])


@blueprint.get("/<int:staff_id>/leave")
@needs(Right.STAFF_MANAGE)
def leave(staff_id: int) -> str:
    """What an off-boarding of this person would do."""
    return _page("leave", managing.leaving(auth.member(), staff_id, now=clock.now()), LeavingForm())


@blueprint.post("/<int:staff_id>/leave")
@needs(Right.STAFF_MANAGE)
@confirmed
def off_board(staff_id: int) -> Answer:
    """Let a person go; show what is still to be done."""
    form, now = LeavingForm(), clock.now()
    if form.validate():
        with forms.blaming(form, "reason"):
            left = managing.off_board(
                auth.member(), staff_id, reason=form.reason.data or "", now=now
            )
            return _page("left", left, form)
    return _page("leave", managing.leaving(auth.member(), staff_id, now=now), form), 422


def _page_of(account_id: int) -> str | None:
    """Where an account's secrets are changed."""
    if "accounts.show" not in current_app.view_functions:
        return None
    return url_for("accounts.show", account_id=account_id)


def _page(name: str, left: Leaving, form: LeavingForm) -> str:
    return render_template(
        f"console/staff/{name}.html",
        left=left,
        form=form,
        names=directory.names([left.person], left.grants),
        pages={account.id: _page_of(account.id) for account in left.accounts},
        today=clock.local_day(clock.now()),
    )
