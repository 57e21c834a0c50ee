"""The steps of a rule: review, submit, approve or reject, publish, restore, disable, delete.

Which step is allowed in which state is decided by `keywords.publishing`; the views check the
person's permission, bind the decision to what was on the page, and say what happened.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from flask import render_template
from werkzeug.wrappers import Response
from wtforms import HiddenField, IntegerField, TextAreaField
from wtforms.validators import InputRequired, Length

from app import snapshots
from app.console import forms
from app.console.forms import strip
from app.console.responses import ViewResult, flash_success, flash_warning, redirect_to
from app.console.rules import detail
from app.console.rules.blueprint import blueprint
from app.console.rules.owner import Owner
from app.snapshots import Snapshot
from app.web import auth, unit_of_work
from app.web.auth import requires
from config import clock, jobs
from config.database import read_only
from config.permissions import Permission
from keywords.publishing import lifecycle, sample_checks, workflow
from keywords.publishing.sample_checks import FailingSample, SampleReport
from keywords.publishing.workflow import MAX_COMMENT_LENGTH, SampleChecksFailed, SampleReportStale
from keywords.rules import review_policies, store, versions
from keywords.rules.replies import media_names
from keywords.rules.review_policies import ReviewPolicy
from keywords.rules.store import RuleRow
from keywords.rules.versions import RuleVersion, VersionState
from matrix.media import MediaJob

# how often a sample check is repeated because other rules were published while it ran
_SAMPLE_CHECK_ATTEMPTS = 3


class DecisionForm(forms.Form):
    """A decision about a version. `sha256` binds it to the content that was on the page."""

    sha256 = HiddenField()
    comment = TextAreaField("意见", [Length(max=MAX_COMMENT_LENGTH)], filters=[strip])
    waiver = TextAreaField(
        "例句有变化仍要发布的理由", [Length(max=MAX_COMMENT_LENGTH)], filters=[strip]
    )


class VersionForm(forms.Form):
    """The version of a rule that was on the page, for optimistic locking."""

    version = IntegerField(validators=[InputRequired()])


# ---- the review page ----


@blueprint.get("/versions/<int:version_id>")
@requires(Permission.RULES_READ)
def review(version_id: int) -> str:
    """A version compared with the published one, and the steps that are possible."""
    version = workflow.access_version(auth.member(), version_id, Permission.RULES_READ)
    return _render_review(version, DecisionForm(formdata=None, data={"sha256": version.sha256}))


@blueprint.get("/versions/<int:version_id>/samples")
@requires(Permission.RULES_READ)
def sample_check(version_id: int) -> str:
    """Which samples would lose their answer. htmx loads it into the review page afterwards.

    Checking takes seconds in a large city, so the page does not wait for it.
    """
    version = workflow.access_version(auth.member(), version_id, Permission.RULES_READ)
    report = _run_sample_check(version, snapshots.current())
    return render_template(
        "console/rules/_sample_check.html",
        failing=_failing_sample_rows(report.failing),
        sample_count=len(version.spec.samples),
    )


def _render_review(
    version: RuleVersion, form: DecisionForm, failing: Sequence[FailingSample] | None = None
) -> str:
    member, own_id = auth.member(), auth.current().staff.id
    owner = Owner(version.department_id, version.account_id)
    published = versions.find_published(version.rule_id)
    may_review = member.may(Permission.RULES_REVIEW, **owner.ids)
    is_involved = own_id in (*version.contributor_ids, version.author_id, version.submitter_id)
    policy = _policy_of(version)
    return render_template(
        "console/rules/review.html",
        row=store.get(version.rule_id),
        version=version,
        form=form,
        differences=detail.differences_between(published, version),
        spec=version.spec,
        is_first=published is None,
        staff_names=detail.staff_names([version]),
        is_involved=is_involved and may_review,
        may_write=member.may(Permission.RULES_WRITE, **owner.ids),
        may_decide=may_review and not is_involved and version.state is VersionState.SUBMITTED,
        may_publish=version.state is VersionState.DRAFT and not policy.requires_review(version),
        failing=None if failing is None else _failing_sample_rows(failing),
        sample_count=len(version.spec.samples),
        **detail.label_context(),
    )


# ---- steps of a version ----


@blueprint.post("/versions/<int:version_id>/submit")
@requires(Permission.RULES_WRITE)
def submit(version_id: int) -> Response:
    """Hand a draft in for review."""
    version = workflow.access_version(auth.member(), version_id, Permission.RULES_WRITE)
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

    409 with the failing samples when some would lose their answer and no reason was given.
    """
    version = workflow.access_version(auth.member(), version_id, Permission.RULES_REVIEW)
    form = DecisionForm()
    if not form.validate():
        return _render_review(version, form), 422
    approving = partial(
        workflow.approve,
        version.id,
        sha256=form.sha256.data or "",
        reviewer_id=auth.current().staff.id,
        policy=_policy_of(version),
        comment=form.comment.data or "",
        waiver=form.waiver.data or "",
        now=clock.now(),
    )
    try:
        _with_sample_report(version, Permission.RULES_REVIEW, approving)
    except SampleChecksFailed as error:
        form.form_errors.append(str(error))
        return _render_review(version, form, error.failing), 409
    return _after_publish(version)


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
        return _render_review(version, form), 422
    flash_success("已退回，作者会在待办里看到您的意见。")
    return redirect_to("rules.show", rule_id=version.rule_id)


