"""The table of rules, and the functions that change it.

    RuleSpec ── create / update ──> RuleRow  draft ─> live <─> off ── delete
                                       │
                                       └── load_live_rules() ─> Rule values for the matchers

Citizens get what the row says. Staff change it through `publishing.workflow`; `upsert` is for
loaded files and writes a published version as well. A spec was validated when it was made, so only
its owner is checked here, and nothing when a row is read. Every change writes an audit row and
moves the cache version `CACHE_KEY`, by which each process learns that its matchers are stale. A
change names the version of the row it was made from and is refused when somebody else changed the
row first.
"""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, bindparam, or_, select
from sqlalchemy import update as sql_update
from sqlalchemy.orm import Mapped, mapped_column

from config import audit, cache_versions
from config.database import Base, get_for_update, session
from config.database.optimistic_locking import Versioned, check_version
from config.errors import DomainError, Invalid, NotFound
from config.permissions import Permission, Principal
from keywords.language.normalize import fold
from keywords.rules import replies, spec, versions
from keywords.rules.replies import Choice
from keywords.rules.schedule import Days, Schedule
from keywords.rules.spec import RuleSpec, RuleState
from keywords.rules.values import Rule, RuleScope
from keywords.rules.versions import RuleAction, VersionSpec

CACHE_KEY = "rules"
_KIND = "rule"


class SlugTaken(DomainError):
    """Codes are unique in the city."""

    text = "规则编号“{code}”已被使用。"


class RuleRow(Versioned, Base):
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
    slug: Mapped[str] = mapped_column(unique=True)
    department_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"), index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    scope: Mapped[RuleScope]
    name: Mapped[str]
    state: Mapped[RuleState] = mapped_column(index=True)
    priority: Mapped[int]
    keywords: Mapped[list[dict[str, str]]]
    required: Mapped[list[str]]
    excluded: Mapped[list[str]]
    weekdays: Mapped[list[int]]
    hours: Mapped[list[str]]
    days: Mapped[Days]
    valid_from: Mapped[date | None]
    valid_to: Mapped[date | None]
    choice: Mapped[Choice]
    replies: Mapped[list[dict[str, str]]]
    service: Mapped[str]
    expects_reply: Mapped[bool]
    overrides: Mapped[str]
    review_by: Mapped[date | None] = mapped_column(index=True)
    samples: Mapped[list[str]]
    search_text: Mapped[str]
    last_hit_on: Mapped[date | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime] = mapped_column(index=True)


def get(rule_id: int) -> RuleRow:
    """The rule of this id. Raises NotFound."""
    found = session.get(RuleRow, rule_id)
    if found is None:
        raise NotFound(kind=_KIND, id=rule_id)
    return found


def access_rule(member: Principal, rule_id: int, right: Permission) -> RuleRow:
    """The rule, for a member who has this right where it belongs. Raises NotFound."""
    row = get(rule_id)
    member.require(right, department_id=row.department_id, account_id=row.account_id)
    return row


def find_by_slug(slug: str) -> RuleRow | None:
    """The rule of this code, or None."""
    return session.scalars(select(RuleRow).where(RuleRow.slug == slug)).one_or_none()


def list_by_ids(rule_ids: Sequence[int]) -> list[RuleRow]:
    """Those of these rules that are there, in the order asked."""
    rows = session.scalars(select(RuleRow).where(RuleRow.id.in_(rule_ids)))
    # IN gives no order
    known = {row.id: row for row in rows}
    return [known[key] for key in rule_ids if key in known]


def list_all() -> list[RuleRow]:
    """All rules in every state, by code."""
    return list(session.scalars(select(RuleRow).order_by(RuleRow.slug)))


def list_default_slugs() -> list[tuple[str, int | None]]:
    """Slug and department (None: the city) of every default rule, which others may override."""
    rows = session.execute(
        select(RuleRow.slug, RuleRow.department_id).where(RuleRow.scope == RuleScope.DEFAULT)
    )
    return [(row.slug, row.department_id) for row in rows]


