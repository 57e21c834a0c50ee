"""Validation: values that are checked once, and one table of what is said when they are wrong.

    RuleSpec(name=…) ──────┐                    ┌─> a frozen spec
    RuleSpec.read({…}) ────┴─ pydantic checks ──┤
                                                └─> InvalidSpec: field path and Chinese sentence

Whatever somebody wants to store is a `Spec`, whether it came from a form, a YAML file, an Excel
row or a stored version. The error types of pydantic are put into words by `MESSAGES`; a spec may
word some of them differently (`sentences`), and a check of our own raises `refuse("…")`, which
brings its sentence along.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    PlainValidator,
    StringConstraints,
    ValidationError,
)
from pydantic_core import CoreSchema, ErrorDetails, PydanticCustomError, core_schema

from config.errors import Invalid

Loc = tuple[str | int, ...]

# pydantic's error type -> the sentence; {names} are filled from the error's context and {label}
MESSAGES: Mapping[str, str] = {
    "missing": "缺少这个字段。",
    "extra_forbidden": "没有这个字段。",
    "unexpected_keyword_argument": "没有这个字段。",
    "string_type": "应是不为空的文字。",
    "string_too_short": "应是不为空的文字。",
    "string_pattern_mismatch": "应是不为空的文字。",
    "string_too_long": "最长 {max_length} 个字符。",
    "string_unicode": "含有不可保存的字符。",
    "int_type": "应是整数。",
    "int_parsing": "应是整数。",
    "int_from_float": "应是整数。",
    "greater_than_equal": "不能小于 {ge}。",
    "less_than_equal": "不能大于 {le}。",
    "bool_type": "应是 true 或 false。",
    "date_type": "日期应写成 2026-01-31。",
    "enum": "只能是 {expected}。",
    "literal_error": "只能是 {expected}。",
    "union_tag_invalid": "只能是 {expected_tags}。",
    "union_tag_not_found": "缺少类型。",
    "tuple_type": "应是一个列表。",
    "list_type": "应是一个列表。",
    "too_short": "至少要有 {min_length} 项。",
    "too_long": "最多 {max_length} 项。",
    "model_type": "应是一组“名称：内容”。",
    "model_attributes_type": "应是一组“名称：内容”。",
    "dataclass_type": "应是一组“名称：内容”。",
    "dict_type": "应是一组“名称：内容”。",
}
_OTHERWISE = "内容不正确。"
_REFUSED = "refused"
_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")
_QUOTED = re.compile(r"'([^']*)'")


class InvalidSpec(Invalid):
    """Some values of a spec are wrong: `refusals` are all of them, the first speaks for all."""

    def __init__(self, refusals: tuple[Invalid, ...]) -> None:
        super().__init__(field=refusals[0].field, problem=refusals[0].problem)
        self.refusals = refusals


@dataclass(frozen=True, slots=True)
class Says:
    """In `Annotated`: whatever is wrong with the value before it, this is what is said.

    Runs inside pydantic's own core, so a right value costs nothing more.
    """

    sentence: str

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.custom_error_schema(
            handler(source), custom_error_type=_REFUSED, custom_error_message=self.sentence
        )


def refuse(sentence: str) -> PydanticCustomError:
    """What a validator function raises: a refusal that brings its sentence along."""
    return PydanticCustomError(_REFUSED, sentence)


def _day(value: object) -> date:
    if type(value) is date:
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise refuse(MESSAGES["date_type"]) from None


# a date, or a text such as 2026-01-31
Day = Annotated[date, PlainValidator(_day)]
# a text that says something, without the spaces around it
Word = Annotated[
    str,
    StringConstraints(strict=True, strip_whitespace=True, min_length=1),
    Says("应是不为空的文字；数字请加引号。"),
]


def sentence(error: ErrorDetails, sentences: Mapping[str, str], labels: Mapping[str, str]) -> str:
    """An error of pydantic in Chinese.

    `sentences` are keyed by error type, or by "field:error type" for one field of the first
    level; they come before `MESSAGES`. They may name {label}, the field by `labels`, {parent}, the
    step above it, and {problem}, what a `refuse` of our own said.
    """
    kind, loc = error["type"], error["loc"]
    first = loc[0] if loc else ""
    text = sentences.get(f"{first}:{kind}") or sentences.get(kind) or MESSAGES.get(kind)
    if text is None:
        return error["msg"] if kind == _REFUSED else _OTHERWISE
    facts = {name: _listed(value) for name, value in error.get("ctx", {}).items()}
    last = str(loc[-1]) if loc else ""
    facts |= {"label": labels.get(last, last), "parent": loc[-2] if len(loc) > 1 else ""}
    return text.format_map(facts | {"problem": error["msg"]})


def path(loc: Iterable[str | int]) -> str:
    """Where a value stands, as people count: ("keywords", 1, "text") is keywords[2].text."""
    found = ""
    for step in loc:
        if isinstance(step, int):
            found += f"[{step + 1}]"
        else:
            found += f".{step}" if found else step
    return found


def errors_of(error: ValidationError) -> list[ErrorDetails]:
    """All that is wrong, in the order of the fields; names that are not known come first."""
    listed = error.errors(include_url=False, include_input=False)
    return sorted(listed, key=lambda one: one["type"] not in _UNKNOWN)


def _listed(value: object) -> object:
    """Choices as pydantic lists them, "'a', 'b' or 'c'", in Chinese: a、b、c."""
    quoted = _QUOTED.findall(value) if isinstance(value, str) else []
    return "、".join(quoted) or value


class Spec(BaseModel):
    """What somebody wants a thing to be: checked, frozen, without fields nobody knows.

    Made by the names of its fields, or by `read` from a mapping as a person wrote it, where the
    fields are called by their aliases. Both raise InvalidSpec.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_by_name=True,
        validate_by_alias=False,
        # what is wrong may be a secret, or what a citizen wrote: it belongs into no log
        hide_input_in_errors=True,
    )

    # how this spec words errors differently from MESSAGES, and what {label} stands for
    sentences: ClassVar[Mapping[str, str]] = {}
    labels: ClassVar[Mapping[str, str]] = {}

    def __init__(self, /, **values: Any) -> None:  # Any: pydantic's own signature
        try:
            self.__pydantic_validator__.validate_python(values, self_instance=self)
        except ValidationError as error:
            raise self.refused(error, values) from error

    # pydantic then makes instances without calling __init__ a second time, as with its own
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @classmethod
    def read(cls, written: Mapping[str, object]) -> Self:
        """The spec of what a person wrote, by aliases. Raises InvalidSpec."""
        try:
            return cls.model_validate(written, by_alias=True, by_name=False)
        except ValidationError as error:
            raise cls.refused(error, written) from error

    @classmethod
    def refused(cls, error: ValidationError, written: Mapping[str, object]) -> InvalidSpec:
        """All that pydantic found wrong, in words and by field path."""
        return InvalidSpec(
            tuple(
                Invalid(
                    field=path(cls.place(one, written)),
                    problem=sentence(one, cls.sentences, cls.labels),
                )
                for one in errors_of(error)
            )
        )

    @classmethod
    def place(cls, error: ErrorDetails, written: Mapping[str, object]) -> Loc:
        """Where an error stands in what was written; for specs that rearrange it first."""
        return error["loc"]

    def replace(self, **changes: object) -> Self:
        """The spec with some values changed, checked again. Raises InvalidSpec."""
        values = {**dict(self), **changes}
        defaults = type(self).model_fields
        # a default may be what nobody could write, such as an empty name
        return type(self)(
            **{name: value for name, value in values.items() if value != defaults[name].default}
        )