@blueprint.post("/versions/<int:version_id>/publish")
@requires(Permission.RULES_WRITE)
def publish(version_id: int) -> ViewResult:
    """Publish a draft without a second person, where the department's review policy allows it."""
    version = workflow.access_version(auth.member(), version_id, Permission.RULES_WRITE)
    form = DecisionForm()
    if not form.validate():
        return _render_review(version, form), 422
    return publish_without_review(
        version, sha256=form.sha256.data or "", waiver=form.waiver.data or ""
    )


def publish_without_review(version: RuleVersion, *, sha256: str = "", waiver: str = "") -> Response:
    """Publish a draft, or redirect to its review page when samples would lose their answer.

    `sha256` is of the content that was on the page (default: the version's own, for a draft that
    this request has just saved); `waiver` is the reason to publish in spite of failing samples.
    What the request has changed before stays, also when nothing is published.
    """
    publishing = partial(
        workflow.publish,
        version.id,
        sha256=sha256 or version.sha256,
        submitter_id=auth.current().staff.id,
        policy=_policy_of(version),
        waiver=waiver,
        now=clock.now(),
    )
    try:
        _with_sample_report(version, Permission.RULES_WRITE, publishing)
    except SampleChecksFailed as error:
        flash_warning(str(error))
        return redirect_to("rules.review", version_id=version.id)
    return _after_publish(version)


def _with_sample_report(
    version: RuleVersion, permission: Permission, action: Callable[..., RuleVersion]
) -> RuleVersion:
    """Call `action(report=…)` with a fresh sample check of the version.

    The check runs outside of the transaction, because it takes seconds and would keep other
    writers waiting. When other rules were published meanwhile, `action` raises SampleReportStale
    and everything is done again; the last attempt lets it pass to the error page.
    """

    def create_report() -> SampleReport:
        snapshot = snapshots.refresh()
        with read_only():
            proposed = workflow.access_version(auth.member(), version.id, permission)
        return _run_sample_check(proposed, snapshot)

    for _ in range(_SAMPLE_CHECK_ATTEMPTS - 1):
        with suppress(SampleReportStale):
            return action(report=unit_of_work.outside_transaction(create_report))
    return action(report=unit_of_work.outside_transaction(create_report))


def _run_sample_check(version: RuleVersion, snapshot: Snapshot) -> SampleReport:
    revision = snapshot.cache_versions.get(store.CACHE_KEY, 0)
    return sample_checks.check_samples(
        version, snapshot.ruleset, cache_version=revision, now=clock.now()
    )


@blueprint.post("/<int:rule_id>/restore/<int:number>")
@requires(Permission.RULES_WRITE)
def restore(rule_id: int, number: int) -> Response:
    """Make a new draft with the content of an old version."""
    store.access_rule(auth.member(), rule_id, Permission.RULES_WRITE)
    old_version = versions.get_by_number(rule_id, number)
    auth.member().require(
        Permission.RULES_WRITE,
        department_id=old_version.department_id,
        account_id=old_version.account_id,
    )
    by, now = auth.current().staff.id, clock.now()
    version = workflow.restore_version(
        rule_id, number, base_lock_version=None, author_id=by, now=now
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


def _after_publish(version: RuleVersion) -> Response:
    if media_names(version.spec.replies):
        # files of the library must be uploaded to the accounts that now answer with them
        jobs.enqueue(MediaJob.REFRESH, key=MediaJob.REFRESH)
    flash_success("已发布，两秒之内生效。")
    return redirect_to("rules.show", rule_id=version.rule_id)


def _policy_of(version: RuleVersion) -> ReviewPolicy:
    owner = Owner(version.department_id, version.account_id)
    return review_policies.nearest(owner.department_chain(snapshots.current()))


def _failing_sample_rows(failing: Sequence[FailingSample]) -> list[dict[str, object]]:
    accounts = {each.id: each.name for each in snapshots.current().accounts.values()}
    return [
        {
            "sample": row.sample,
            "rule": row.rule.name,
            "account": accounts.get(row.account_id, ""),
            "answered_by": row.answered_by.name if row.answered_by else "",
            "emergency": row.emergency,
        }
        for row in failing
    ]
