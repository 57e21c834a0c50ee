"""Drafts: a rule as a person writes it, checked before anything is stored.

    document (YAML shape) ── parse ──> RuleDraft ── dump ──> the same shape again
    form of the console   ── check ─────┤
    version in the database ─ restore ──┘ ── keep ──> the shape without its owner

The plain shape has lists of words: `exact`, `keywords`, `together`, `patterns`, `with`,
`without`. Where a word needs more it is a mapping {text, mode, kind}. Every refusal is an
`Invalid` whose field is "rule id · field".
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any

import re2

from config.errors import Invalid
from keywords.language.normalize import fold
from keywords.matching.index import parse_word_groups
from keywords.rules import fields, replies, schedule
from keywords.rules.replies import Choice, Reply
from keywords.rules.schedule import ALWAYS, Schedule
from keywords.rules.values import InputKind, Keyword, MatchMode, Rule, RuleScope

LONGEST_KEYWORD = 64
LONGEST_PATTERN = 256
LONGEST_NAME = 60
LONGEST_CODE = 64
MOST_KEYWORDS = 500
MOST_SAMPLES = 20
LONGEST_SAMPLE = 200
HIGHEST_PRIORITY = 999
_PATTERN_MEMORY = 1 << 20
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]*")
FIELDS = (
    "id",
    "department",
    "account",
    "scope",
    "name",
    "exact",
    "keywords",
    "together",
    "patterns",
    "with",
    "without",
    "priority",
    "weekdays",
    "hours",
    "days",
    "valid_from",
    "valid_to",
    "choice",
    "reply",
    "replies",
    "service",
    "overrides",
    "state",
    "review_by",
    "samples",
)
# what RE2 says of a wrong pattern
_REASONS = {
    "missing )": "缺少右括号",
    "unexpected )": "多了右括号",
    "missing ]": "缺少右方括号",
    "no argument for repetition operator": "重复符号前没有内容",
    "bad repetition operator": "重复符号不对",
    "invalid repetition size": "重复次数太多",
    "trailing \\": "结尾多了反斜杠",
    "invalid escape sequence": "没有这种转义",
    "invalid character class range": "字符范围不对",
    "invalid perl operator": "不支持这种写法",
}
_OWNED = "-"  # stands for an owner that is known by number
_LISTS = {
    "exact": MatchMode.EQUAL,
    "keywords": MatchMode.CONTAINS,
    "together": MatchMode.TOGETHER,
    "patterns": MatchMode.PATTERN,
}


class RuleState(StrEnum):
    """Whether a rule answers: being written, in force, or switched off."""

    DRAFT = "draft"
    LIVE = "live"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class RuleSpec:
    """A checked rule that names its owner by the owner's own id; both empty is the whole city."""

    slug: str
    name: str
    keywords: tuple[Keyword, ...]
    replies: tuple[Reply, ...]
    department: str = ""
    account: str = ""
    scope: RuleScope = RuleScope.LOCAL
    required: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    priority: int = 50
    schedule: Schedule = ALWAYS
    choice: Choice = Choice.FIRST
    service: str = ""
    overrides: str = ""
    state: RuleState = RuleState.LIVE
    review_by: date | None = None
    samples: tuple[str, ...] = ()

    def rule(
        self, *, id: int = 0, department_id: int | None = None, account_id: int | None = None
    ) -> Rule:
        """The live value of this draft for owners known by number."""
        return Rule(
            slug=self.slug,
            name=self.name,
            keywords=self.keywords,
            replies=self.replies,
            id=id,
            department_id=department_id,
            account_id=account_id,
            scope=self.scope,
            required=self.required,
            excluded=self.excluded,
            priority=self.priority,
            schedule=self.schedule,
            choice=self.choice,
            service=self.service,
            overrides=self.overrides,
            samples=self.samples,
        )


def parse(document: object) -> tuple[RuleSpec, ...]:
    """Read the `rules` of a document. Raises Invalid at the first wrong field."""
    listed = document.get("rules") if isinstance(document, Mapping) else document
    if not isinstance(listed, list):
        raise Invalid(field="rules", problem="应是一个规则列表。")
    drafts = tuple(
        parse_rule(shape, at=f"第 {number} 条") for number, shape in enumerate(listed, 1)
    )
    codes: set[str] = set()
    for draft in drafts:
        if draft.slug in codes:
            raise Invalid(field=f"{draft.slug} · id", problem="规则编号重复。")
        codes.add(draft.slug)
    return drafts


def parse_rule(shape: object, *, at: str = "rule") -> RuleSpec:
    """Read one rule in the shape of the YAML. `at` names it where it has no id yet."""
    if not isinstance(shape, Mapping):
        raise Invalid(field=at, problem="规则应是一组“名称：内容”。")
    code = shape.get("id")
    if not isinstance(code, str) or not _CODE.fullmatch(code) or len(code) > LONGEST_CODE:
        raise Invalid(
            field=f"{at} · id", problem="编号应是字母、数字、点、横线组成的文字，最长 64 个字符。"
        )
    try:
        return _read(code, shape)
    except Invalid as error:
        raise Invalid(field=f"{code} · {error.field}", problem=error.problem) from error


