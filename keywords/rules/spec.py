"""The wanted content of a rule: `RuleSpec`, whatever it was written in.

    form of the console ─────┐
    YAML, row of a workbook ─┼── parse ──> RuleSpec ── columns ──> the table ──> Rule
    stored version ──────────┘                │
                                              ├── dump ─────> the shape of files again
                                              └── content ──> that shape without its owner

The shape of files has lists of words: `exact`, `keywords`, `together`, `patterns`, `with`,
`without`. Where a word needs more it is a mapping {text, mode, kind}. A spec is validated once,
when it is made; an error is an `Invalid` whose field is "rule id · field". The limits of each field
are in `spec_fields`.

A new field of a rule is one line in `RuleSpec`, one column of `store.RuleRow` with its migration,
and one row of the form: files, workbooks, versions and the pages of differences take it from here.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Any, ClassVar, Self

from pydantic import ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails

from config.errors import Invalid
from config.validation import MESSAGES, InvalidSpec, IsoDate, Loc, Spec, field_error
from keywords.rules import replies, spec_fields
from keywords.rules.replies import MAX_REPLIES, Choice, Reply
from keywords.rules.schedule import Days, Hours, Schedule, Span, Weekdays, parse_span
from keywords.rules.spec_fields import INVALID_ID, KEYWORD_LISTS, MAX_SAMPLES, list_name
from keywords.rules.values import InputKind, Keyword, MatchMode, Rule, RuleScope

# the context of pydantic while a rule of the whole city is validated
_WHOLE_CITY = "whole city"
_NO_REPLIES = "至少要有一条回复。"


class RuleState(StrEnum):
    """Whether a rule answers: being written, in force, or switched off."""

    DRAFT = "draft"
    LIVE = "live"
    OFF = "off"


class RuleSpec(Spec):
    """A validated rule. It names its owner by slug or appid, where a file does.

    Both `department` and `account` empty is the whole city, or an owner that is known by id
    elsewhere. The fields stand in the order in which files have them.
    """

    # keywords and replies are values that may have been made unchecked
    model_config = ConfigDict(revalidate_instances="always")
    messages: ClassVar[Mapping[str, str]] = {
        "id:missing": INVALID_ID,
        "name:missing": MESSAGES["string_type"],
        "keywords:missing": "应是不为空的文字；数字请加引号。",
        "samples:too_long": f"一条规则最多 {MAX_SAMPLES} 句例句。",
        "replies:tuple_type": _NO_REPLIES,
        "replies:too_short": _NO_REPLIES,
        "replies:too_long": f"一条规则最多 {MAX_REPLIES} 条回复。",
    } | {f"replies:{error_type}": text for error_type, text in replies.MESSAGES.items()}
    labels: ClassVar[Mapping[str, str]] = replies.LABELS

    slug: spec_fields.Slug = Field(alias="id", title="编号")
    department: spec_fields.Department = Field(default="", title="单位")
    account: spec_fields.Account = Field(default="", title="账号")
    name: spec_fields.Name = Field(title="名称")
    scope: RuleScope = Field(default=RuleScope.LOCAL, title="适用范围")
    priority: spec_fields.Priority = Field(default=50, title="优先级")
    keywords: spec_fields.Keywords = Field(title="关键词")
    required: spec_fields.Words = Field(default=(), alias="with", title="还须含有其中之一")
    excluded: spec_fields.Words = Field(default=(), alias="without", title="含有这些就不答")
    weekdays: Weekdays = Field(default=(), title="星期")
    hours: Hours = Field(default=(), title="时段")
    days: Days = Field(default=Days.ANY, title="哪些日子")
    valid_from: IsoDate | None = Field(default=None, title="开始日期")
    valid_to: IsoDate | None = Field(default=None, title="截止日期")
    samples: spec_fields.Samples = Field(default=(), title="例句")
    service: spec_fields.Guide = Field(default="", title="相关办事指南")
    expects_reply: bool = Field(default=False, strict=True, title="请市民接着补充")
    overrides: spec_fields.DefaultRule = Field(default="", title="代替上级的规则")
    state: RuleState = Field(default=RuleState.LIVE, title="状态")
    review_by: IsoDate | None = Field(default=None, title="复核日期")
    choice: Choice = Field(default=Choice.FIRST, title="多条回复时")
    replies: spec_fields.Replies = Field(title="回复")

    @field_validator("scope")
    @classmethod
    def _check_scope(cls, scope: RuleScope, info: ValidationInfo) -> RuleScope:
        # a spec made by keyword may have an owner known by id, whom `store.check_owner` checks
        if scope is RuleScope.LOCAL and info.context == _WHOLE_CITY:
            raise field_error("全市规则应为 mandatory 或 default。")
        if scope is not RuleScope.LOCAL and info.data.get("account"):
            raise field_error("单个账号的规则只能是 local。")
        return scope

    @field_validator("valid_to")
    @classmethod
    def _check_valid_to(cls, valid_to: date | None, info: ValidationInfo) -> date | None:
        valid_from = info.data.get("valid_from")
        if valid_to and valid_from and valid_to < valid_from:
            raise field_error("截止日期早于开始日期。")
        return valid_to

    @classmethod
    def parse(cls, source: object, *, at: str = "rule", is_owned: bool | None = None) -> Self:
        """The rule of a mapping in the shape of files. Raises InvalidSpec.

        `at` names the rule in errors where it has no valid id. `is_owned` says that it has a
        department or an account that the mapping does not name; None takes it from the mapping.
        """
        if not isinstance(source, Mapping):
            raise _invalid(at, "规则应是一组“名称：内容”。")
        if is_owned is None:
            is_owned = bool(source.get("department") or source.get("account"))
        context = None if is_owned else _WHOLE_CITY
        try:
            return cls.model_validate(
                _collect_lists(source, is_owned), context=context, by_alias=True, by_name=False
            )
        except ValidationError as error:
            raise _add_rule_id(at, source, super().to_invalid(error, source)) from error
        except InvalidSpec as error:
            raise _add_rule_id(at, source, error) from error

    @classmethod
    def to_invalid(cls, error: ValidationError, source: Mapping[str, object]) -> InvalidSpec:
        """The errors of a spec made by keyword, each field behind the rule's slug."""
        return _add_rule_id("rule", {"id": source.get("slug")}, super().to_invalid(error, source))

    @classmethod
    def source_loc(cls, error: ErrorDetails, source: Mapping[str, object]) -> Loc:
        """Where an error is in `source`, which `_collect_lists` rearranged."""
        first, *rest = error["loc"]
        if first == "keywords" and rest:
            return _keyword_loc(rest, source)
        if first == "replies" and rest:
            inner = replies.source_loc(rest[1:], error["type"])
            return ("reply", *inner) if "reply" in source else (first, rest[0], *inner)
        # the message speaks of the list, whichever of its entries is wrong
        if first == "weekdays":
            return (first,)
        return (_ALIASES.get(str(first), first), *rest)

    @property
    def schedule(self) -> Schedule:
        """When the rule is awake."""
        return Schedule(
            weekdays=frozenset(self.weekdays),
            hours=self.hours,
            days=self.days,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
        )

    def rule(
        self, *, id: int = 0, department_id: int | None = None, account_id: int | None = None
    ) -> Rule:
        """The live value of this spec for an owner known by id."""
        values = {name: getattr(self, name) for name in LIVE_FIELDS}
        return Rule(
            **values,
            id=id,
            department_id=department_id,
            account_id=account_id,
            schedule=self.schedule,
        )

    def dump(self) -> dict[str, object]:
        """The rule in the shape of files; defaults are left out."""
        return self._dump(is_owned=bool(self.department or self.account))

    def content(self) -> dict[str, object]:
        """What `dump` gives, without owner and state, which are not part of a version's content."""
        shape = self._dump(is_owned=True)
        for name in ("department", "account", "state"):
            shape.pop(name, None)
        return shape

    def columns(self) -> dict[str, object]:
        """The stored values by column: of all fields but slug and owner."""
        return {name: _to_json(getattr(self, name)) for name in COLUMNS}

    @classmethod
    def from_columns(
        cls, slug: str, columns: Mapping[str, object], *, department: str = "", account: str = ""
    ) -> "RuleSpec":
        """The spec of stored values, which were validated before they were stored."""
        values = values_from_columns(columns) | {"department": department, "account": account}
        return cls.model_construct(None, slug=slug, **values)

    def _dump(self, *, is_owned: bool) -> dict[str, object]:
        shape: dict[str, object] = {}
        for name, alias, default in _DUMP_ORDER:
            value = getattr(self, name)
            if name == "keywords":
                shape |= _dump_keywords(self.keywords)
            elif name == "replies":
                dumped = [replies.dump(reply) for reply in self.replies]
                shape |= {"reply": dumped[0]} if len(dumped) == 1 else {"replies": dumped}
            elif name == "scope":
                shape |= {} if value is _default_scope(is_owned) else {alias: value.value}
            elif value != default or name == "priority":
                shape[alias] = _to_plain(value)
        return shape


