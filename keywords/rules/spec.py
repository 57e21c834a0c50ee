"""Rules as somebody wants them to be: `RuleSpec`, whatever it was written in.

    form of the console ───┐
    YAML, row of a sheet ──┼── read ──> RuleSpec ── columns ──> the table ──> Rule
    version that was kept ─┘               │
                                           ├── document ─> the shape of files again
                                           └── content ──> that shape without its owner

The shape of files has lists of words: `exact`, `keywords`, `together`, `patterns`, `with`,
`without`. Where a word needs more it is a mapping {text, mode, kind}. A spec is checked once, when
it is made; every refusal is an `Invalid` whose field is "rule id · field". What each field takes
is in `spec_fields`.

A new field of a rule is one line in `RuleSpec`, one column in `stored` with its migration, and
one row of the form: files, sheets, versions and the pages of differences take it from here.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Any, ClassVar, Self

from pydantic import ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails

from config.errors import Invalid
from config.validation import MESSAGES, Day, InvalidSpec, Loc, Spec, refuse
from keywords import spec_fields
from keywords.rules import replies
from keywords.rules.replies import MOST_REPLIES, Choice, Reply
from keywords.rules.schedule import Days, Hours, Schedule, Span, Weekdays, span
from keywords.rules.values import InputKind, Keyword, MatchMode, Rule, RuleScope
from keywords.spec_fields import LISTS, MOST_SAMPLES, NO_ID, NO_REPLIES, list_of

_CITY = "city"  # the context of a rule that has no owner


class RuleState(StrEnum):
    """Whether a rule answers: being written, in force, or switched off."""

    DRAFT = "draft"
    LIVE = "live"
    OFF = "off"


class RuleSpec(Spec):
    """A rule that was checked. It names its owner by the owner's own id, where a file does.

    The fields stand in the order in which files have them.
    """

    model_config = ConfigDict(revalidate_instances="always")
    sentences: ClassVar[Mapping[str, str]] = {
        "id:missing": NO_ID,
        "name:missing": MESSAGES["string_type"],
        "keywords:missing": "应是不为空的文字；数字请加引号。",
        "samples:too_long": f"一条规则最多 {MOST_SAMPLES} 句例句。",
        "replies:tuple_type": NO_REPLIES,
        "replies:too_short": NO_REPLIES,
        "replies:too_long": f"一条规则最多 {MOST_REPLIES} 条回复。",
    } | {f"replies:{kind}": said for kind, said in replies.SENTENCES.items()}
    labels: ClassVar[Mapping[str, str]] = replies.LABELS

    slug: spec_fields.RuleCode = Field(alias="id", title="编号")
    department: spec_fields.Code = Field(default="", title="单位")
    account: spec_fields.Code = Field(default="", title="账号")
    name: spec_fields.Name = Field(title="名称")
    scope: RuleScope = Field(default=RuleScope.LOCAL, title="适用范围")
    priority: spec_fields.Priority = Field(default=50, title="优先级")
    keywords: spec_fields.Keywords = Field(title="关键词")
    required: spec_fields.Words = Field(default=(), alias="with", title="还须含有其中之一")
    excluded: spec_fields.Words = Field(default=(), alias="without", title="含有这些就不答")
    weekdays: Weekdays = Field(default=(), title="星期")
    hours: Hours = Field(default=(), title="时段")
    days: Days = Field(default=Days.ANY, title="哪些日子")
    valid_from: Day | None = Field(default=None, title="开始日期")
    valid_to: Day | None = Field(default=None, title="截止日期")
    samples: spec_fields.Samples = Field(default=(), title="例句")
    service: spec_fields.Code = Field(default="", title="相关办事指南")
    overrides: spec_fields.Code = Field(default="", title="代替上级的规则")
    state: RuleState = Field(default=RuleState.LIVE, title="状态")
    review_by: Day | None = Field(default=None, title="复核日期")
    choice: Choice = Field(default=Choice.FIRST, title="多条回复时")
    replies: spec_fields.Replies = Field(title="回复")

    @field_validator("scope")
    @classmethod
    def _check_scope(cls, scope: RuleScope, info: ValidationInfo) -> RuleScope:
        # what was not read from a file has an owner known by number, whom the store checks
        if scope is RuleScope.LOCAL and info.context == _CITY:
            raise refuse("全市规则应为 mandatory 或 default。")
        if scope is not RuleScope.LOCAL and info.data.get("account"):
            raise refuse("单个账号的规则只能是 local。")
        return scope

    @field_validator("valid_to")
    @classmethod
    def _check_last_day(cls, last: date | None, info: ValidationInfo) -> date | None:
        first = info.data.get("valid_from")
        if last and first and last < first:
            raise refuse("截止日期早于开始日期。")
        return last

    @classmethod
    def read(cls, written: object, *, at: str = "rule", is_owned: bool | None = None) -> Self:
        """The rule of a shape as files, rows, forms and versions have it. Raises InvalidSpec.

        `at` names it where it has no id; `is_owned` tells that it belongs to a department or an
        account although the shape does not say to which.
        """
        if not isinstance(written, Mapping):
            raise _alone(at, "规则应是一组“名称：内容”。")
        if is_owned is None:
            is_owned = bool(written.get("department") or written.get("account"))
        context = None if is_owned else _CITY
        try:
            return cls.model_validate(
                _gathered(written, is_owned), context=context, by_alias=True, by_name=False
            )
        except ValidationError as error:
            raise _named(at, written, super().refused(error, written)) from error
        except InvalidSpec as error:
            raise _named(at, written, error) from error

    @classmethod
    def refused(cls, error: ValidationError, written: Mapping[str, object]) -> InvalidSpec:
        """All that is wrong; of what was made by names, called by the rule's id."""
        return _named("rule", {"id": written.get("code")}, super().refused(error, written))

    @classmethod
    def place(cls, error: ErrorDetails, written: Mapping[str, object]) -> Loc:
        """Where it stands in the shape that was read, not in what `_gathered` made of it."""
        first, *rest = error["loc"]
        if first == "keywords" and rest:
            return _keyword_place(rest, written)
        if first == "replies" and rest:
            inner = replies.place(rest[1:], error["type"])
            return ("reply", *inner) if "reply" in written else (first, rest[0], *inner)
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
        """The live value of this spec for owners known by number."""
        values = {name: getattr(self, name) for name in LIVE_FIELDS}
        return Rule(
            **values,
            id=id,
            department_id=department_id,
            account_id=account_id,
            schedule=self.schedule,
        )

    def document(self) -> dict[str, object]:
        """The rule in the shape of files; defaults are left out."""
        return self._shape(is_owned=bool(self.department or self.account))

    def content(self) -> dict[str, object]:
        """The shape of what it says: without its owner, and whether or not it is in force."""
        shape = self._shape(is_owned=True)
        for name in ("department", "account", "state"):
            shape.pop(name, None)
        return shape

    def columns(self) -> dict[str, object]:
        """What a table keeps of it, by column: all but its code and its owner."""
        return {name: _column(getattr(self, name)) for name in COLUMNS}

    @classmethod
    def of_columns(
        cls, code: str, columns: Mapping[str, object], *, department: str = "", account: str = ""
    ) -> "RuleSpec":
        """The spec that filled these columns; it was checked before."""
        values = values_of(columns) | {"department": department, "account": account}
        return cls.model_construct(None, code=code, **values)

    def _shape(self, *, is_owned: bool) -> dict[str, object]:
        shape: dict[str, object] = {}
        for name, alias, default in _SHAPED:
            value = getattr(self, name)
            if name == "keywords":
                shape |= _keyword_lists(self.keywords)
            elif name == "replies":
                said = [replies.dump(reply) for reply in self.replies]
                shape |= {"reply": said[0]} if len(said) == 1 else {"replies": said}
            elif name == "scope":
                shape |= {} if value is _default_scope(is_owned) else {alias: value.value}
            elif value != default or name == "priority":
                shape[alias] = _plain(value)
        return shape


