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
from app.web.auth import requires, requires_confirmation
from config import audit, clock
from config.errors import NotFound, Stale
from config.permissions import Permission
from keywords.publishing import policy_requests
from keywords.publishing.policy_requests import WantedPolicy
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


@blueprint.get("/policy/<int:department_id>")
@requires(Permission.DEPARTMENTS_MANAGE)
def review_policy(department_id: int) -> ViewResult:
    """The policy of a department and, where they have none of their own, of those below it.

    The select field above the form sends `of`, which redirects to that department's address.
    Raises NotFound.
    """
    requested_id = request.args.get("of", department_id, type=int)
    # a select field cannot change the path of its form's address
    if requested_id != department_id:
        return redirect_to("rules.review_policy", department_id=requested_id)
    return _render(_form(_access(department_id), department_id), department_id)


def _access(department_id: int) -> ReviewPolicyRow | None:
    """The department's own policy, or None. Raises NotFound."""
    row = review_policies.access_policy(auth.member(), department_id, Permission.DEPARTMENTS_MANAGE)
    # a matrix administrator passes the permission check for any number, and a policy of none would
    # be a row that nobody finds
    if department_id not in snapshots.current().department_tree.parents:
        raise NotFound(kind="department", id=department_id)
    return row


def _form(row: ReviewPolicyRow | None, department_id: int) -> PolicyForm:
    current = _current_values(row, department_id)
    return PolicyForm(data={**current, "version": str(row.version if row else 0)})


@blueprint.post("/policy/<int:department_id>")
@requires(Permission.DEPARTMENTS_MANAGE)
# it decides whether rules are seen by a second person, ASVS 7.5.3
@requires_confirmation
def set_review_policy(department_id: int) -> ViewResult:
    """Change the policy; what lowers the review waits for another person. Raises NotFound."""
    row = _access(department_id)
    form, current, lowers = _form(row, department_id), _current_values(row, department_id), False
    if form.validate():
        with forms.errors_on(form):
            try:
                lowers = _set_policy(form, department_id, has_own=row is not None)
            except Stale as error:
                newest: ReviewPolicyRow | None = error.newest
                current = _current_values(newest, department_id)
                last_change = audit.find_latest(ReviewPolicyAction.kind, department_id)
                version = newest.version if newest else 0
                form.show_conflict(current, last_change, _field_text, version=version)
    if form.is_refused:
        return _render(form, department_id), 422
    flash_success("已提出，由另一位管理员确认后生效。" if lowers else "已更新。")
    return redirect_to("rules.review_policy", department_id=department_id)


@blueprint.post("/policy/<int:department_id>/agree")
@requires(Permission.DEPARTMENTS_MANAGE)
@requires_confirmation
def agree_to_policy(department_id: int) -> ViewResult:
    """Agree to a lower review that somebody else asked for. Raises NotFound."""
    _access(department_id)
    policy_requests.agree(department_id, by=auth.member(), now=clock.now())
    flash_success("已确认，新的审核要求从现在起有效。")
    return redirect_to("rules.review_policy", department_id=department_id)


@blueprint.post("/policy/<int:department_id>/drop")
@requires(Permission.DEPARTMENTS_MANAGE)
def drop_policy_request(department_id: int) -> ViewResult:
    """Drop a request, one's own or another's. Raises NotFound."""
    _access(department_id)
    policy_requests.drop(department_id)
    flash_success("申请已放弃，审核要求不变。")
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


def _set_policy(form: PolicyForm, department_id: int, *, has_own: bool) -> bool:
    """Save or remove the policy, or request what lowers the review and return True.

    Raises Invalid, and Stale when the policy is not what was on the page.
    """
    submitted = form.version.data or ""
    # -1 is no version, so a malformed one is refused as stale and not taken for a new row
    version = int(submitted) if submitted.isdecimal() else -1
    choice, chain = form.needs_review.data, _chain(department_id)
    wanted = WantedPolicy(
        None if choice == "above" else choice == "yes", form.review_months.data or 0
    )
    if wanted.lowers(review_policies.nearest(chain), review_policies.nearest(chain[1:])):
        review_policies.check_unchanged(department_id, version)
        policy_requests.request(
            department_id, wanted, base=version, by=auth.member(), now=clock.now()
        )
        return True
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
    return False


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
        policy_request=policy_requests.find(department_id),
        own_id=member.staff_id,
        department_choices=[
            (key, names.get(key, ""))
            for key in sorted(snapshot.department_tree.parents)
            if member.may(Permission.DEPARTMENTS_MANAGE, department_id=key)
        ],
    )
