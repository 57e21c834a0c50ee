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
from dataclasses import replace
from datetime import datetime
from typing import Any

from config import audit, clock, revisions
from config.database import change, locked
from config.errors import DomainError, Invalid
from config.tenancy import Member, Right
from keywords import drafts, history, samples, stored
from keywords.book import Book
from keywords.drafts import RuleDraft
from keywords.history import OPEN, Proposal, RuleVersion, State
from keywords.policies import Policy
from keywords.samples import Broken, Trial
from keywords.stored import StoredRule

LONGEST_COMMENT = 500
_KIND = "rule"


class VersionChanged(DomainError):
    """Somebody was at the rule since it was read; `newest` is what they left."""

    text = "这条规则刚被其他人修改过，请对照后再保存。"

    def __init__(self, newest: RuleVersion) -> None:
        super().__init__(rule=newest.rule_id, number=newest.number, author=newest.author_id)
        self.newest = newest


class WrongStep(DomainError):
    """The version is not where this step begins."""

    text = "这一版已经不在可以这样处理的阶段，请刷新后再看。"


class OwnWork(DomainError):
    """Nobody decides on what they wrote or submitted themselves."""

    status = 403
    text = "您参与编写或提交了这一版，须由其他人审核。"


class ReviewNeeded(DomainError):
    """The department lets nobody publish alone."""

    text = "这条规则须经他人审核才能发布，请提交审核。"


class SamplesBroken(DomainError):
    """Phrases that must keep their answer would lose it; `broken` says which."""

    text = "发布后有 {count} 句例句会改变答复。请修改规则，或写明仍要发布的理由。"

    def __init__(self, broken: Sequence[Broken]) -> None:
        super().__init__(count=len(broken))
        self.broken = broken


class RulesMoved(DomainError):
    """Other rules have changed since the samples were tried, so the trial says nothing."""

    text = "其他规则刚刚有变化，请再发布一次。"


def access_version(member: Member, version_id: int, right: Right) -> RuleVersion:
    """The version, for a member with this right at its owner and at its rule's. Raises NotFound."""
    version = history.get(version_id)
    stored.access_rule(member, version.rule_id, right)
    member.require(right, department_id=version.department_id, account_id=version.account_id)
    return version


# ---- writing ----


