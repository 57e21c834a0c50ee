"""Stored rules: the table, and the deeds that change it.

    RuleDraft ── create / update ──> StoredRule  draft ─> live <─> off ── delete ──> gone
                                         │
                                         └── live() ─> Rule values for the matchers

The row is what citizens get. Staff change it through `versions`; `put` is for files, and writes
a published version as well. Every change is checked as `drafts` checks it, leaves an audit row
and bumps the revision `rules`, by which each process learns that its matchers are stale. A
change names the version it was made from; when somebody else was first, it is refused.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, or_, select
from sqlalchemy import update as sql_update
from sqlalchemy.orm import Mapped, mapped_column

from config import audit, revisions
from config.database import Base, change, session
from config.errors import DomainError, Invalid, NotFound
from config.tenancy import Member, Right
from keywords import drafts, history, replies, schedule
from keywords.drafts import RuleDraft, State
from keywords.history import Proposal
from keywords.normalize import fold
from keywords.replies import Choice
from keywords.rules import Rule, Scope
from keywords.schedule import Days

REVISION = "rules"
_KIND = "rule"


class CodeTaken(DomainError):
    """Codes are unique in the city."""

    text = "规则编号“{code}”已被使用。"


class RuleChanged(DomainError):
    """Somebody else changed the rule since it was read."""

    text = "这条规则刚被其他人修改过，请刷新后重试。"


class StoredRule(Base):
    """One rule. Neither department nor account means the whole city.

    `search` holds its words in normal form; `last_hit_on` is the last local day it answered.
    """

    __tablename__ = "rules"
    __table_args__ = (
        CheckConstraint(
            "scope <> 'local' OR department_id IS NOT NULL OR account_id IS NOT NULL",
            name="local_has_owner",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    department_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"), index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    scope: Mapped[Scope]
    name: Mapped[str]
    state: Mapped[State] = mapped_column(index=True)
    priority: Mapped[int]
    keywords: Mapped[list[Any]]
    required: Mapped[list[Any]]
    excluded: Mapped[list[Any]]
    weekdays: Mapped[list[Any]]
    hours: Mapped[list[Any]]
    days: Mapped[Days]
    valid_from: Mapped[date | None]
    valid_to: Mapped[date | None]
    choice: Mapped[Choice]
    replies: Mapped[list[Any]]
    service: Mapped[str]
    overrides: Mapped[str]
    review_by: Mapped[date | None] = mapped_column(index=True)
    samples: Mapped[list[Any]]
    search: Mapped[str]
    last_hit_on: Mapped[date | None]
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime] = mapped_column(index=True)


def get(rule_id: int) -> StoredRule:
    """The rule of this id. Raises NotFound."""
    found = session.get(StoredRule, rule_id)
    if found is None:
        raise NotFound(kind=_KIND, id=rule_id)
    return found


def access_rule(member: Member, rule_id: int, right: Right) -> StoredRule:
    """The rule, for a member who has this right where it belongs. Raises NotFound."""
    row = get(rule_id)
    member.require(right, department_id=row.department_id, account_id=row.account_id)
    return row


def by_code(code: str) -> StoredRule | None:
    """The rule of this code, or None."""
    return session.scalars(select(StoredRule).where(StoredRule.code == code)).one_or_none()


def listed() -> list[StoredRule]:
    """All rules in every state, by code."""
    return list(session.scalars(select(StoredRule).order_by(StoredRule.code)))


def live() -> tuple[Rule, ...]:
    """All rules in force, by code, in one query."""
    rows = session.scalars(
        select(StoredRule).where(StoredRule.state == State.LIVE).order_by(StoredRule.code)
    )
    return tuple(
        to_draft(row).rule(id=row.id, department_id=row.department_id, account_id=row.account_id)
        for row in rows
    )


def to_draft(row: StoredRule, *, department: str = "", account: str = "") -> RuleDraft:
    """The rule as a person would write it; owners are given by their own ids."""
    waking = schedule.parse(
        {
            "weekdays": row.weekdays,
            "hours": row.hours,
            "days": row.days.value,
            "valid_from": row.valid_from,
            "valid_to": row.valid_to,
        }
    )
    return RuleDraft(
        code=row.code,
        name=row.name,
        keywords=drafts.read_keywords(row.keywords),
        replies=replies.parse_all(row.replies),
        department=department,
        account=account,
        scope=row.scope,
        required=tuple(row.required),
        excluded=tuple(row.excluded),
        priority=row.priority,
        schedule=waking,
        choice=row.choice,
        service=row.service,
        overrides=row.overrides,
        state=row.state,
        review_by=row.review_by,
        samples=tuple(row.samples),
    )


def create(
    draft: RuleDraft,
    *,
    department_id: int | None = None,
    account_id: int | None = None,
    now: datetime,
) -> StoredRule:
    """Write a new rule down. Raises Invalid, CodeTaken."""
    if by_code(draft.code) is not None:
        raise CodeTaken(code=draft.code)
    columns = _columns(draft, department_id, account_id)
    row = StoredRule(code=draft.code, **columns, version=1, created_at=now, updated_at=now)
    session.add(row)
    session.flush()  # the audit row needs the id
    _tell("rule.created", row, before=None, after=_shape(row))
    return row


def row_of(
    draft: RuleDraft, *, department_id: int | None, account_id: int | None, now: datetime
) -> dict[str, Any]:
    """All columns of a new rule but its id, for many that are written at once. Raises Invalid."""
    columns = _columns(draft, department_id, account_id)
    return {"code": draft.code, **columns, "version": 1, "created_at": now, "updated_at": now}


def update(
    rule_id: int,
    draft: RuleDraft,
    *,
    version: int,
    department_id: int | None = None,
    account_id: int | None = None,
    now: datetime,
) -> StoredRule:
    """Replace a rule's content; its code stays. Raises NotFound, Invalid, RuleChanged."""
    row = get(rule_id)
    if draft.code != row.code:
        raise Invalid(field="id", problem="规则编号不能修改。")
    before = _shape(row)
    columns = _columns(draft, department_id, account_id)
    return _changed(row, "rule.updated", before, version=version, columns=columns, now=now)


