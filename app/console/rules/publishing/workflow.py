"""The steps of a rule: submit, approve or reject, publish, restore, disable, enable, delete.

Which step is allowed in which state is decided by `keywords.publishing`; the views check the
person's permission, bind the decision to what was on the page, and say what happened.
"""

from collections.abc import Callable
from functools import partial

from werkzeug.wrappers import Response
from wtforms import IntegerField
from wtforms.validators import InputRequired

from app.console import forms
from app.console.responses import ViewResult, flash_success, redirect_to
from app.console.rules.blueprint import blueprint
from app.console.rules.publishing.review import (
    DecisionForm,
    dependence,
    policy_of,
    render_review,
    render_stale,
)
from app.web import auth
from app.web.auth import requires
from config import alerts, clock, jobs
from config.permissions import Permission
from keywords.publishing import lifecycle, workflow
from keywords.publishing.policy_requests import ReviewAlert
from keywords.publishing.workflow import SampleChecksFailed, SampleReportStale
from keywords.rules import store, versions
from keywords.rules.replies import media_names
from keywords.rules.store import RuleRow
from keywords.rules.versions import RuleVersion
from matrix.media import MediaJob


class VersionForm(forms.Form):
    """The version of a rule that was on the page, for optimistic locking."""

    version = IntegerField(validators=[InputRequired()])


# ---- steps of a version ----


@blueprint.post("/versions/<int:version_id>/submit")
@requires(Permission.RULES_WRITE)
def submit(version_id: int) -> Response:
    """Hand a draft in for review."""
    version = workflow.access_version(auth.member(), version_id, Permission.RULES_WRITE)
    # the submitter counts as a writer of the version and cannot decide on it (docs/decisions/0014)
    workflow.submit(version.id, submitter_id=auth.current().staff.id, now=clock.now())
    flash_success("已提交审核。审核通过之前，市民得到的答复不变。")
    return redirect_to("rules.show", rule_id=version.rule_id)


@blueprint.post("/versions/<int:version_id>/withdraw")
@requires(Permission.RULES_WRITE)
def withdraw(version_id: int) -> Response:
    """Withdraw a draft or a submission; its content stays in the history."""
    version = workflow.access_version(auth.member(), version_id, Permission.RULES_WRITE)
    workflow.withdraw(version.id, now=clock.now())
    flash_success("已撤回，内容留在历史版本里。")
    return redirect_to("rules.show", rule_id=version.rule_id)


@blueprint.post("/versions/<int:version_id>/approve")
@requires(Permission.RULES_REVIEW)
def approve(version_id: int) -> ViewResult:
    """Approve a submitted version, which publishes it.

    409 with the review page when samples would lose their answer and no reason was given.
    """
    version = workflow.access_version(auth.member(), version_id, Permission.RULES_REVIEW)
    form = DecisionForm()
    if not form.validate():
        return render_review(version, form), 422
    _alert_of_dependent_review(version)
    # bound here and called by `_publish`, so that both ways to publish treat a stale report alike
    approving = partial(
        workflow.approve,
        version.id,
        sha256=form.sha256.data or "",
        reviewer_id=auth.current().staff.id,
        policy=policy_of(version),
        comment=form.comment.data or "",
        waiver=form.waiver.data or "",
        now=clock.now(),
    )
    return _publish(version, form, approving)


def _alert_of_dependent_review(version: RuleVersion) -> None:
    """Raise an alert when who wrote the version has given the reviewer access not long ago."""
    reviewer, now = auth.current().staff, clock.now()
    giver = dependence(version, reviewer.id, now=now)
    if giver is not None:
        alerts.raise_alert(
            ReviewAlert.DEPENDENT_REVIEWER,
            version.id,
            f"“{version.spec.name}”由{reviewer.name}审核，而其权限不久前由参与编写的"
            f"{giver.actor_label}安排。",
            now=now,
            department_id=version.department_id,
            account_id=version.account_id,
            object_id=version.id,
        )


@blueprint.post("/versions/<int:version_id>/reject")
@requires(Permission.RULES_REVIEW)
def reject(version_id: int) -> ViewResult:
    """Reject a submitted version with a comment for its author."""
    version = workflow.access_version(auth.member(), version_id, Permission.RULES_REVIEW)
    form = DecisionForm()
    if form.validate():
        with forms.errors_on(form):
            by, now = auth.current().staff.id, clock.now()
            workflow.reject(version.id, form.comment.data or "", reviewer_id=by, now=now)
    if form.is_refused:
        return render_review(version, form), 422
    flash_success("已退回，作者会在待办里看到您的意见。")
    return redirect_to("rules.show", rule_id=version.rule_id)