def load_live_rules() -> tuple[Rule, ...]:
    """All rules in force, by code, in one query."""
    rows = session.scalars(
        select(RuleRow).where(RuleRow.state == RuleState.LIVE).order_by(RuleRow.slug)
    )
    return tuple(map(_to_rule, rows))


def _to_rule(row: RuleRow) -> Rule:
    # not by way of `to_spec`, which would make a pydantic model of each of 100,000 rules
    values = spec.values_from_columns(_spec_columns(row))
    return Rule(
        **{name: values[name] for name in spec.LIVE_FIELDS if name != "slug"},
        slug=row.slug,
        id=row.id,
        department_id=row.department_id,
        account_id=row.account_id,
        schedule=Schedule(
            weekdays=frozenset(values["weekdays"]),
            hours=values["hours"],
            days=row.days,
            valid_from=row.valid_from,
            valid_to=row.valid_to,
        ),
    )


def to_spec(row: RuleRow, *, department: str = "", account: str = "") -> RuleSpec:
    """The rule as a person would write it; owners are given by their own slug or appid."""
    columns = _spec_columns(row)
    return RuleSpec.from_columns(row.slug, columns, department=department, account=account)


def _spec_columns(row: RuleRow) -> dict[str, object]:
    return {name: getattr(row, name) for name in spec.COLUMNS}


def create(
    rule_spec: RuleSpec,
    *,
    department_id: int | None = None,
    account_id: int | None = None,
    now: datetime,
) -> RuleRow:
    """Write a new rule down. Raises Invalid, CodeTaken."""
    if find_by_slug(rule_spec.slug) is not None:
        raise SlugTaken(code=rule_spec.slug)
    columns = _column_values(rule_spec, department_id, account_id)
    row = RuleRow(slug=rule_spec.slug, **columns, created_at=now, updated_at=now)
    session.add(row)
    session.flush()  # the audit row needs the id
    _audit(RuleAction.CREATE, row, before=None, after=_audit_values(row))
    return row


def insert_values(
    rule_spec: RuleSpec, *, department_id: int | None, account_id: int | None, now: datetime
) -> dict[str, object]:
    """The columns of a new rule but id and version, for many that are written at once.

    Raises Invalid.
    """
    columns = _column_values(rule_spec, department_id, account_id)
    return {"slug": rule_spec.slug, **columns, "created_at": now, "updated_at": now}


def update(
    rule_id: int,
    rule_spec: RuleSpec,
    *,
    version: int,
    department_id: int | None = None,
    account_id: int | None = None,
    now: datetime,
) -> RuleRow:
    """Replace a rule's content; its code stays. Raises NotFound, Invalid, Stale."""
    row = _get_locked(rule_id, version)
    if rule_spec.slug != row.slug:
        raise Invalid(field="id", problem="规则编号不能修改。")
    columns = _column_values(rule_spec, department_id, account_id)
    return _update_row(row, RuleAction.UPDATE, columns, now=now)


def set_state(rule_id: int, state: RuleState, *, version: int, now: datetime) -> RuleRow:
    """Put a rule into force or out of it. Raises NotFound, Stale."""
    row = _get_locked(rule_id, version)
    return _update_row(row, RuleAction.SET_STATE, {"state": state}, now=now)


def delete(rule_id: int, *, version: int) -> None:
    """Remove a rule for good; the audit remembers it. Raises NotFound, Stale."""
    row = _get_locked(rule_id, version)
    _audit(RuleAction.DELETE, row, before=_audit_values(row), after=None)
    session.delete(row)
    session.flush()


def upsert(
    rule_spec: RuleSpec,
    *,
    department_id: int | None = None,
    account_id: int | None = None,
    now: datetime,
) -> bool:
    """Make the rule of this code be as the draft says. Returns whether anything changed.

    The change is a version of its own; one that staff had open gives way to it.
    """
    row = find_by_slug(rule_spec.slug)
    owners = {"department_id": department_id, "account_id": account_id}
    if row is None:
        row = create(rule_spec, **owners, now=now)
        _append_version(row.id, rule_spec, owners, now)
        return True
    columns = _column_values(rule_spec, department_id, account_id)
    # a file loaded again must leave no audit row and no stale caches
    if all(getattr(row, name) == value for name, value in columns.items()):
        return False
    update(row.id, rule_spec, version=row.version, **owners, now=now)
    _append_version(row.id, rule_spec, owners, now)
    return True


