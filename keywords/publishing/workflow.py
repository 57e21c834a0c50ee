"""Versions: the life of a rule, from the first draft to what citizens get.

    save ──> draft ── submit ──> submitted ── approve ──> published ──> the rule's row
               │                     ├── reject (with words) ──> save again
               │                     └── withdraw
               └── publish          where the department lets its editors publish alone

A live rule is never edited in place: saving writes a version beside it. Steps are compare-and-set
on the version's state and, for what puts it into force, on its hash: what was read is what is
published. Who wrote on a version or submitted it may not decide on it. `roll_back` proposes an
old version anew, and it goes the same way.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from config import audit, cache_versions, clock
from config.database import compare_and_set, get_for_update
from config.errors import DomainError, Invalid
from config.permissions import Permission, Principal
from keywords.matching.ruleset import RuleSet
from keywords.publishing import sample_checks
from keywords.publishing.sample_checks import FailingSample, SampleReport
from keywords.rules import spec, store, versions
from keywords.rules.review_policies import ReviewPolicy
from keywords.rules.spec import RuleSpec
from keywords.rules.store import RuleRow
from keywords.rules.versions import OPEN_STATES, RuleVersion, VersionSpec, VersionState

MAX_COMMENT_LENGTH = 500
_KIND = "rule"


class VersionChanged(DomainError):
    """Somebody was at the rule since it was read; `newest` is what they left."""

    text = "这条规则刚被其他人修改过，请对照后再保存。"

    def __init__(self, newest: RuleVersion) -> None:
        super().__init__(rule=newest.rule_id, number=newest.number, author=newest.author_id)
        self.newest = newest


class InvalidTransition(DomainError):
    """The version is not where this step begins."""

    text = "这一版已经不在可以这样处理的阶段，请刷新后再看。"


class SelfReviewForbidden(DomainError):
    """Nobody decides on what they wrote or submitted themselves."""

    status = 403
    text = "您参与编写或提交了这一版，须由其他人审核。"


class ReviewRequired(DomainError):
    """The department lets nobody publish alone."""

    text = "这条规则须经他人审核才能发布，请提交审核。"


class SampleChecksFailed(DomainError):
    """Phrases that must keep their answer would lose it; `broken` says which."""

    text = "发布后有 {count} 句例句会改变答复。请修改规则，或写明仍要发布的理由。"

    def __init__(self, failing: Sequence[FailingSample]) -> None:
        super().__init__(count=len(failing))
        self.failing = failing


class SampleReportStale(DomainError):
    """Other rules have changed since the samples were tried, so the trial says nothing."""

    text = "其他规则刚刚有变化，请再发布一次。"


def access_version(member: Principal, version_id: int, right: Permission) -> RuleVersion:
    """The version, for a member with this right at its owner and at its rule's. Raises NotFound."""
    version = versions.get(version_id)
    store.access_rule(member, version.rule_id, right)
    member.require(right, department_id=version.department_id, account_id=version.account_id)
    return version


# ---- writing ----


def save_draft(
    rule_spec: RuleSpec,
    *,
    rule_id: int | None,
    base_lock_version: int | None,
    department_id: int | None,
    account_id: int | None,
    author_id: int | None,
    now: datetime,
) -> RuleVersion:
    """Keep a draft: of a new rule, or as the next version of one; the live rule stays as it is.

    `base` is the stamp of the version it was made from; None takes the newest as it is. The
    author's own open draft is written over, anything else that is open gives way. Saving what the
    newest version says already changes nothing. Raises Invalid, CodeTaken, NotFound,
    VersionChanged.
    """
    owners = {"department_id": department_id, "account_id": account_id}
    draft_spec = rule_spec.replace(state=spec.RuleState.DRAFT)
    if rule_id is None:
        row = store.create(draft_spec, **owners, now=now)
        version_spec = VersionSpec(rule_spec, **owners)
        version = versions.append(
            row.id,
            version_spec,
            previous=None,
            state=VersionState.DRAFT,
            author_id=author_id,
            now=now,
        )
        return _audit("rule_version.save", version, rule_spec.name)
    row = store.get(rule_id)
    if rule_spec.slug != row.slug:
        raise Invalid(field="id", problem="规则编号不能修改。")
    store.check_owner(rule_spec, **owners)
    version_spec = VersionSpec(rule_spec, **owners)
    newest = versions.find_newest(rule_id) or _create_initial_version(row)
    if base_lock_version is not None and newest.lock_version != base_lock_version:
        raise VersionChanged(newest)
    if newest.sha256 == version_spec.sha256 and newest.state in (
        *OPEN_STATES,
        VersionState.PUBLISHED,
    ):
        return newest
    version = _write_version(newest, version_spec, author_id=author_id, now=now)
    if row.state is spec.RuleState.DRAFT:
        # nobody is answered by it yet, so the row may show what is being written
        store.update(rule_id, draft_spec, version=row.version, **owners, now=now)
    return _audit("rule_version.save", version, rule_spec.name)


