"""The plan of an import: what the rules of a file would change, for the person who uploads it.

    ParsedRule ── owner permitted? slug free or theirs? media there? ──> PlannedChange

A rule that says what its newest version says already is the same and will not be changed.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import select

from app.references import References
from app.rule_files import row_mapping
from app.rule_files.parse import LineProblem, ParsedRule
from config.database import session
from config.permissions import Permission, Principal
from config.validation import format_loc
from config.validation.references import list_references
from keywords.rules import spec, store, versions
from keywords.rules.spec import RuleSpec
from keywords.rules.store import RuleRow
from keywords.rules.values import RuleScope
from keywords.rules.versions import RuleVersion

# databases bound the number of parameters of a statement (SQLite: 32,766)
_BATCH_SIZE = 1000
# a rejected or withdrawn text is not what the rule says: importing it again proposes it anew
_COMPARED_STATES = (*versions.OPEN_STATES, versions.VersionState.PUBLISHED)


class ChangeKind(StrEnum):
    """What importing a rule would do."""

    NEW = "fresh"
    CHANGED = "changed"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """One rule that may be imported; `rule_id` is that of the rule it changes.

    `replaces` tells that somebody else's unpublished version of it gives way.
    """

    at: int
    kind: ChangeKind
    spec: RuleSpec
    rule_id: int | None
    department_id: int | None
    account_id: int | None
    replaces: bool = False


@dataclass
class ImportPlan:
    """What a whole file would do, or what is wrong with it.

    `rules_fingerprint` identifies the state of the rules that the plan was made for. When it has
    changed by the time the plan is confirmed, the preview is made and shown again.
    """

    rules_fingerprint: str
    changes: list[PlannedChange] = field(default_factory=list)
    problems: list[LineProblem] = field(default_factory=list)

    def count(self, kind: ChangeKind) -> int:
        """How many rules would be treated this way."""
        return sum(change.kind is kind for change in self.changes)


@dataclass(frozen=True)
class _ExistingRules:
    """The rules that are there already, by code, with their newest versions by id."""

    rows: dict[str, RuleRow]
    newest: dict[int, RuleVersion]

    @property
    def rules_fingerprint(self) -> str:
        """Changes when any of them does."""
        # both counters: the row's moves when a rule is published or switched, the version's with
        # every draft
        stamps = "".join(
            f"{row.slug}:{row.version}:{self._stamp(row)};" for _, row in sorted(self.rows.items())
        )
        return hashlib.sha256(stamps.encode()).hexdigest()

    def _stamp(self, row: RuleRow) -> int:
        return self.newest[row.id].lock_version if row.id in self.newest else 0

    def current_spec(self, row: RuleRow) -> RuleSpec:
        """What the rule says in its newest version, which an editor sees."""
        newest = self.newest.get(row.id)
        return store.to_spec(row) if newest is None else newest.spec

    def kind(
        self, row: RuleRow | None, rule_spec: RuleSpec, owners: tuple[int | None, ...]
    ) -> ChangeKind:
        """What importing the spec would do to the rule of its slug."""
        if row is None:
            return ChangeKind.NEW
        newest = self.newest.get(row.id)
        if newest is None:
            current_spec, current_owners = store.to_spec(row), (row.department_id, row.account_id)
        elif newest.state in _COMPARED_STATES:
            current_spec, current_owners = newest.spec, (newest.department_id, newest.account_id)
        else:
            return ChangeKind.CHANGED
        return (
            ChangeKind.SAME
            if current_owners == owners and _comparable(current_spec) == _comparable(rule_spec)
            else ChangeKind.CHANGED
        )


@dataclass(frozen=True)
class _Context:
    """For whom the plan is made, and what the file's rules are compared with."""

    member: Principal
    references: References
    existing: _ExistingRules
    # of the default rules in the file, which its other rules may override
    default_slugs: frozenset[str]