COLUMNS = tuple(
    name for name in RuleSpec.model_fields if name not in ("code", "department", "account")
)
# what of a spec the running rule has as well
LIVE_FIELDS = tuple(name for name in Rule.__dataclass_fields__ if name in RuleSpec.model_fields)
_ALIASES = {name: field.alias or name for name, field in RuleSpec.model_fields.items()}
_SHAPED = tuple(
    (name, field.alias or name, field.default) for name, field in RuleSpec.model_fields.items()
)
# the names that a rule in a file may have; None says nothing where a field may be left out
FIELDS = tuple(
    written
    for _, alias, _ in _SHAPED
    for written in {"keywords": tuple(LISTS), "replies": ("reply", "replies")}.get(alias, (alias,))
)
_MAY_BE_NONE = frozenset(alias for _, alias, default in _SHAPED if default in ("", (), None))


def read_all(document: object) -> tuple[RuleSpec, ...]:
    """The `rules` of a document, or a list of them. Raises Invalid at the first wrong field."""
    listed = document.get("rules") if isinstance(document, Mapping) else document
    if not isinstance(listed, list):
        raise Invalid(field="rules", problem="应是一个规则列表。")
    specs = tuple(
        RuleSpec.read(shape, at=f"第 {number} 条") for number, shape in enumerate(listed, 1)
    )
    codes: set[str] = set()
    for spec in specs:
        if spec.code in codes:
            raise Invalid(field=f"{spec.code} · id", problem="规则编号重复。")
        codes.add(spec.code)
    return specs