def restore_version(
    rule_id: int,
    number: int,
    *,
    base_lock_version: int | None,
    author_id: int | None,
    now: datetime,
) -> RuleVersion:
    """Propose an old version anew, as a draft. Raises NotFound, VersionChanged."""
    old = versions.get_by_number(rule_id, number)
    return save_draft(
        old.spec,
        rule_id=rule_id,
        base_lock_version=base_lock_version,
        department_id=old.department_id,
        account_id=old.account_id,
        author_id=author_id,
        now=now,
    )


def _write_version(
    newest: RuleVersion, version_spec: VersionSpec, *, author_id: int | None, now: datetime
) -> RuleVersion:
    """Write over the author's own draft, or add a version after the newest."""
    is_own_draft = newest.state is VersionState.DRAFT and newest.author_id == author_id
    content = version_spec.columns() | {"saved_at": now} if is_own_draft else {}
    updated = compare_and_set(
        RuleVersion,
        newest.id,
        when={"lock_version": newest.lock_version, "state": newest.state},
        to={**content, "lock_version": newest.lock_version + 1},
    )
    if updated is None:
        raise VersionChanged(versions.find_newest(newest.rule_id) or newest)
    if is_own_draft:
        return updated
    return versions.append(
        newest.rule_id,
        version_spec,
        previous=updated,
        state=VersionState.DRAFT,
        author_id=author_id,
        now=now,
    )


def _create_initial_version(row: RuleRow) -> RuleVersion:
    """The version of a rule from before there were versions."""
    owners = {"department_id": row.department_id, "account_id": row.account_id}
    is_draft = row.state is spec.RuleState.DRAFT
    return versions.append(
        row.id,
        VersionSpec(store.to_spec(row), **owners),
        previous=None,
        state=VersionState.DRAFT if is_draft else VersionState.PUBLISHED,
        author_id=None,
        now=row.updated_at,
    )


# ---- deciding ----


def submit(version_id: int, *, submitter_id: int, now: datetime) -> RuleVersion:
    """Ask for review. Raises NotFound, WrongStep."""
    version = versions.get(version_id)
    updated = _transition(
        version,
        VersionState.DRAFT,
        state=VersionState.SUBMITTED,
        submitter_id=submitter_id,
        submitted_at=now,
    )
    return _audit("rule_version.submit", updated)


def withdraw(version_id: int, *, now: datetime) -> RuleVersion:
    """Take a draft or what was submitted back. Raises NotFound, WrongStep."""
    version = versions.get(version_id)
    updated = _transition(version, *OPEN_STATES, state=VersionState.WITHDRAWN, decided_at=now)
    return _audit("rule_version.withdraw", updated)


def reject(version_id: int, comment: str, *, reviewer_id: int, now: datetime) -> RuleVersion:
    """Send a version back with words. Raises NotFound, Invalid, OwnWork, WrongStep."""
    version = versions.get(version_id)
    if not comment.strip():
        raise Invalid(field="comment", problem="请写明退回的原因。")
    _check_comment(comment)
    _forbid_self_review(version, reviewer_id)
    updated = _transition(
        version,
        VersionState.SUBMITTED,
        state=VersionState.REJECTED,
        reviewer_id=reviewer_id,
        comment=comment.strip(),
        decided_at=now,
    )
    return _audit("rule_version.reject", updated, reason=updated.comment)


def check_samples(
    version: RuleVersion, ruleset: RuleSet, *, cache_version: int, now: datetime
) -> SampleReport:
    """Try which samples would lose their answer against the rules of `book`, of this revision.

    With many rules this takes seconds: outside of any transaction.
    """
    owners = {"department_id": version.department_id, "account_id": version.account_id}
    rule = version.spec.rule(id=version.rule_id, **owners)
    return SampleReport(
        version.sha256, cache_version, sample_checks.failing_samples(ruleset, rule, now=now)
    )