@blueprint.post("/versions/<int:version_id>/publish")
@requires(Permission.RULES_WRITE)
def publish(version_id: int) -> ViewResult:
    """Publish a draft without a second person, where the department's review policy allows it."""
    version = workflow.access_version(auth.member(), version_id, Permission.RULES_WRITE)
    form = DecisionForm()
    if not form.validate():
        return render_review(version, form), 422
    publishing = partial(
        workflow.publish,
        version.id,
        sha256=form.sha256.data or "",
        submitter_id=auth.current().staff.id,
        policy=policy_of(version),
        waiver=form.waiver.data or "",
        now=clock.now(),
    )
    return _publish(version, form, publishing)


def _publish(
    version: RuleVersion, form: DecisionForm, action: Callable[..., RuleVersion]
) -> ViewResult:
    """Call `action(report=…)` with the sample check that came with the decision.

    409 with the review page when it does not hold any more, or when samples would fail.
    """
    try:
        action(report=form.sample_report)
    except SampleReportStale as error:
        return render_stale(version, form, error), 409
    except SampleChecksFailed as error:
        form.form_errors.append(str(error))
        return render_review(version, form, needs_waiver=True), 409
    if media_names(version.spec.replies):
        # files of the library must be uploaded to the accounts that now answer with them
        jobs.enqueue(MediaJob.REFRESH, key=MediaJob.REFRESH)
    flash_success("已发布，两秒之内生效。")
    return redirect_to("rules.show", rule_id=version.rule_id)


@blueprint.post("/<int:rule_id>/restore/<int:number>")
@requires(Permission.RULES_WRITE)
def restore(rule_id: int, number: int) -> Response:
    """Make a new draft with the content of an old version."""
    store.access_rule(auth.member(), rule_id, Permission.RULES_WRITE)
    # restoring gives the rule back to whom it belonged then, so the permission is needed there too
    old_version = versions.get_by_number(rule_id, number)
    auth.member().require(
        Permission.RULES_WRITE,
        department_id=old_version.department_id,
        account_id=old_version.account_id,
    )
    by, now = auth.current().staff.id, clock.now()
    version = workflow.restore_version(
        # no page with a form was open, so there is nothing that could be stale
        rule_id,
        number,
        base_lock_version=None,
        author_id=by,
        now=now,
    )
    flash_success(f"已按第 {number} 版的内容写成新的草稿，发布后才会生效。")
    return redirect_to("rules.review", version_id=version.id)


# ---- the rule itself ----


@blueprint.post("/<int:rule_id>/off")
@requires(Permission.RULES_WRITE)
def disable(rule_id: int) -> Response:
    """Disable a published rule."""
    row = store.access_rule(auth.member(), rule_id, Permission.RULES_WRITE)
    lifecycle.disable(row.id, version=_submitted_version(row), now=clock.now())
    flash_success("已停用，市民不会再得到这条答复。")
    return redirect_to("rules.show", rule_id=rule_id)


@blueprint.post("/<int:rule_id>/on")
@requires(Permission.RULES_WRITE)
def enable(rule_id: int) -> Response:
    """Enable a disabled rule again."""
    row = store.access_rule(auth.member(), rule_id, Permission.RULES_WRITE)
    lifecycle.enable(row.id, version=_submitted_version(row), now=clock.now())
    flash_success("已启用，两秒之内生效。")
    return redirect_to("rules.show", rule_id=rule_id)


@blueprint.post("/<int:rule_id>/delete")
@requires(Permission.RULES_WRITE)
def delete(rule_id: int) -> Response:
    """Delete a rule that was never published."""
    row = store.access_rule(auth.member(), rule_id, Permission.RULES_WRITE)
    lifecycle.delete(row.id, version=_submitted_version(row))
    flash_success("已删除。")
    return redirect_to("rules.index")


def _submitted_version(row: RuleRow) -> int:
    """The rule's version that was on the page; -1, which no rule has, without a valid one."""
    form = VersionForm()
    return form.version.data if form.validate() and form.version.data is not None else -1