def _append_version(
    rule_id: int, rule_spec: RuleSpec, owners: dict[str, int | None], now: datetime
) -> None:
    state = (
        versions.VersionState.DRAFT
        if rule_spec.state is RuleState.DRAFT
        else versions.VersionState.PUBLISHED
    )
    proposal, after = VersionSpec(rule_spec, **owners), versions.find_newest(rule_id)
    # switched on or off, it says what it said
    if after is None or (after.state, after.sha256) != (state, proposal.sha256):
        versions.append(rule_id, proposal, previous=after, state=state, author_id=None, now=now)


def record_hit_days(days: dict[str, date]) -> None:
    """Write down the last local day on which rules answered, by code."""
    if not days:
        return
    session.connection().execute(
        sql_update(RuleRow)
        .where(
            RuleRow.slug == bindparam("hit"),
            or_(RuleRow.last_hit_on.is_(None), RuleRow.last_hit_on < bindparam("day")),
        )
        .values(last_hit_on=bindparam("day")),
        [{"hit": code, "day": day} for code, day in sorted(days.items())],
    )


def _get_locked(rule_id: int, version: int) -> RuleRow:
    row = get_for_update(RuleRow, rule_id)
    check_version(row, version, "这条规则", code=row.slug)
    return row


def _update_row(
    row: RuleRow, action: RuleAction, columns: dict[str, object], *, now: datetime
) -> RuleRow:
    before = _audit_values(row)
    for name, value in columns.items():
        setattr(row, name, value)
    row.updated_at = now
    session.flush()
    _audit(action, row, before=before, after=_audit_values(row))
    return row


def check_owner(rule_spec: RuleSpec, *, department_id: int | None, account_id: int | None) -> None:
    """Check that the rule's scope fits an owner known by id. Raises Invalid."""
    if account_id is not None and rule_spec.scope is not RuleScope.LOCAL:
        raise Invalid(field=f"{rule_spec.slug} · scope", problem="单个账号的规则只能是本地规则。")
    if account_id is None and department_id is None and rule_spec.scope is RuleScope.LOCAL:
        raise Invalid(field=f"{rule_spec.slug} · scope", problem="全市规则应为强制或默认。")


def _column_values(
    rule_spec: RuleSpec, department_id: int | None, account_id: int | None
) -> dict[str, object]:
    """The columns a spec fills."""
    check_owner(rule_spec, department_id=department_id, account_id=account_id)
    return {
        "department_id": department_id,
        "account_id": account_id,
        **rule_spec.columns(),
        "search_text": _search_text(rule_spec),
    }


def _search_text(rule_spec: RuleSpec) -> str:
    """What a search for the rule looks into, in normal form: all its words."""
    reply_values = [
        value
        for shape in map(replies.dump, rule_spec.replies)
        for name, value in shape.items()
        if name != "type"
    ]
    words = (
        rule_spec.slug,
        rule_spec.name,
        *(each.text for each in rule_spec.keywords),
        *rule_spec.samples,
        *reply_values,
    )
    return " ".join(filter(None, map(fold, words)))


def _audit_values(row: RuleRow) -> dict[str, object]:
    """The rule as the audit remembers it."""
    # ids, because the names of departments change
    owners = {"department_id": row.department_id, "account_id": row.account_id}
    return to_spec(row).dump() | {
        name: value for name, value in owners.items() if value is not None
    }


def _audit(
    action: RuleAction,
    row: RuleRow,
    *,
    before: dict[str, object] | None,
    after: dict[str, object] | None,
) -> None:
    audit.record(
        action,
        owner=row,
        object_id=row.id,
        label=row.name,
        before=before,
        after=after,
    )
    cache_versions.invalidate(CACHE_KEY)