def approve(
    version_id: int,
    *,
    sha256: str,
    reviewer_id: int,
    report: SampleReport,
    policy: ReviewPolicy,
    comment: str = "",
    waiver: str = "",
    now: datetime,
) -> RuleVersion:
    """Publish what was submitted, as it was read: `sha256` is the hash of what was on the page.

    A `waiver` is the reason to publish although the `trial` has samples that lose their answer.
    Raises NotFound, OwnWork, WrongStep, VersionChanged, RulesMoved, SamplesBroken.
    """
    version = versions.get(version_id)
    _check_comment(comment)
    _forbid_self_review(version, reviewer_id)
    return _publish(
        version,
        VersionState.SUBMITTED,
        sha256=sha256,
        trial=report,
        policy=policy,
        waiver=waiver,
        now=now,
        reviewer_id=reviewer_id,
        comment=comment.strip(),
        decided_at=now,
    )


def publish(
    version_id: int,
    *,
    sha256: str,
    submitter_id: int,
    report: SampleReport,
    policy: ReviewPolicy,
    waiver: str = "",
    now: datetime,
) -> RuleVersion:
    """Publish a draft without a second person, where the policy of its department allows.

    Raises NotFound, ReviewNeeded, WrongStep, VersionChanged, RulesMoved, SamplesBroken.
    """
    version = versions.get(version_id)
    if policy.requires_review(version):
        raise ReviewRequired(rule=version.rule_id)
    return _publish(
        version,
        VersionState.DRAFT,
        sha256=sha256,
        trial=report,
        policy=policy,
        waiver=waiver,
        now=now,
        submitter_id=submitter_id,
    )


def _publish(
    version: RuleVersion,
    expected: VersionState,
    *,
    sha256: str,
    report: SampleReport,
    policy: ReviewPolicy,
    waiver: str,
    now: datetime,
    **columns: Any,
) -> RuleVersion:
    version = get_for_update(RuleVersion, version.id)
    if not version.sha256 == sha256 == report.sha256:
        raise VersionChanged(versions.find_newest(version.rule_id) or version)
    if version.state is not expected:
        raise InvalidTransition(version=version.id, expected=[expected.value])
    row = get_for_update(RuleRow, version.rule_id)
    if cache_versions.lock_version(store.CACHE_KEY) != report.cache_version:
        raise SampleReportStale(rule=row.id)
    if report.failing and not waiver.strip():
        raise SampleChecksFailed(report.failing)
    versions.supersede_published(row.id)
    updated = _transition(
        version, expected, sha256=sha256, state=VersionState.PUBLISHED, published_at=now, **columns
    )
    rule_spec = version.spec.replace(state=spec.RuleState.LIVE)
    rule_spec = rule_spec.replace(
        review_by=rule_spec.review_by or policy.review_by(clock.local_day(now))
    )
    owners = {"department_id": version.department_id, "account_id": version.account_id}
    store.update(row.id, rule_spec, version=row.version, **owners, now=now)
    return _audit("rule_version.publish", updated, reason=waiver.strip())


def _transition(
    version: RuleVersion, *expected: VersionState, sha256: str = "", **to: Any
) -> RuleVersion:
    """One step of one version, if it still stands where the step begins."""
    when: dict[str, object] = {"state": expected}
    if sha256:
        when["sha256"] = sha256
    updated = compare_and_set(
        RuleVersion, version.id, when=when, to={"lock_version": version.lock_version + 1, **to}
    )
    if updated is None:
        raise InvalidTransition(version=version.id, expected=[state.value for state in expected])
    return updated


def _forbid_self_review(version: RuleVersion, staff_id: int) -> None:
    if staff_id in (*version.contributor_ids, version.author_id, version.submitter_id):
        raise SelfReviewForbidden(version=version.id, staff=staff_id)


def _check_comment(comment: str) -> None:
    if len(comment) > MAX_COMMENT_LENGTH:
        raise Invalid(field="comment", problem=f"最长 {MAX_COMMENT_LENGTH} 个字。")


def _audit(action: str, version: RuleVersion, label: str = "", *, reason: str = "") -> RuleVersion:
    audit.record(
        action,
        kind=_KIND,
        object_id=version.rule_id,
        label=label or str(version.content.get("name", "")),
        department_id=version.department_id,
        after={
            "number": version.number,
            "state": version.state.value,
            "sha256": version.sha256,
            **version.content,
        },
        reason=reason,
    )
    return version
