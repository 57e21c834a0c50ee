"""One rule: its page, its versions, and every step from a draft to the citizen."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial

from flask import render_template, request
from werkzeug.wrappers import Response
from wtforms import HiddenField, IntegerField, TextAreaField
from wtforms.validators import InputRequired, Length

from app import snapshots
from app.console import forms
from app.console.forms import strip
from app.console.rules import labels
from app.console.rules.blueprint import blueprint
from app.console.rules.labels import Owner
from app.console.template_globals import flash_success, flash_warning, redirect_to
from app.jobs.registry import MEDIA_REFRESH
from app.snapshots import Snapshot
from app.web import auth, unit_of_work
from app.web.auth import requires
from config import clock, jobs
from config.database import read_only
from config.permissions import Permission
from keywords.publishing import diff, lifecycle, workflow
from keywords.publishing.diff import FieldDiff
from keywords.publishing.sample_checks import FailingSample, SampleReport
from keywords.publishing.workflow import MAX_COMMENT_LENGTH, SampleChecksFailed, SampleReportStale
from keywords.rules import review_policies, store, versions
from keywords.rules.replies import media_names
from keywords.rules.review_policies import ReviewPolicy
from keywords.rules.spec import RuleSpec, RuleState
from keywords.rules.store import RuleRow
from keywords.rules.versions import RuleVersion, VersionState
from keywords.statistics import hits
from matrix.staff import members

ViewResult = str | Response | tuple[str, int]
_HITS_PERIOD = timedelta(days=30)
_SAMPLE_CHECK_ATTEMPTS = 3  # of the samples of one version, while other rules keep moving


class DecisionForm(forms.Form):
    """What a reviewer says of a version, bound to what they read."""

    sha256 = HiddenField()
    comment = TextAreaField("意见", [Length(max=MAX_COMMENT_LENGTH)], filters=[strip])
    waiver = TextAreaField(
        "例句有变化仍要发布的理由", [Length(max=MAX_COMMENT_LENGTH)], filters=[strip]
    )


class VersionForm(forms.Form):
    """A step of a rule as it was on the page."""

    version = IntegerField(validators=[InputRequired()])


# ---- pages ----


@blueprint.get("/<int:rule_id>")
@requires(Permission.RULES_READ)
def show(rule_id: int) -> str:
    """A rule: what citizens get, and what is proposed."""
    row = store.access_rule(auth.member(), rule_id, Permission.RULES_READ)
    newest = versions.find_newest(rule_id)
    is_new, today = row.state is RuleState.DRAFT, clock.local_day(clock.now())
    owner = Owner(row.department_id, row.account_id)
    return render_template(
        "console/rules/show.html",
        row=row,
        newest=newest,
        owner=owner,
        owner_name=owner.name(snapshots.current()),
        content=_content_fields(store.to_spec(row)),
        is_new=is_new,
        can_delete=is_new and not versions.was_ever_published(rule_id),
        past=versions.list_for_rule(rule_id)[:5],
        hits=hits.summaries(auth.member(), [row.slug], since=today - _HITS_PERIOD).get(row.slug),
        names=_staff_names([newest] if newest else []),
        today=today,
        **_label_context(),
    )


@blueprint.get("/<int:rule_id>/versions")
@requires(Permission.RULES_READ)
def all_versions(rule_id: int) -> str:
    """All versions of a rule, and two of them side by side."""
    row = store.access_rule(auth.member(), rule_id, Permission.RULES_READ)
    listed = versions.list_for_rule(rule_id)
    numbers = {version.number: version for version in listed}
    after = numbers.get(request.args.get("b", type=int) or 0) or (listed[0] if listed else None)
    requested_number = request.args.get("a", type=int) or (after.number - 1 if after else 0)
    before = numbers.get(requested_number)
    return render_template(
        "console/rules/versions.html",
        row=row,
        listed=listed,
        before=before,
        after=after,
        found=_differences(before, after) if after else (),
        names=_staff_names(listed),
        **_label_context(),
    )


@blueprint.get("/versions/<int:version_id>")
@requires(Permission.RULES_READ)
def review(version_id: int) -> str:
    """A version beside what is in force, and what may be done with it."""
    version = workflow.access_version(auth.member(), version_id, Permission.RULES_READ)
    return _render_review(version, DecisionForm(formdata=None, data={"sha256": version.sha256}))


@blueprint.get("/versions/<int:version_id>/samples")
@requires(Permission.RULES_READ)
def sample_check(version_id: int) -> str:
    """Which samples would lose their answer; asked for when the page stands already."""
    version = workflow.access_version(auth.member(), version_id, Permission.RULES_READ)
    report = _run_sample_check(version, snapshots.current())
    return render_template(
        "console/rules/_sample_check.html",
        broken=_failing_sample_rows(report.failing),
        count=len(version.spec.samples),
    )


def _render_review(
    version: RuleVersion, form: DecisionForm, failing: Sequence[FailingSample] | None = None
) -> str:
    member, own_id = auth.member(), auth.current().staff.id
    owner = Owner(version.department_id, version.account_id)
    owner_ids = {"department_id": owner.department_id, "account_id": owner.account_id}
    may_review = member.may(Permission.RULES_REVIEW, **owner_ids)
    is_involved = own_id in (*version.contributor_ids, version.author_id, version.submitter_id)
    policy = review_policies.nearest(owner.department_chain(snapshots.current()))
    return render_template(
        "console/rules/review.html",
        row=store.get(version.rule_id),
        version=version,
        form=form,
        found=_differences(versions.find_published(version.rule_id), version),
        spec=version.spec,
        is_first=versions.find_published(version.rule_id) is None,
        names=_staff_names([version]),
        is_own=is_involved and may_review,
        may_write=member.may(Permission.RULES_WRITE, **owner_ids),
        may_decide=may_review and not is_involved and version.state is VersionState.SUBMITTED,
        may_publish=version.state is VersionState.DRAFT and not policy.requires_review(version),
        broken=None if failing is None else _failing_sample_rows(failing),
        **_label_context(),
    )


# ---- steps of a version ----


@blueprint.post("/versions/<int:version_id>/submit")
@requires(Permission.RULES_WRITE)
def submit(version_id: int) -> Response:
    """Ask for review."""
    version = workflow.access_version(auth.member(), version_id, Permission.RULES_WRITE)
    workflow.submit(version.id, submitter_id=auth.current().staff.id, now=clock.now())
    flash_success("已提交审核。审核通过之前，市民得到的答复不变。")
    return redirect_to("rules.show", rule_id=version.rule_id)


@blueprint.post("/versions/<int:version_id>/withdraw")
@requires(Permission.RULES_WRITE)
def withdraw(version_id: int) -> Response:
    """Take a draft or a submission back."""
    version = workflow.access_version(auth.member(), version_id, Permission.RULES_WRITE)
    workflow.withdraw(version.id, now=clock.now())
    flash_success("已撤回，内容留在历史版本里。")
    return redirect_to("rules.show", rule_id=version.rule_id)


@blueprint.post("/versions/<int:version_id>/approve")
@requires(Permission.RULES_REVIEW)
def approve(version_id: int) -> ViewResult:
    """Publish what was read."""
    version = workflow.access_version(auth.member(), version_id, Permission.RULES_REVIEW)
    form = DecisionForm()
    if not form.validate():
        return _render_review(version, form), 422
    approving = partial(
        workflow.approve,
        version.id,
        sha256=form.sha256.data or "",
        by=auth.current().staff.id,
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
    """Send a version back with words."""
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
    """Publish without a second person, where the department allows."""
    version = workflow.access_version(auth.member(), version_id, Permission.RULES_WRITE)
    form = DecisionForm()
    if not form.validate():
        return _render_review(version, form), 422
    return publish_without_review(
        version, sha256=form.sha256.data or "", waiver=form.waiver.data or ""
    )


def publish_without_review(version: RuleVersion, *, sha256: str = "", waiver: str = "") -> Response:
    """Publish, or show which samples would lose their answer. `sha256` is of what was read.

    What the request has changed before is kept.
    """
    publishing = partial(
        workflow.publish,
        version.id,
        sha256=sha256 or version.sha256,
        by=auth.current().staff.id,
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
    """Do a deed with the trial of the samples; anew when other rules moved in between."""

    def create_report() -> SampleReport:
        snapshot = snapshots.refresh()
        with read_only():
            proposed = workflow.access_version(auth.member(), version.id, permission)
        return _run_sample_check(proposed, snapshot)

    for _ in range(_SAMPLE_CHECK_ATTEMPTS - 1):
        with suppress(SampleReportStale):
            return action(trial=unit_of_work.outside_transaction(create_report))
    return action(trial=unit_of_work.outside_transaction(create_report))


def _run_sample_check(version: RuleVersion, snapshot: Snapshot) -> SampleReport:
    revision = snapshot.cache_versions.get(store.CACHE_KEY, 0)
    return workflow.check_samples(
        version, snapshot.ruleset, cache_version=revision, now=clock.now()
    )


@blueprint.post("/<int:rule_id>/restore/<int:number>")
@requires(Permission.RULES_WRITE)
def restore(rule_id: int, number: int) -> Response:
    """Propose an old version anew."""
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
    """Take a rule out of force."""
    row = store.access_rule(auth.member(), rule_id, Permission.RULES_WRITE)
    lifecycle.disable(row.id, version=_submitted_version(row), now=clock.now())
    flash_success("已停用，市民不会再得到这条答复。")
    return redirect_to("rules.show", rule_id=rule_id)


@blueprint.post("/<int:rule_id>/on")
@requires(Permission.RULES_WRITE)
def enable(rule_id: int) -> Response:
    """Put a rule into force again."""
    row = store.access_rule(auth.member(), rule_id, Permission.RULES_WRITE)
    lifecycle.enable(row.id, version=_submitted_version(row), now=clock.now())
    flash_success("已启用，两秒之内生效。")
    return redirect_to("rules.show", rule_id=rule_id)


@blueprint.post("/<int:rule_id>/delete")
@requires(Permission.RULES_WRITE)
def delete(rule_id: int) -> Response:
    """Remove a rule that was never published."""
    row = store.access_rule(auth.member(), rule_id, Permission.RULES_WRITE)
    lifecycle.delete(row.id, version=_submitted_version(row))
    flash_success("已删除。")
    return redirect_to("rules.index")


def _submitted_version(row: RuleRow) -> int:
    """The version of the rule that was on the page; without one, nothing fits."""
    form = VersionForm()
    return form.version.data if form.validate() and form.version.data is not None else -1


def _after_publish(version: RuleVersion) -> Response:
    if media_names(version.spec.replies):
        jobs.enqueue(MEDIA_REFRESH, key=MEDIA_REFRESH)
    flash_success("已发布，两秒之内生效。")
    return redirect_to("rules.show", rule_id=version.rule_id)


def _policy_of(version: RuleVersion) -> ReviewPolicy:
    owner = Owner(version.department_id, version.account_id)
    return review_policies.nearest(owner.department_chain(snapshots.current()))


# ---- what pages show ----


def _content_fields(spec: RuleSpec) -> tuple[FieldDiff, ...]:
    return tuple(row for row in diff.compare(None, spec) if row.field != "owner")


def _differences(before: RuleVersion | None, after: RuleVersion) -> tuple[FieldDiff, ...]:
    snapshot = snapshots.current()
    old_version = Owner(before.department_id, before.account_id).name(snapshot) if before else ""
    new = Owner(after.department_id, after.account_id).name(snapshot)
    return diff.compare(
        before.spec if before else None, after.spec, owner_before=old_version, owner_after=new
    )


def _staff_names(listed: Sequence[RuleVersion]) -> dict[int, str]:
    """The names of all who had to do with these versions, in one query."""
    ids = {key for row in listed for key in (row.author_id, row.submitter_id, row.reviewer_id)}
    return members.names({key for key in ids if key is not None})


def _failing_sample_rows(failing: Sequence[FailingSample]) -> list[dict[str, object]]:
    snapshot = snapshots.current()
    accounts = {account.id: account.name for account in snapshot.accounts.values()}
    return [
        {
            "sample": row.sample,
            "rule": row.rule.name,
            "account": accounts.get(row.account_id, ""),
            "answering": row.answered_by.name if row.answered_by else "",
            "emergency": row.emergency,
        }
        for row in failing
    ]


def _label_context() -> dict[str, object]:
    return {
        "fields": labels.FIELDS,
        "shown": labels.value_text,
        "states": labels.VERSION_STATES,
        "rule_states": labels.RULE_STATES,
        "scopes": labels.SCOPE_NAMES,
    }
