"""Off-boarding: a preview of what it does, and doing it."""

from flask import render_template, url_for
from wtforms import StringField
from wtforms.validators import InputRequired, Length

from app.console import forms
from app.console.responses import ViewResult
from app.console.staff.blueprint import blueprint
from app.web import auth
from app.web.auth import requires, requires_confirmation
from config import clock
from config.permissions import Permission
from matrix.notifications import channels
from matrix.staff import administration, directory
from matrix.staff.administration import OffboardingPlan


class OffboardingForm(forms.Form):
    """Why somebody leaves."""

    reason = StringField("原因", [InputRequired("请写明原因"), Length(max=200)], [forms.strip])


@blueprint.get("/<int:staff_id>/leave")
@requires(Permission.STAFF_MANAGE)
def offboarding(staff_id: int) -> str:
    """What off-boarding this person will do."""
    return _render(
        "offboarding",
        administration.plan_offboarding(auth.member(), staff_id, now=clock.now()),
        OffboardingForm(),
    )


@blueprint.post("/<int:staff_id>/leave")
@requires(Permission.STAFF_MANAGE)
@requires_confirmation
def offboard(staff_id: int) -> ViewResult:
    """Disable a person, end their sessions and revoke their roles; show what is left to do."""
    form, now = OffboardingForm(), clock.now()
    if form.validate():
        with forms.errors_on(form, "reason"):
            plan = administration.offboard(
                auth.member(), staff_id, reason=form.reason.data or "", now=now
            )
            # here and not in `administration`, which stands below the notifications
            channels.delete_of_person(staff_id)
            # at once and not after a redirect: with the roles gone, the plan cannot be made again
            return _render("offboarded", plan, form)
    return _render(
        "offboarding", administration.plan_offboarding(auth.member(), staff_id, now=now), form
    ), 422


def _render(name: str, plan: OffboardingPlan, form: OffboardingForm) -> str:
    return render_template(
        f"console/staff/{name}.html",
        plan=plan,
        form=form,
        names=directory.scope_names([plan.person], plan.grants),
        account_urls={
            account.id: url_for("accounts.show", account_id=account.id) for account in plan.accounts
        },
        today=clock.local_day(clock.now()),
    )
