"""The publishing workflow: the steps of a rule's versions, from the first draft to publication.

    save_draft ──> draft ── submit ──> submitted ── approve ──> published, copied to the rule's row
                     │                     ├── reject (with a comment) ──> save_draft again
                     │                     └── withdraw
                     └── publish           where the review policy lets editors publish alone

A live rule is never edited in place: saving writes a version beside it. Every step locks the rule,
so that the steps of one rule follow each other, and compares the version's state; publishing also
compares its hash, so that only what was read can be published. Whoever wrote on a version or
submitted it may not review it (four-eyes principle; a check constraint of the table enforces it as
well). `restore_version` makes an old version a new draft, which takes the same way.
"""

from datetime import datetime
from typing import Any

from config import audit, cache_versions, clock
from config.database import get_for_update, session
from config.database.optimistic_locking import check_version
from config.errors import DomainError, Invalid, Stale
from config.permissions import Permission, Principal
from keywords.publishing.sample_checks import SampleReport
from keywords.rules import spec, store, versions
from keywords.rules.review_policies import ReviewPolicy
from keywords.rules.spec import RuleSpec
from keywords.rules.store import RuleRow
from keywords.rules.versions import OPEN_STATES, RuleVersion, VersionSpec, VersionState

MAX_COMMENT_LENGTH = 500
_STALE_TEXT = "{thing}刚被其他人修改过，请对照后再保存。"


class InvalidTransition(DomainError):
    """The version is not in the state this step begins from."""

    text = "这一版已经不在可以这样处理的阶段，请刷新后再看。"


class SelfReviewForbidden(DomainError):
    """Nobody may review what they wrote or submitted themselves."""

    status = 403
    text = "您参与编写或提交了这一版，须由其他人审核。"


class ReviewRequired(DomainError):
    """The review policy lets nobody publish this version alone."""

    text = "这条规则须经他人审核才能发布，请提交审核。"


class SampleChecksFailed(DomainError):
    """Samples would fail after publishing, and no reason was given to publish nevertheless."""

    text = "发布后有 {count} 句例句会改变答复。请修改规则，或写明仍要发布的理由。"


class SampleReportStale(DomainError):
    """No report, or rules have changed since the samples were checked: they must be again."""

    text = "其他规则刚刚有变化，请再发布一次。"


def access_version(member: Principal, version_id: int, right: Permission) -> RuleVersion:
    """The version. Raises NotFound without this permission at both owners.

    A version can move a rule to another owner, so the rule's present owner counts too.
    """
    version = versions.get(version_id)
    store.access_rule(member, version.rule_id, right)
    member.require(right, department_id=version.department_id, account_id=version.account_id)
    return version


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
    """Save a draft of a new rule (`rule_id` None) or as the next version; a live rule stays live.

    `base_lock_version` is that of the version the draft was made from; None skips the comparison.
    The author's own open draft is overwritten, any other open version is superseded. If the newest
    version has the same content already, it is returned unchanged. Raises Invalid, SlugTaken,
    NotFound, and Stale with the newest version.
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
        return _audit(versions.RuleVersionAction.SAVE, version, rule_spec.name)
    row = get_for_update(RuleRow, rule_id)
    if rule_spec.slug != row.slug:
        raise Invalid(field="id", problem="规则编号不能修改。")
    store.check_owner(rule_spec, **owners)
    version_spec = VersionSpec(rule_spec, **owners)
    newest = _newest_unchanged(row, base_lock_version)
    # saving twice by a double click or a repeated load makes no second version
    if newest.sha256 == version_spec.sha256 and newest.state in (
        *OPEN_STATES,
        VersionState.PUBLISHED,
    ):
        return newest
    version = _write_version(newest, version_spec, author_id=author_id, now=now)
    if row.state is spec.RuleState.DRAFT:
        # never published, so no citizen is affected, and lists show the current name and keywords
        store.update(rule_id, draft_spec, version=row.version, **owners, now=now)
    return _audit(versions.RuleVersionAction.SAVE, version, rule_spec.name)


def restore_version(
    rule_id: int,
    number: int,
    *,
    base_lock_version: int | None,
    author_id: int | None,
    now: datetime,
) -> RuleVersion:
    """Save the content and owner of an old version as a new draft.

    Raises NotFound, Stale, and Invalid where that content is no longer valid.
    """
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


def _newest_unchanged(row: RuleRow, base_lock_version: int | None) -> RuleVersion:
    """The newest version of a locked rule. Raises Stale when the base of an edit is another."""
    newest = versions.find_newest(row.id) or _create_initial_version(row)
    author, text = newest.author_id, _STALE_TEXT
    check_version(newest, base_lock_version, "这条规则", text=text, author=author, rule=row.id)
    return newest


def _write_version(
    newest: RuleVersion, version_spec: VersionSpec, *, author_id: int | None, now: datetime
) -> RuleVersion:
    """Overwrite the author's own draft, or add a version after the newest."""
    is_own_draft = newest.state is VersionState.DRAFT and newest.author_id == author_id
    if is_own_draft:
        return _update(newest, **version_spec.columns(), saved_at=now)
    return versions.append(
        newest.rule_id,
        version_spec,
        previous=newest,
        state=VersionState.DRAFT,
        author_id=author_id,
        now=now,
    )