def save(
    draft: RuleDraft,
    *,
    rule_id: int | None,
    base: int | None,
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
    written = replace(draft, state=drafts.State.DRAFT)
    if rule_id is None:
        row = stored.create(written, **owners, now=now)
        proposal = Proposal(drafts.check(draft), **owners)
        version = history.append(
            row.id, proposal, after=None, state=State.DRAFT, author_id=author_id, now=now
        )
        return _told("rule_version.save", version, draft.name)
    row = stored.get(rule_id)
    if draft.code != row.code:
        raise Invalid(field="id", problem="规则编号不能修改。")
    proposal = Proposal(stored.check(draft, **owners), **owners)
    newest = history.newest(rule_id) or _first(row)
    if base is not None and newest.stamp != base:
        raise VersionChanged(newest)
    if newest.sha256 == proposal.sha256 and newest.state in (*OPEN, State.PUBLISHED):
        return newest
    version = _next(newest, proposal, author_id=author_id, now=now)
    if row.state is drafts.State.DRAFT:
        # nobody is answered by it yet, so the row may show what is being written
        stored.update(rule_id, written, version=row.version, **owners, now=now)
    return _told("rule_version.save", version, draft.name)


def roll_back(
    rule_id: int, number: int, *, base: int | None, author_id: int | None, now: datetime
) -> RuleVersion:
    """Propose an old version anew, as a draft. Raises NotFound, VersionChanged."""
    old = history.numbered(rule_id, number)
    return save(
        old.draft,
        rule_id=rule_id,
        base=base,
        department_id=old.department_id,
        account_id=old.account_id,
        author_id=author_id,
        now=now,
    )


def _next(
    newest: RuleVersion, proposal: Proposal, *, author_id: int | None, now: datetime
) -> RuleVersion:
    """Write over the author's own draft, or add a version after the newest."""
    is_mine = newest.state is State.DRAFT and newest.author_id == author_id
    content = proposal.columns() | {"saved_at": now} if is_mine else {}
    moved = change(
        RuleVersion,
        newest.id,
        when={"stamp": newest.stamp, "state": newest.state},
        to={**content, "stamp": newest.stamp + 1},
    )
    if moved is None:
        raise VersionChanged(history.newest(newest.rule_id) or newest)
    if is_mine:
        return moved
    return history.append(
        newest.rule_id, proposal, after=moved, state=State.DRAFT, author_id=author_id, now=now
    )


def _first(row: StoredRule) -> RuleVersion:
    """The version of a rule from before there were versions."""
    owners = {"department_id": row.department_id, "account_id": row.account_id}
    is_draft = row.state is drafts.State.DRAFT
    return history.append(
        row.id,
        Proposal(stored.to_draft(row), **owners),
        after=None,
        state=State.DRAFT if is_draft else State.PUBLISHED,
        author_id=None,
        now=row.updated_at,
    )


# ---- deciding ----


def submit(version_id: int, *, by: int, now: datetime) -> RuleVersion:
    """Ask for review. Raises NotFound, WrongStep."""
    version = history.get(version_id)
    moved = _step(version, State.DRAFT, state=State.SUBMITTED, submitter_id=by, submitted_at=now)
    return _told("rule_version.submit", moved)


def withdraw(version_id: int, *, now: datetime) -> RuleVersion:
    """Take a draft or what was submitted back. Raises NotFound, WrongStep."""
    version = history.get(version_id)
    moved = _step(version, *OPEN, state=State.WITHDRAWN, decided_at=now)
    return _told("rule_version.withdraw", moved)


def reject(version_id: int, comment: str, *, by: int, now: datetime) -> RuleVersion:
    """Send a version back with words. Raises NotFound, Invalid, OwnWork, WrongStep."""
    version = history.get(version_id)
    if not comment.strip():
        raise Invalid(field="comment", problem="请写明退回的原因。")
    _check_comment(comment)
    _refuse_own(version, by)
    moved = _step(
        version,
        State.SUBMITTED,
        state=State.REJECTED,
        reviewer_id=by,
        comment=comment.strip(),
        decided_at=now,
    )
    return _told("rule_version.reject", moved, reason=moved.comment)


def tried(version: RuleVersion, book: Book, *, revision: int, now: datetime) -> Trial:
    """Try which samples would lose their answer against the rules of `book`, of this revision.

    With many rules this takes seconds: outside of any transaction.
    """
    owners = {"department_id": version.department_id, "account_id": version.account_id}
    rule = version.draft.rule(id=version.rule_id, **owners)
    return Trial(version.sha256, revision, samples.broken(book, rule, now=now))


def approve(
    version_id: int,
    *,
    sha256: str,
    by: int,
    trial: Trial,
    policy: Policy,
    comment: str = "",
    waiver: str = "",
    now: datetime,
) -> RuleVersion:
    """Publish what was submitted, as it was read: `sha256` is the hash of what was on the page.

    A `waiver` is the reason to publish although the `trial` has samples that lose their answer.
    Raises NotFound, OwnWork, WrongStep, VersionChanged, RulesMoved, SamplesBroken.
    """
    version = history.get(version_id)
    _check_comment(comment)
    _refuse_own(version, by)
    return _publish(
        version,
        State.SUBMITTED,
        sha256=sha256,
        trial=trial,
        policy=policy,
        waiver=waiver,
        now=now,
        reviewer_id=by,
        comment=comment.strip(),
        decided_at=now,
    )


def publish(
    version_id: int,
    *,
    sha256: str,
    by: int,
    trial: Trial,
    policy: Policy,
    waiver: str = "",
    now: datetime,
) -> RuleVersion:
    """Publish a draft without a second person, where the policy of its department allows.

    Raises NotFound, ReviewNeeded, WrongStep, VersionChanged, RulesMoved, SamplesBroken.
    """
    version = history.get(version_id)
    if policy.asks_review(version):
        raise ReviewNeeded(rule=version.rule_id)
    return _publish(
        version,
        State.DRAFT,
        sha256=sha256,
        trial=trial,
        policy=policy,
        waiver=waiver,
        now=now,
        submitter_id=by,
    )


def _publish(
    version: RuleVersion,
    expected: State,
    *,
    sha256: str,
    trial: Trial,
    policy: Policy,
    waiver: str,
    now: datetime,
    **facts: Any,
) -> RuleVersion:
    version = locked(RuleVersion, version.id)
    if not version.sha256 == sha256 == trial.sha256:
        raise VersionChanged(history.newest(version.rule_id) or version)
    if version.state is not expected:
        raise WrongStep(version=version.id, expected=[expected.value])
    row = locked(StoredRule, version.rule_id)
    if revisions.held(stored.REVISION) != trial.revision:
        raise RulesMoved(rule=row.id)
    if trial.broken and not waiver.strip():
        raise SamplesBroken(trial.broken)
    history.retire_published(row.id)
    moved = _step(
        version, expected, sha256=sha256, state=State.PUBLISHED, published_at=now, **facts
    )
    draft = replace(version.draft, state=drafts.State.LIVE)
    draft = replace(draft, review_by=draft.review_by or policy.review_by(clock.local_day(now)))
    owners = {"department_id": version.department_id, "account_id": version.account_id}
    stored.update(row.id, draft, version=row.version, **owners, now=now)
    return _told("rule_version.publish", moved, reason=waiver.strip())


def _step(version: RuleVersion, *expected: State, sha256: str = "", **to: Any) -> RuleVersion:
    """One step of one version, if it still stands where the step begins."""
    when: dict[str, object] = {"state": expected}
    if sha256:
        when["sha256"] = sha256
    moved = change(RuleVersion, version.id, when=when, to={"stamp": version.stamp + 1, **to})
    if moved is None:
        raise WrongStep(version=version.id, expected=[state.value for state in expected])
    return moved


def _refuse_own(version: RuleVersion, by: int) -> None:
    if by in (*version.writers, version.author_id, version.submitter_id):
        raise OwnWork(version=version.id, staff=by)


def _check_comment(comment: str) -> None:
    if len(comment) > LONGEST_COMMENT:
        raise Invalid(field="comment", problem=f"最长 {LONGEST_COMMENT} 个字。")


def _told(action: str, version: RuleVersion, label: str = "", *, reason: str = "") -> RuleVersion:
    audit.record(
        action,
        kind=_KIND,
        object_id=version.rule_id,
        label=label or str(version.shape.get("name", "")),
        department_id=version.department_id,
        after={
            "number": version.number,
            "state": version.state.value,
            "sha256": version.sha256,
            **version.shape,
        },
        reason=reason,
    )
    return version