def make_plan(
    parsed_rules: Sequence[ParsedRule], member: Principal, references: References
) -> ImportPlan:
    """Plan every line. A fixed number of queries for each thousand rules; changes nothing."""
    existing = _load_existing({parsed.spec.slug for parsed in parsed_rules if parsed.spec})
    result = ImportPlan(
        existing.rules_fingerprint,
        problems=[item for parsed in parsed_rules for item in parsed.problems],
    )
    context = _Context(member, references, existing, _default_slugs(parsed_rules))
    seen: dict[str, int] = {}
    for parsed in parsed_rules:
        if parsed.spec is None:
            continue
        # the later line is refused: which of two texts is meant only the author knows
        first = seen.setdefault(parsed.spec.slug, parsed.at)
        if first != parsed.at:
            result.problems.append(LineProblem(parsed.at, "编号", f"与第 {first} 行的编号重复。"))
            continue
        _plan_rule(parsed.at, parsed.spec, context, result)
    # people correct a file from top to bottom, so the columns' problems and the checks here are
    # told in the order of lines
    result.problems.sort(key=lambda item: item.at)
    return result


def _default_slugs(parsed_rules: Iterable[ParsedRule]) -> frozenset[str]:
    return frozenset(
        parsed.spec.slug
        for parsed in parsed_rules
        if parsed.spec is not None and parsed.spec.scope is RuleScope.DEFAULT
    )


def _plan_rule(at: int, rule_spec: RuleSpec, context: _Context, result: ImportPlan) -> None:
    problems = [LineProblem(at, *item) for item in _refused_columns(rule_spec, context)]
    result.problems += problems
    if not problems:
        existing, references = context.existing, context.references
        row = existing.rows.get(rule_spec.slug)
        owners = (
            references.departments.get(rule_spec.department),
            references.accounts.get(rule_spec.account),
        )
        kind = existing.kind(row, rule_spec, owners)
        rule_id = row.id if row else None
        newest = existing.newest.get(rule_id or 0)
        # somebody else's unfinished draft is superseded by an import; the preview warns before it
        # happens
        others = (
            newest is not None and newest.is_open and newest.author_id != context.member.staff_id
        )
        replaces = others and kind is ChangeKind.CHANGED
        result.changes.append(PlannedChange(at, kind, rule_spec, rule_id, *owners, replaces))


def _refused_columns(rule_spec: RuleSpec, context: _Context) -> Iterable[tuple[str, str]]:
    """Why this member cannot have this rule, by column."""
    member, existing = context.member, context.existing
    if (
        not rule_spec.department
        and not rule_spec.account
        and not member.may(Permission.RULES_WRITE)
    ):
        yield "单位", "请写明单位。不写单位就是全市规则，只能由矩阵管理员导入。"
    row = existing.rows.get(rule_spec.slug)
    # slugs are unique in the city: without this check an import could take over another
    # department's rule by its id
    if row is not None and not member.may(
        Permission.RULES_WRITE, department_id=row.department_id, account_id=row.account_id
    ):
        yield "编号", "这个编号已被其他单位使用。"
        return
    kept = list_references(existing.current_spec(row)) if row else ()
    for problem in context.references.problems(rule_spec, kept=kept, among=context.default_slugs):
        field = format_loc(problem.reference.loc[:2])
        yield row_mapping.title_of_field(field), problem.text


def _load_existing(codes: set[str]) -> _ExistingRules:
    rows: dict[str, RuleRow] = {}
    newest: dict[int, RuleVersion] = {}
    ordered = sorted(codes)
    for start in range(0, len(ordered), _BATCH_SIZE):
        batch = ordered[start : start + _BATCH_SIZE]
        found = session.scalars(select(RuleRow).where(RuleRow.slug.in_(batch))).all()
        rows |= {row.slug: row for row in found}
        newest |= versions.newest_by_rule(row.id for row in found)
    return _ExistingRules(rows, newest)


def _comparable(rule_spec: RuleSpec) -> RuleSpec:
    """What counts when two rules are compared: not the owners' names, order or state."""
    # order within these lists has no effect on matching, and the lists of a workbook are in another
    # order than a form's
    unordered = {
        "keywords": tuple(
            sorted(rule_spec.keywords, key=lambda item: (item.kind, item.mode, item.text))
        ),
        "required": tuple(sorted(rule_spec.required)),
        "excluded": tuple(sorted(rule_spec.excluded)),
    }
    # owners are compared by id, and an import never changes whether a rule is in force
    ignored = {"department": "", "account": "", "state": spec.RuleState.LIVE}
    return rule_spec.model_copy(update=ignored | unordered)