def check(draft: RuleSpec) -> RuleSpec:
    """Check a draft made in the console the way a loaded one is checked. Raises Invalid."""
    # the owner is checked where it is known by number
    owned = replace(draft, department=draft.department or _OWNED)
    checked = parse_rule(dump_rule(owned))
    return replace(checked, department=draft.department, account=draft.account)


def keep(draft: RuleSpec) -> dict[str, Any]:
    """The shape of what a draft says: without its owner, and whether or not it is in force."""
    said = replace(draft, department=_OWNED, account="", state=RuleState.LIVE)
    return {name: value for name, value in dump_rule(said).items() if name != "department"}


def restore(shape: Mapping[str, Any]) -> RuleSpec:
    """The draft that was kept; its owner is known by number elsewhere."""
    return replace(parse_rule({**shape, "department": _OWNED}), department="")


def dump(drafts: Iterable[RuleSpec]) -> dict[str, Any]:
    """The document that `parse` reads back to the same drafts."""
    return {"version": 1, "rules": [dump_rule(draft) for draft in drafts]}


def dump_rule(draft: RuleSpec) -> dict[str, Any]:
    """One rule in the shape of the YAML; defaults are left out."""
    shape: dict[str, Any] = {"id": draft.slug}
    shape |= _present(department=draft.department, account=draft.account)
    shape["name"] = draft.name
    if draft.scope is not (
        RuleScope.LOCAL if draft.department or draft.account else RuleScope.DEFAULT
    ):
        shape["scope"] = draft.scope.value
    shape["priority"] = draft.priority
    shape |= _dump_keywords(draft.keywords)
    shape |= _present(**{"with": list(draft.required), "without": list(draft.excluded)})
    shape |= schedule.dump(draft.schedule)
    shape |= _present(samples=list(draft.samples))
    shape |= _present(service=draft.service, overrides=draft.overrides)
    if draft.state is not RuleState.LIVE:
        shape["state"] = draft.state.value
    if draft.review_by:
        shape["review_by"] = draft.review_by.isoformat()
    if draft.choice is not Choice.FIRST:
        shape["choice"] = draft.choice.value
    dumped = [replies.dump(reply) for reply in draft.replies]
    return shape | ({"reply": dumped[0]} if len(dumped) == 1 else {"replies": dumped})


# ---- reading ----


def _read(code: str, shape: Mapping[str, Any]) -> RuleSpec:
    for name in shape:
        if name not in FIELDS:
            raise Invalid(field=str(name), problem="没有这个字段。")
    if ("reply" in shape) == ("replies" in shape):
        raise Invalid(field="reply", problem="reply 与 replies 应写且只写一个。")
    if "reply" in shape:
        listed: tuple[Reply, ...] = (replies.parse(shape["reply"]),)
    else:
        listed = replies.parse_all(shape["replies"])
    return RuleSpec(
        slug=code,
        name=fields.text(shape, "name", LONGEST_NAME, needed=True),
        keywords=_keywords(shape),
        replies=listed,
        department=fields.text(shape, "department", LONGEST_CODE),
        account=fields.text(shape, "account", LONGEST_CODE),
        scope=_scope(shape),
        required=_words(shape, "with"),
        excluded=_words(shape, "without"),
        priority=_priority(shape),
        schedule=schedule.parse(shape),
        choice=fields.one_of(shape, "choice", Choice, Choice.FIRST),
        service=fields.text(shape, "service", LONGEST_CODE),
        overrides=fields.text(shape, "overrides", LONGEST_CODE),
        state=fields.one_of(shape, "state", RuleState, RuleState.LIVE),
        review_by=fields.day(shape, "review_by"),
        samples=_samples(shape),
    )


def _scope(shape: Mapping[str, Any]) -> RuleScope:
    is_owned = bool(shape.get("department") or shape.get("account"))
    scope = fields.one_of(
        shape, "scope", RuleScope, RuleScope.LOCAL if is_owned else RuleScope.DEFAULT
    )
    if scope is RuleScope.LOCAL and not is_owned:
        raise Invalid(field="scope", problem="全市规则应为 mandatory 或 default。")
    if scope is not RuleScope.LOCAL and shape.get("account"):
        raise Invalid(field="scope", problem="单个账号的规则只能是 local。")
    return scope


def _keywords(shape: Mapping[str, Any]) -> tuple[Keyword, ...]:
    found: dict[Keyword, None] = {}
    for field, mode in _LISTS.items():
        for number, written in enumerate(fields.rows(shape, field), 1):
            found[_keyword(written, mode, f"{field}[{number}]")] = None
    if not found:
        raise Invalid(field="keywords", problem="至少要有一个关键词。")
    if len(found) > MOST_KEYWORDS:
        raise Invalid(field="keywords", problem=f"一条规则最多 {MOST_KEYWORDS} 个关键词。")
    return tuple(found)