def switch(rule_id: int, state: State, *, version: int, now: datetime) -> StoredRule:
    """Put a rule into force or out of it. Raises NotFound, RuleChanged."""
    row = get(rule_id)
    return _changed(
        row, "rule.switched", _shape(row), version=version, columns={"state": state}, now=now
    )


def delete(rule_id: int, *, version: int) -> None:
    """Remove a rule for good; the audit remembers it. Raises NotFound, RuleChanged."""
    row = get(rule_id)
    if change(StoredRule, rule_id, when={"version": version}, to={"version": version}) is None:
        raise RuleChanged(code=row.code)
    _tell("rule.deleted", row, before=_shape(row), after=None)
    session.delete(row)
    session.flush()


def put(
    draft: RuleDraft,
    *,
    department_id: int | None = None,
    account_id: int | None = None,
    now: datetime,
) -> bool:
    """Make the rule of this code be as the draft says. Returns whether anything changed.

    The change is a version of its own; one that staff had open gives way to it.
    """
    row = by_code(draft.code)
    owners = {"department_id": department_id, "account_id": account_id}
    if row is None:
        row = create(draft, **owners, now=now)
        _remember(row.id, draft, owners, now)
        return True
    columns = _columns(draft, department_id, account_id)
    if all(getattr(row, name) == value for name, value in columns.items()):
        return False
    update(row.id, draft, version=row.version, **owners, now=now)
    _remember(row.id, draft, owners, now)
    return True


def _remember(rule_id: int, draft: RuleDraft, owners: dict[str, int | None], now: datetime) -> None:
    state = history.State.DRAFT if draft.state is State.DRAFT else history.State.PUBLISHED
    proposal, after = Proposal(drafts.check(draft), **owners), history.newest(rule_id)
    # switched on or off, it says what it said
    if after is None or (after.state, after.sha256) != (state, proposal.sha256):
        history.append(rule_id, proposal, after=after, state=state, author_id=None, now=now)


def note_hits(days: dict[str, date]) -> None:
    """Write down the last local day on which rules answered, by code."""
    for code, day in days.items():
        session.execute(
            sql_update(StoredRule)
            .where(
                StoredRule.code == code,
                or_(StoredRule.last_hit_on.is_(None), StoredRule.last_hit_on < day),
            )
            .values(last_hit_on=day)
            .execution_options(synchronize_session=False)
        )


def _changed(
    row: StoredRule,
    action: str,
    before: dict[str, Any],
    *,
    version: int,
    columns: dict[str, Any],
    now: datetime,
) -> StoredRule:
    moved = change(
        StoredRule,
        row.id,
        when={"version": version},
        to={**columns, "version": version + 1, "updated_at": now},
    )
    if moved is None:
        raise RuleChanged(code=row.code)
    _tell(action, moved, before=before, after=_shape(moved))
    return moved


def check(draft: RuleDraft, *, department_id: int | None, account_id: int | None) -> RuleDraft:
    """Check a draft for owners known by number. Raises Invalid."""
    checked = drafts.check(draft)
    if account_id is not None and checked.scope is not Scope.LOCAL:
        raise Invalid(field=f"{draft.code} · scope", problem="单个账号的规则只能是本地规则。")
    if account_id is None and department_id is None and checked.scope is Scope.LOCAL:
        raise Invalid(field=f"{draft.code} · scope", problem="全市规则应为强制或默认。")
    return checked


def _columns(draft: RuleDraft, department_id: int | None, account_id: int | None) -> dict[str, Any]:
    """The columns a draft fills, after it was checked."""
    checked = check(draft, department_id=department_id, account_id=account_id)
    waking = checked.schedule
    return {
        "department_id": department_id,
        "account_id": account_id,
        "scope": checked.scope,
        "name": checked.name,
        "state": checked.state,
        "priority": checked.priority,
        "keywords": drafts.write_keywords(checked.keywords),
        "required": list(checked.required),
        "excluded": list(checked.excluded),
        "weekdays": sorted(waking.weekdays),
        "hours": [str(span) for span in waking.hours],
        "days": waking.days,
        "valid_from": waking.valid_from,
        "valid_to": waking.valid_to,
        "choice": checked.choice,
        "replies": [replies.dump(reply) for reply in checked.replies],
        "service": checked.service,
        "overrides": checked.overrides,
        "review_by": checked.review_by,
        "samples": list(checked.samples),
        "search": _search(checked),
    }


def _search(draft: RuleDraft) -> str:
    """What a search for the rule looks into, in normal form: all its words."""
    said = [
        value
        for shape in map(replies.dump, draft.replies)
        for name, value in shape.items()
        if name != "type"
    ]
    words = (draft.code, draft.name, *(each.text for each in draft.keywords), *draft.samples, *said)
    return " ".join(filter(None, map(fold, words)))


def _shape(row: StoredRule) -> dict[str, Any]:
    owners = {"department_id": row.department_id, "account_id": row.account_id}
    return drafts.dump_rule(to_draft(row)) | {
        name: value for name, value in owners.items() if value is not None
    }


def _tell(
    action: str, row: StoredRule, *, before: dict[str, Any] | None, after: dict[str, Any] | None
) -> None:
    audit.record(
        action,
        kind=_KIND,
        object_id=row.id,
        label=row.name,
        department_id=row.department_id,
        before=before,
        after=after,
    )
    revisions.bump(REVISION)