COLUMNS = tuple(
    name for name in RuleSpec.model_fields if name not in ("slug", "department", "account")
)
# the fields that a spec shares with the live rule
LIVE_FIELDS = tuple(name for name in Rule.__dataclass_fields__ if name in RuleSpec.model_fields)
_DUMP_ORDER = tuple(
    (name, field.alias or name, field.default) for name, field in RuleSpec.model_fields.items()
)
_ALIASES = {name: alias for name, alias, _ in _DUMP_ORDER}
# the names that the shape of files may have
FIELDS = tuple(
    name
    for _, alias, _ in _DUMP_ORDER
    for name in {"keywords": tuple(KEYWORD_LISTS), "replies": ("reply", "replies")}.get(
        alias, (alias,)
    )
)
# a key without a value is None in YAML: the same as leaving out a field that may be left out
_NULLABLE = frozenset(alias for _, alias, default in _DUMP_ORDER if default in ("", (), None))


def parse_rules(document: object) -> tuple[RuleSpec, ...]:
    """The `rules` of a document, or a list of them. Raises Invalid at the first wrong field."""
    listed = document.get("rules") if isinstance(document, Mapping) else document
    if not isinstance(listed, list):
        raise Invalid(field="rules", problem="应是一个规则列表。")
    specs = tuple(
        RuleSpec.parse(shape, at=f"第 {number} 条") for number, shape in enumerate(listed, 1)
    )
    slugs: set[str] = set()
    for rule_spec in specs:
        if rule_spec.slug in slugs:
            raise Invalid(field=f"{rule_spec.slug} · id", problem="规则编号重复。")
        slugs.add(rule_spec.slug)
    return specs