def _create_initial_version(row: RuleRow) -> RuleVersion:
    """The first version of a rule that was loaded without one, with the content of its row."""
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


def submit(version_id: int, *, submitter_id: int, now: datetime) -> RuleVersion:
    """Submit a draft for review. Raises NotFound, InvalidTransition."""
    version = versions.get(version_id)
    updated = _transition(
        version,
        VersionState.DRAFT,
        state=VersionState.SUBMITTED,
        submitter_id=submitter_id,
        submitted_at=now,
    )
    return _audit(versions.RuleVersionAction.SUBMIT, updated)


def withdraw(version_id: int, *, now: datetime) -> RuleVersion:
    """Withdraw a draft or submitted version. Raises NotFound, InvalidTransition."""
    version = versions.get(version_id)
    updated = _transition(version, *OPEN_STATES, state=VersionState.WITHDRAWN, decided_at=now)
    return _audit(versions.RuleVersionAction.WITHDRAW, updated)


def reject(version_id: int, comment: str, *, reviewer_id: int, now: datetime) -> RuleVersion:
    """Return a submitted version to its author with a comment, which must not be empty.

    Raises NotFound, Invalid, SelfReviewForbidden, InvalidTransition.
    """
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
    return _audit(versions.RuleVersionAction.REJECT, updated, reason=updated.comment)


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
    """Publish a submitted version; `sha256` is the hash of what the reviewer's page showed.

    `waiver` is the reason to publish although samples fail according to `report`. Raises NotFound,
    Invalid, SelfReviewForbidden, InvalidTransition, Stale, SampleReportStale, SampleChecksFailed.
    """
    version = versions.get(version_id)
    _check_comment(comment)
    _forbid_self_review(version, reviewer_id)
    return _publish(
        version,
        VersionState.SUBMITTED,
        sha256=sha256,
        report=report,
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
    """Publish a draft without a second person, where the review policy allows it.

    Raises NotFound, ReviewRequired, and the other errors of `approve`.
    """
    version = versions.get(version_id)
    if policy.requires_review(version):
        raise ReviewRequired(rule=version.rule_id)
    return _publish(
        version,
        VersionState.DRAFT,
        sha256=sha256,
        report=report,
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
    row = get_for_update(RuleRow, version.rule_id)
    version = get_for_update(RuleVersion, version.id)
    if not version.sha256 == sha256 == report.sha256:
        newest = versions.find_newest(row.id) or version
        raise Stale("这条规则", text=_STALE_TEXT, author=newest.author_id, newest=newest)
    if version.state is not expected:
        raise InvalidTransition(version=version.id, expected=[expected.value])
    # the lock on the counter makes other publications wait, so the report stays valid until commit
    if cache_versions.lock_version(store.CACHE_KEY) != report.cache_version:
        raise SampleReportStale(rule=row.id)
    # a reason is asked for and audited, so that nobody skips the check unnoticed
    if report.failing_count and not waiver.strip():
        raise SampleChecksFailed(count=report.failing_count)
    versions.supersede_published(row.id)
    updated = _update(version, state=VersionState.PUBLISHED, published_at=now, **columns)
    # the state of the spec is not part of the workflow: a published rule is live
    rule_spec = version.spec.replace(state=spec.RuleState.LIVE)
    rule_spec = rule_spec.replace(
        review_by=rule_spec.review_by or policy.review_by(clock.local_day(now))
    )
    owners = {"department_id": version.department_id, "account_id": version.account_id}
    store.update(row.id, rule_spec, version=row.version, **owners, now=now)
    return _audit(versions.RuleVersionAction.PUBLISH, updated, reason=waiver.strip())


def _transition(version: RuleVersion, *expected: VersionState, **to: Any) -> RuleVersion:
    """Change the state of a version that is in one of the expected states.

    Raises InvalidTransition.
    """
    get_for_update(RuleRow, version.rule_id)
    version = get_for_update(RuleVersion, version.id)
    if version.state not in expected:
        raise InvalidTransition(version=version.id, expected=[state.value for state in expected])
    return _update(version, **to)


def _update(version: RuleVersion, **to: Any) -> RuleVersion:
    for name, value in to.items():
        setattr(version, name, value)
    version.lock_version += 1
    session.flush()
    return version


def _forbid_self_review(version: RuleVersion, staff_id: int) -> None:
    if staff_id in (*version.contributor_ids, version.author_id, version.submitter_id):
        raise SelfReviewForbidden(version=version.id, staff=staff_id)


def _check_comment(comment: str) -> None:
    if len(comment) > MAX_COMMENT_LENGTH:
        raise Invalid(field="comment", problem=f"最长 {MAX_COMMENT_LENGTH} 个字。")


def _audit(
    action: versions.RuleVersionAction, version: RuleVersion, label: str = "", *, reason: str = ""
) -> RuleVersion:
    audit.record(
        action,
        owner=version,
        object_id=version.rule_id,
        label=label or str(version.content.get("name", "")),
        after={
            "number": version.number,
            "state": version.state.value,
            "sha256": version.sha256,
            **version.content,
        },
        reason=reason,
    )
    return version
