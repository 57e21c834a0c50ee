"""Off-boarding: what it will do, and then the deed."""

from flask import current_app, render_template, url_for
from wtforms import StringField
from wtforms.validators import InputRequired, Length

from app.console import forms
from app.console.staff.blueprint import ViewResult, blueprint
from app.web import auth
from app.web.auth import requires, requires_confirmation
from config import clock
from config.permissions import Permission
from matrix.staff import administration, directory
from matrix.staff.administration import OffboardingPlan


class OffboardingForm(forms.Form):
    """Why somebody leaves."""

    reason = StringField("原因", [InputRequired("请写明原因"), Length(max=200)], [forms.strip])


@blueprint.get("/<int:staff_id>/leave")
@requires(Permission.STAFF_MANAGE)
def offboarding(staff_id: int) -> str:
    """What an off-boarding of this person would do."""
    return _render(
        "offboarding",
        administration.plan_offboarding(auth.member(), staff_id, now=clock.now()),
        OffboardingForm(),
    )


@blueprint.post("/<int:staff_id>/leave")
@requires(Permission.STAFF_MANAGE)
@requires_confirmation
def offboard(staff_id: int) -> ViewResult:
    """Let a person go; show what is still to be done."""
    form, now = OffboardingForm(), clock.now()
    if form.validate():
        with forms.errors_on(form, "reason"):
            plan = administration.offboard(
                auth.member(), staff_id, reason=form.reason.data or "", now=now
            )
            return _render("offboarded", plan, form)
    return _render(
        "offboarding", administration.plan_offboarding(auth.member(), staff_id, now=now), form
    ), 422


def _account_url(account_id: int) -> str | None:
    """Where an account's secrets are changed."""
    if "accounts.show" not in current_app.view_functions:
        return None
    return url_for("accounts.show", account_id=account_id)


def _render(name: str, plan: OffboardingPlan, form: OffboardingForm) -> str:
    return render_template(
        f"console/staff/{name}.html",
        left=plan,
        form=form,
        names=directory.scope_names([plan.person], plan.grants),
        pages={account.id: _account_url(account.id) for account in plan.accounts},
        today=clock.local_day(clock.now()),
    )