def values_from_columns(columns: Mapping[str, object]) -> dict[str, Any]:
    """The values of a spec's fields from the stored ones.

    Any: the types of a spec's fields are known to pydantic only.
    """
    values: dict[str, Any] = {}
    for name in COLUMNS:
        value = columns[name]
        if isinstance(value, list):
            from_json = _FROM_JSON.get(name)
            value = tuple(map(from_json, value)) if from_json else tuple(value)
        values[name] = value
    return values


# ---- the shape of files ----


def _default_scope(is_owned: bool) -> RuleScope:
    return RuleScope.LOCAL if is_owned else RuleScope.DEFAULT


def _collect_lists(source: Mapping[str, object], is_owned: bool) -> dict[str, object]:
    """The fields of a spec: one list of keywords, one of replies, and the default scope."""
    if ("reply" in source) == ("replies" in source):
        raise _invalid("reply", "reply 与 replies 应写且只写一个。")
    values = {
        name: value for name, value in source.items() if value is not None or name not in _NULLABLE
    }
    keywords: list[object] = []
    for name, mode in KEYWORD_LISTS.items():
        rows = values.pop(name, None)
        if isinstance(rows, list):
            keywords += [_keyword_values(row, mode) for row in rows]
        elif rows is not None:
            raise _invalid(name, MESSAGES["list_type"])
    values["keywords"] = keywords
    if "reply" in values:
        values["replies"] = [values.pop("reply")]
    # what a rule without scope means depends on its owner, which the field's default cannot know
    values.setdefault("scope", _default_scope(is_owned))
    return values


