"""Checking: what a file's rules would do here, for the member who brought them.

    Line ── owner in the member's area? code free or theirs? media there? ──> Wish | Problem

A rule that says what its newest version says already is the same and will not be touched.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from sqlalchemy import select

from app.exchange.lines import Line, Problem
from app.loading.rules import Known
from config.database import session
from config.tenancy import Member, Right
from keywords import drafts, history, stored
from keywords.drafts import RuleDraft
from keywords.history import RuleVersion
from keywords.replies import media_names
from keywords.stored import StoredRule

_AT_ONCE = 1000
_STANDING = (*history.OPEN, history.State.PUBLISHED)


class Kind(StrEnum):
    """What importing a rule would do."""

    FRESH = "fresh"
    CHANGED = "changed"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Wish:
    """One rule that may be imported; `rule_id` is that of the rule it changes.

    `replaces` tells that somebody else's unpublished version of it gives way.
    """

    at: int
    kind: Kind
    draft: RuleDraft
    rule_id: int | None
    department_id: int | None
    account_id: int | None
    replaces: bool = False


@dataclass
class Plan:
    """All of a file: what it would do, or what is wrong. `basis` tells what it was made for."""

    basis: str
    wishes: list[Wish] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def count(self, kind: Kind) -> int:
        """How many rules would be treated this way."""
        return sum(wish.kind is kind for wish in self.wishes)


@dataclass(frozen=True)
class _There:
    """The rules that are there already, by code, with their newest versions by id."""

    rows: dict[str, StoredRule]
    newest: dict[int, RuleVersion]

    @property
    def basis(self) -> str:
        """Changes when any of them does."""
        stamps = "".join(
            f"{row.code}:{row.version}:{self._stamp(row)};" for _, row in sorted(self.rows.items())
        )
        return hashlib.sha256(stamps.encode()).hexdigest()

    def _stamp(self, row: StoredRule) -> int:
        return self.newest[row.id].stamp if row.id in self.newest else 0

    def kind(
        self, row: StoredRule | None, draft: RuleDraft, owners: tuple[int | None, ...]
    ) -> Kind:
        """What the draft would do to the rule of its code."""
        if row is None:
            return Kind.FRESH
        newest = self.newest.get(row.id)
        if newest is None:
            said, owned = stored.to_draft(row), (row.department_id, row.account_id)
        elif newest.state in _STANDING:
            said, owned = newest.draft, (newest.department_id, newest.account_id)
        else:
            return Kind.CHANGED
        return Kind.SAME if owned == owners and _core(said) == _core(draft) else Kind.CHANGED


def plan(lines: Sequence[Line], member: Member, known: Known) -> Plan:
    """Look at every line. A fixed number of queries for each thousand rules; changes nothing."""
    there = _there({line.draft.code for line in lines if line.draft})
    made = Plan(there.basis, problems=[each for line in lines for each in line.problems])
    seen: dict[str, int] = {}
    for line in lines:
        if line.draft is None:
            continue
        first = seen.setdefault(line.draft.code, line.at)
        if first != line.at:
            made.problems.append(Problem(line.at, "编号", f"与第 {first} 行的编号重复。"))
            continue
        _look(line.at, line.draft, member, known, there, made)
    made.problems.sort(key=lambda each: each.at)
    return made


def _look(
    at: int, draft: RuleDraft, member: Member, known: Known, there: _There, made: Plan
) -> None:
    problems = [Problem(at, *each) for each in _refusals(draft, member, known, there)]
    made.problems += problems
    if not problems:
        row = there.rows.get(draft.code)
        owners = (known.departments.get(draft.department), known.accounts.get(draft.account))
        kind = there.kind(row, draft, owners)
        rule_id = row.id if row else None
        newest = there.newest.get(rule_id or 0)
        others = newest is not None and newest.is_open and newest.author_id != member.staff_id
        replaces = others and kind is Kind.CHANGED
        made.wishes.append(Wish(at, kind, draft, rule_id, *owners, replaces))


def _refusals(
    draft: RuleDraft, member: Member, known: Known, there: _There
) -> Iterable[tuple[str, str]]:
    """Why this member cannot have this rule, by column."""
    department, account = known.departments.get(draft.department), known.accounts.get(draft.account)
    if draft.department and department is None:
        yield "单位", f"没有编号为“{draft.department}”的单位。"
    elif draft.department and not member.may(Right.RULES_WRITE, department_id=department):
        yield "单位", "这个单位不在您可以修改的范围内。"
    if draft.account and account is None:
        yield "账号", f"没有 appid 为“{draft.account}”的账号。"
    elif draft.account and not member.may(Right.RULES_WRITE, account_id=account):
        yield "账号", "这个账号不在您可以修改的范围内。"
    if not draft.department and not draft.account and not member.may(Right.RULES_WRITE):
        yield "单位", "请写明单位。不写单位就是全市规则，只能由矩阵管理员导入。"
    row = there.rows.get(draft.code)
    if row is not None and not member.may(
        Right.RULES_WRITE, department_id=row.department_id, account_id=row.account_id
    ):
        yield "编号", "这个编号已被其他单位使用。"
    for name in sorted(media_names(draft.replies) - known.media):
        yield "回复1", f"没有名为“{name}”的素材。"


def _there(codes: set[str]) -> _There:
    rows: dict[str, StoredRule] = {}
    newest: dict[int, RuleVersion] = {}
    ordered = sorted(codes)
    for start in range(0, len(ordered), _AT_ONCE):
        some = ordered[start : start + _AT_ONCE]
        found = session.scalars(select(StoredRule).where(StoredRule.code.in_(some))).all()
        rows |= {row.code: row for row in found}
        newest |= history.newest_of(row.id for row in found)
    return _There(rows, newest)


def _core(draft: RuleDraft) -> RuleDraft:
    """What counts when two drafts are compared: not the owners' names, order or state."""
    return replace(
        draft,
        department="",
        account="",
        state=drafts.State.LIVE,
        keywords=tuple(sorted(draft.keywords, key=lambda each: (each.kind, each.mode, each.text))),
        required=tuple(sorted(draft.required)),
        excluded=tuple(sorted(draft.excluded)),
    )