def values_of(columns: Mapping[str, object]) -> dict[str, Any]:
    """The values of a spec by name, from the columns that it filled."""
    values: dict[str, Any] = {}
    for name in COLUMNS:
        value = columns[name]
        if isinstance(value, list):
            read = _FROM_JSON.get(name)
            value = tuple(map(read, value)) if read else tuple(value)
        values[name] = value
    return values


# ---- the shape of files ----


def _default_scope(is_owned: bool) -> RuleScope:
    return RuleScope.LOCAL if is_owned else RuleScope.DEFAULT


def _gathered(written: Mapping[str, object], is_owned: bool) -> dict[str, object]:
    """The fields of a spec: one list of keywords, one of replies, and the scope that is meant."""
    if ("reply" in written) == ("replies" in written):
        raise _alone("reply", "reply 与 replies 应写且只写一个。")
    values = {
        name: value
        for name, value in written.items()
        if value is not None or name not in _MAY_BE_NONE
    }
    keywords: list[object] = []
    for name, mode in LISTS.items():
        rows = values.pop(name, None)
        if isinstance(rows, list):
            keywords += [_keyword_shape(row, mode) for row in rows]
        elif rows is not None:
            raise _alone(name, MESSAGES["list_type"])
    values["keywords"] = keywords
    if "reply" in values:
        values["replies"] = [values.pop("reply")]
    values.setdefault("scope", _default_scope(is_owned))
    return values


def _keyword_shape(row: object, mode: MatchMode) -> dict[str, object]:
    return {"mode": mode, **row} if isinstance(row, Mapping) else {"mode": mode, "text": row}


def _keyword_place(rest: Sequence[str | int], written: Mapping[str, object]) -> Loc:
    if rest[-1] in ("mode", "kind"):
        return (rest[-1],)  # as those who import files know it
    number = int(rest[0])
    for name in LISTS:
        rows = written.get(name)
        if not isinstance(rows, Sequence):
            continue
        if number < len(rows):
            is_mapping = isinstance(rows[number], Mapping)
            return (name, number, *(rest[1:] if is_mapping else ()))
        number -= len(rows)
    return ("keywords", *rest)


def _keyword_lists(listed: Iterable[Keyword]) -> dict[str, list[object]]:
    shape: dict[str, list[object]] = {}
    for keyword in listed:
        name = list_of(keyword)
        entry: object = keyword.text
        if keyword.kind is not InputKind.TEXT:
            entry = _keyword_json(keyword)
        elif LISTS[name] is not keyword.mode:
            entry = {"text": keyword.text, "mode": keyword.mode.value}
        shape.setdefault(name, []).append(entry)
    return shape


def _alone(field: str, problem: str) -> InvalidSpec:
    return InvalidSpec((Invalid(field=field, problem=problem),))


def _named(at: str, written: Mapping[str, object], error: InvalidSpec) -> InvalidSpec:
    """The refusals, each behind the id of the rule, or behind `at` where the id is wrong."""
    is_known = all(one.field != "id" for one in error.refusals)
    name = written.get("id") if is_known else at
    return InvalidSpec(
        tuple(Invalid(field=f"{name} · {one.field}", problem=one.problem) for one in error.refusals)
    )


# ---- the table ----


def _keyword_json(keyword: Keyword) -> dict[str, str]:
    return {"text": keyword.text, "mode": keyword.mode.value, "kind": keyword.kind.value}


def _keyword_of(row: Mapping[str, str]) -> Keyword:
    return Keyword(row["text"], _MODES[row["mode"]], _KINDS[row["kind"]])


# many times faster than asking the enum, for a hundred thousand keywords at a start
_MODES = {mode.value: mode for mode in MatchMode}
_KINDS = {kind.value: kind for kind in InputKind}
_FROM_JSON: Mapping[str, Callable[[Any], object]] = {
    "keywords": _keyword_of,
    "replies": replies.restore,
    "hours": span,
}


def _entry(value: object) -> object:
    """One entry of a list as JSON."""
    if isinstance(value, Keyword):
        return _keyword_json(value)
    if isinstance(value, Span):
        return str(value)
    return replies.dump(value) if isinstance(value, Reply) else value


def _column(value: object) -> object:
    return [_entry(each) for each in value] if isinstance(value, tuple) else value


def _plain(value: object) -> object:
    """A value as files have it: words, numbers and lists of them."""
    if isinstance(value, StrEnum):
        return value.value
    return value.isoformat() if isinstance(value, date) else _column(value)