def _keyword_values(row: object, mode: MatchMode) -> dict[str, object]:
    return {"mode": mode, **row} if isinstance(row, Mapping) else {"mode": mode, "text": row}


def _keyword_loc(rest: Sequence[str | int], source: Mapping[str, object]) -> Loc:
    """The list of `source` and the number in it, of a place in all keywords together."""
    if rest[-1] in ("mode", "kind"):
        return (rest[-1],)  # the field of an error is part of what the commands print
    number = int(rest[0])
    for name in KEYWORD_LISTS:
        rows = source.get(name)
        if not isinstance(rows, Sequence):
            continue
        if number < len(rows):
            is_mapping = isinstance(rows[number], Mapping)
            return (name, number, *(rest[1:] if is_mapping else ()))
        number -= len(rows)
    return ("keywords", *rest)


def _dump_keywords(listed: Iterable[Keyword]) -> dict[str, list[object]]:
    shape: dict[str, list[object]] = {}
    for keyword in listed:
        name = list_name(keyword)
        entry: object = keyword.text
        if keyword.kind is not InputKind.TEXT:
            entry = _keyword_json(keyword)
        elif KEYWORD_LISTS[name] is not keyword.mode:
            entry = {"text": keyword.text, "mode": keyword.mode.value}
        shape.setdefault(name, []).append(entry)
    return shape


def _invalid(field: str, problem: str) -> InvalidSpec:
    return InvalidSpec((Invalid(field=field, problem=problem),))


def _add_rule_id(at: str, source: Mapping[str, object], error: InvalidSpec) -> InvalidSpec:
    """The problems, each field behind the id of the rule, or behind `at` where the id is wrong."""
    has_id = all(one.field != "id" for one in error.problems)
    name = source.get("id") if has_id else at
    return InvalidSpec(
        tuple(Invalid(field=f"{name} · {one.field}", problem=one.problem) for one in error.problems)
    )


# ---- the table ----


def _keyword_json(keyword: Keyword) -> dict[str, str]:
    return {"text": keyword.text, "mode": keyword.mode.value, "kind": keyword.kind.value}


def _keyword_from_json(row: Mapping[str, str]) -> Keyword:
    return Keyword(row["text"], _MODES[row["mode"]], _KINDS[row["kind"]])


# many times faster than calling the enum, which counts with a hundred thousand keywords at a start
_MODES = {mode.value: mode for mode in MatchMode}
_KINDS = {kind.value: kind for kind in InputKind}
_FROM_JSON: Mapping[str, Callable[[Any], object]] = {
    "keywords": _keyword_from_json,
    "replies": replies.from_stored,
    "hours": parse_span,
}


def _entry_to_json(entry: object) -> object:
    if isinstance(entry, Keyword):
        return _keyword_json(entry)
    if isinstance(entry, Span):
        return str(entry)
    return replies.dump(entry) if isinstance(entry, Reply) else entry


def _to_json(value: object) -> object:
    """A stored value: lists as JSON, everything else as the column's type takes it."""
    return [_entry_to_json(each) for each in value] if isinstance(value, tuple) else value


def _to_plain(value: object) -> object:
    """A value as files have it: texts, numbers and lists of them."""
    if isinstance(value, StrEnum):
        return value.value
    return value.isoformat() if isinstance(value, date) else _to_json(value)