def _keyword(written: object, mode: MatchMode, field: str) -> Keyword:
    if not isinstance(written, Mapping):
        return _checked(Keyword(fields.word(written, field), mode), field)
    for name in written:
        if name not in ("text", "mode", "kind"):
            raise Invalid(field=f"{field}.{name}", problem="没有这个字段。")
    return _checked(
        Keyword(
            fields.word(written.get("text"), f"{field}.text"),
            fields.one_of(written, "mode", MatchMode, mode),
            fields.one_of(written, "kind", InputKind, InputKind.TEXT),
        ),
        field,
    )


def _checked(keyword: Keyword, field: str) -> Keyword:
    longest = (
        LONGEST_PATTERN
        if keyword.mode in (MatchMode.PATTERN, MatchMode.TOGETHER)
        else LONGEST_KEYWORD
    )
    if len(keyword.text) > longest:
        raise Invalid(field=field, problem=f"最长 {longest} 个字符。")
    if keyword.kind is not InputKind.TEXT:
        if keyword.mode not in (MatchMode.EQUAL, MatchMode.PREFIX):
            # plain word lists mean the whole key when they name a menu entry or a scene
            return replace(keyword, mode=MatchMode.EQUAL)
        return keyword
    if keyword.mode is MatchMode.PATTERN:
        _check_pattern(keyword.text, field)
    elif keyword.mode is MatchMode.TOGETHER:
        if len(parse_word_groups(keyword.text)) < 2:
            raise Invalid(field=field, problem="“同时含有”至少要有两组词，用空格分开。")
    elif not fold(keyword.text):
        raise Invalid(field=field, problem="关键词里没有文字或数字。")
    return keyword


def _check_pattern(pattern: str, field: str) -> None:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _PATTERN_MEMORY
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        raise Invalid(field=field, problem=f"正则有误或过于复杂（{_reason(error)}）。") from error
    if compiled.search(""):
        raise Invalid(field=field, problem="正则表达式不能匹配空白消息。")


def _reason(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    kind, colon, place = text.partition(": ")
    return f"{_REASONS.get(kind, kind)}{'：' if colon else ''}{place}"


def _priority(shape: Mapping[str, Any]) -> int:
    value = shape.get("priority", 50)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= HIGHEST_PRIORITY:
        raise Invalid(field="priority", problem=f"优先级应是 0 到 {HIGHEST_PRIORITY} 的整数。")
    return value


def _words(shape: Mapping[str, Any], field: str) -> tuple[str, ...]:
    found = []
    for at, written in fields.numbered(shape, field):
        word = fields.word(written, f"{field}[{at}]")
        if len(word) > LONGEST_KEYWORD or not fold(word):
            raise Invalid(field=f"{field}[{at}]", problem="应是 1 到 64 个字的词。")
        found.append(word)
    return tuple(dict.fromkeys(found))


def _samples(shape: Mapping[str, Any]) -> tuple[str, ...]:
    found = []
    for at, written in fields.numbered(shape, "samples"):
        sample = fields.word(written, f"samples[{at}]")
        if len(sample) > LONGEST_SAMPLE or not fold(sample):
            raise Invalid(
                field=f"samples[{at}]",
                problem=f"应是市民会写的一句话，最长 {LONGEST_SAMPLE} 个字。",
            )
        found.append(sample)
    if len(found) > MOST_SAMPLES:
        raise Invalid(field="samples", problem=f"一条规则最多 {MOST_SAMPLES} 句例句。")
    return tuple(dict.fromkeys(found))


# ---- the columns of a stored rule ----


def read_keywords(rows: Iterable[Mapping[str, str]]) -> tuple[Keyword, ...]:
    """Keywords from their stored rows {text, mode, kind}, which were checked on the way in."""
    return tuple(
        Keyword(row["text"], MatchMode(row["mode"]), InputKind(row["kind"])) for row in rows
    )


def write_keywords(listed: Iterable[Keyword]) -> list[dict[str, str]]:
    """The stored rows of keywords."""
    return [
        {"text": each.text, "mode": each.mode.value, "kind": each.kind.value} for each in listed
    ]


# ---- writing ----


def _dump_keywords(listed: Iterable[Keyword]) -> dict[str, list[Any]]:
    shape: dict[str, list[Any]] = {}
    by_mode = {mode: field for field, mode in _LISTS.items()}
    for keyword in listed:
        if keyword.kind is InputKind.TEXT and keyword.mode in by_mode:
            shape.setdefault(by_mode[keyword.mode], []).append(keyword.text)
            continue
        written = {"text": keyword.text, "mode": keyword.mode.value}
        if keyword.kind is not InputKind.TEXT:
            written["kind"] = keyword.kind.value
        shape.setdefault("keywords", []).append(written)
    return shape


def _present(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}
