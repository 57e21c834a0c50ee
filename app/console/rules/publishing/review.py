"""The review page of a version, with the sample check that a publication relies on.

    review page ── htmx ──> sample check ──> list of failing samples, and a signed SampleReport
         └── approve or publish, with the report ──> published, or 409 and this page again

Checking takes seconds in a large city. It is a request of its own that writes nothing, so nobody
waits for it; its result travels through the page, signed, and what publishes checks only that it
still holds. When it does not, the page checks again and sends the decision by itself.
"""

from collections.abc import Sequence
from dataclasses import astuple
from datetime import datetime

from flask import current_app, render_template
from flask import session as browser_session
from itsdangerous import BadSignature, URLSafeSerializer
from wtforms import HiddenField, IntegerField, TextAreaField
from wtforms.validators import Length

from app import snapshots
from app.console import forms
from app.console.forms import strip
from app.console.rules import detail
from app.console.rules.blueprint import blueprint
from app.console.rules.owner import Owner
from app.web import auth
from app.web.auth import requires
from config import cache_versions, clock
from config.audit import AuditEntry
from config.permissions import Permission
from keywords.publishing import sample_checks, workflow
from keywords.publishing.sample_checks import FailingSample, SampleReport
from keywords.publishing.workflow import MAX_COMMENT_LENGTH, SampleReportStale
from keywords.rules import review_policies, store, versions
from keywords.rules.review_policies import ReviewPolicy
from keywords.rules.versions import RuleVersion, VersionState
from matrix.staff import independence

# how often the page sends a decision by itself because rules changed while it was on its way
_MAX_RESUBMITS = 3
_PUBLISH_KEY = "publish_when_checked"


class DecisionForm(forms.Form):
    """A decision about a version. `sha256` binds it to the content that was on the page.

    `report` is the signed sample check, `resubmits` how often the page has sent it by itself.
    """

    sha256 = HiddenField()
    report = HiddenField()
    resubmits = IntegerField(default=0)
    comment = TextAreaField("意见", [Length(max=MAX_COMMENT_LENGTH)], filters=[strip])
    waiver = TextAreaField(
        "例句有变化仍要发布的理由", [Length(max=MAX_COMMENT_LENGTH)], filters=[strip]
    )

    @property
    def sample_report(self) -> SampleReport:
        """The sample check that came with the decision. Raises SampleReportStale without one."""
        try:
            return SampleReport(*_signer().loads(self.report.data or ""))
        except BadSignature:
            raise SampleReportStale from None


@blueprint.get("/versions/<int:version_id>")
@requires(Permission.RULES_READ)
def review(version_id: int) -> str:
    """A version compared with the published one, and the steps that are possible."""
    version = workflow.access_version(auth.member(), version_id, Permission.RULES_READ)
    form = DecisionForm(formdata=None, data={"sha256": version.sha256})
    # popped, so that loading the page again does not publish
    publish_now = browser_session.pop(_PUBLISH_KEY, None) == version.id
    return render_review(version, form, resubmit=publish_now)


@blueprint.get("/versions/<int:version_id>/samples")
@requires(Permission.RULES_READ)
def sample_check(version_id: int) -> str:
    """Which samples would lose their answer, and the signed report for the decision."""
    version = workflow.access_version(auth.member(), version_id, Permission.RULES_READ)
    snapshot = snapshots.current()
    cache_version = snapshot.cache_versions.get(store.CACHE_KEY, 0)
    if cache_version != cache_versions.current().get(store.CACHE_KEY, 0):
        # this process has the new rules within two seconds; a check of the old ones is worthless
        return render_template(
            "console/rules/_sample_check_pending.html", version=version, delay=" delay:500ms"
        )
    failing = sample_checks.check_samples(version, snapshot.ruleset, now=clock.now())
    report = SampleReport(version.sha256, cache_version, len(failing))
    return render_template(
        "console/rules/_sample_check.html",
        failing=_failing_sample_rows(failing),
        sample_count=len(version.spec.samples),
        signed_report=_signer().dumps(astuple(report)),
    )


def publish_when_checked(version: RuleVersion) -> None:
    """Have the review page publish the version as soon as its samples are checked.

    Kept in the session and not in the address, for a link must never make anybody publish.
    """
    browser_session[_PUBLISH_KEY] = version.id


def render_review(
    version: RuleVersion,
    form: DecisionForm,
    *,
    resubmit: bool = False,
    needs_waiver: bool = False,
) -> str:
    """The review page. `resubmit`: its decision is sent again once the samples are checked."""
    member, own_id = auth.member(), auth.current().staff.id
    owner = Owner(version.department_id, version.account_id)
    published = versions.find_published(version.rule_id)
    # asked once for two uses: whether the person decides here, and whether to say why not
    may_review = member.may(Permission.RULES_REVIEW, **owner.ids)
    # the workflow refuses it as well; here it decides which buttons are shown
    is_involved = own_id in workflow.involved_ids(version)
    reviewer_id = version.reviewer_id or (own_id if may_review and not is_involved else None)
    return render_template(
        "console/rules/review.html",
        row=store.get(version.rule_id),
        version=version,
        form=form,
        resubmit=resubmit,
        needs_waiver=needs_waiver or bool(form.waiver.data),
        differences=detail.differences_between(published, version),
        spec=version.spec,
        is_first=published is None,
        staff_names=detail.staff_names([version]),
        is_involved=is_involved and may_review,
        may_write=member.may(Permission.RULES_WRITE, **owner.ids),
        may_decide=may_review and not is_involved and version.state is VersionState.SUBMITTED,
        may_publish=may_publish(version),
        dependence=reviewer_id and dependence(version, reviewer_id, now=clock.now()),
        **detail.label_context(),
    )


def render_stale(version: RuleVersion, form: DecisionForm, error: SampleReportStale) -> str:
    """The page after a decision whose report does not hold: it tries again, a few times."""
    form.resubmits.data = (form.resubmits.data or 0) + 1
    resubmit = form.resubmits.data <= _MAX_RESUBMITS
    if not resubmit:
        form.form_errors.append(str(error))
    return render_review(version, form, resubmit=resubmit)


def policy_of(version: RuleVersion) -> ReviewPolicy:
    """The review policy that holds for a version: its department's, or the nearest above."""
    owner = Owner(version.department_id, version.account_id)
    return review_policies.nearest(owner.department_chain(snapshots.current()))


def may_publish(version: RuleVersion) -> bool:
    """Whether the review policy lets an editor publish this draft without a second person."""
    is_draft = version.state is VersionState.DRAFT
    return is_draft and not policy_of(version).requires_review(version)


def dependence(version: RuleVersion, reviewer_id: int, *, now: datetime) -> AuditEntry | None:
    """The entry by which somebody who wrote the version gave its reviewer access, or None."""
    return independence.find_access_giver(
        reviewer_id, workflow.involved_ids(version), before=version.decided_at or now
    )


def _signer() -> URLSafeSerializer:
    # the salt keeps other values that this key signs from passing as a report
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="rules.sample-report")


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
