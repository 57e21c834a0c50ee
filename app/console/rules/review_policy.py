"""What a department asks of its rules: a second person, and how often a review is due."""

from typing import Any

from flask import render_template, request
from wtforms import HiddenField, IntegerField, RadioField
from wtforms.validators import InputRequired, NumberRange

from app import snapshots
from app.console import forms
from app.console.responses import ViewResult, flash_success, redirect_to
from app.console.rules.blueprint import blueprint
from app.console.rules.owner import Owner
from app.web import auth
from app.web.auth import requires
from config import audit, clock
from config.errors import NotFound, Stale
from config.permissions import Permission
from keywords.rules import review_policies
from keywords.rules.review_policies import (
    MAX_REVIEW_MONTHS,
    ReviewPolicyAction,
    ReviewPolicyRow,
)

_REVIEW_CHOICES = {"yes": "须由另一个人审核", "no": "编辑自己可以发布", "above": "按上级的要求"}


class PolicyForm(forms.Form):
    """The review policy of one department; "above" removes it, and the one further up counts."""

    needs_review = RadioField("规则发布前", choices=_REVIEW_CHOICES)
    review_months = IntegerField(
        "多久复核一次（月）", [InputRequired("请填写月数"), NumberRange(1, MAX_REVIEW_MONTHS)]
    )
    version = HiddenField()


@blueprint.route("/policy/<int:department_id>", methods=["GET", "POST"])
@requires(Permission.DEPARTMENTS_MANAGE)
def review_policy(department_id: int) -> ViewResult:
    """The policy of a department and, where they have none of their own, of those below it.

    The select field above the form sends `of`, which redirects to that department's address.
    Raises NotFound.
    """
    requested_id = request.args.get("of", department_id, type=int)
    # a select field cannot change the path of its form's address
    if request.method == "GET" and requested_id != department_id:
        return redirect_to("rules.review_policy", department_id=requested_id)
    row = review_policies.access_policy(auth.member(), department_id, Permission.DEPARTMENTS_MANAGE)
    # a matrix administrator passes the permission check for any number, and a policy of none would
    # be a row that nobody finds
    if department_id not in snapshots.current().department_tree.parents:
        raise NotFound(kind="department", id=department_id)
    current = _current_values(row, department_id)
    form = PolicyForm(data={**current, "version": str(row.version if row else 0)})
    if form.validate_on_submit():
        with forms.errors_on(form):
            try:
                _set_policy(form, department_id, has_own=row is not None)
            except Stale as error:
                newest: ReviewPolicyRow | None = error.newest
                current = _current_values(newest, department_id)
                last_change = audit.find_latest(ReviewPolicyAction.kind, department_id)
                version = newest.version if newest else 0
                form.show_conflict(current, last_change, _field_text, version=version)
    if not form.is_submitted() or form.is_refused:
        page = _render(form, department_id)
        return (page, 422) if form.is_submitted() else page
    flash_success("已更新。")
    return redirect_to("rules.review_policy", department_id=department_id)


def _chain(department_id: int) -> tuple[int, ...]:
    return Owner(department_id).department_chain(snapshots.current())


def _current_values(row: ReviewPolicyRow | None, department_id: int) -> dict[str, Any]:
    """The values of the form's visible fields as they stand in the database."""
    own_choice = "above" if row is None else ("yes" if row.needs_review else "no")
    # shown even where it is inherited: choosing "yes" then begins with what holds now
    months = review_policies.nearest(_chain(department_id)).review_months
    return {"needs_review": own_choice, "review_months": months}


def _field_text(name: str, value: Any) -> str:
    """A field's value in words, for the table of a conflict."""
    return _REVIEW_CHOICES[value] if name == "needs_review" else str(value)


def _set_policy(form: PolicyForm, department_id: int, *, has_own: bool) -> None:
    """Save or remove the policy. Raises Stale when it is not what was on the page."""
    submitted = form.version.data or ""
    # -1 is no version, so a malformed one is refused as stale and not taken for a new row
    version = int(submitted) if submitted.isdecimal() else -1
    if form.needs_review.data != "above":
        review_policies.set_policy(
            department_id,
            needs_review=form.needs_review.data == "yes",
            review_months=form.review_months.data or 0,
            version=version,
            now=clock.now(),
        )
    # "above" without a row of one's own changes nothing
    elif has_own:
        review_policies.clear(department_id, version=version)


def _render(form: PolicyForm, department_id: int) -> str:
    member, snapshot = auth.member(), snapshots.current()
    names = snapshot.department_names
    # from the department above on: what would hold if this one had none
    inherited_policy = review_policies.nearest(_chain(department_id)[1:])
    return render_template(
        "console/rules/review_policy.html",
        form=form,
        department_id=department_id,
        department_name=names.get(department_id, ""),
        inherited_policy=inherited_policy,
        inherited_from=names.get(inherited_policy.department_id or 0, "系统"),
        max_months=MAX_REVIEW_MONTHS,
        department_choices=[
            (key, names.get(key, ""))
            for key in sorted(snapshot.department_tree.parents)
            if member.may(Permission.DEPARTMENTS_MANAGE, department_id=key)
        ],
    )
