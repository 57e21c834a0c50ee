"""Validation: specs that are checked once, and one table of Chinese messages for what is wrong.

    RuleSpec(name=…) ───────┐                    ┌─> a frozen spec
    RuleSpec.parse({…}) ────┴─ pydantic checks ──┤
                                                 └─> InvalidSpec: field paths and Chinese messages

Whatever is to be stored is a `Spec` first, whether it came from a form, a YAML file, an Excel row
or a stored version. `MESSAGES` has the Chinese text for each error type of pydantic; a spec may
override some of them in `messages`. A validator of our own raises `field_error("…")`, which
carries its message with it.
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

# pydantic's error type -> the message; {names} are filled from the error's context and {label}
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
# the error type of `ErrorMessage` and `field_error`, which bring their own message
FIELD_ERROR = "field_error"
_UNKNOWN_ERROR = "内容不正确。"
_UNKNOWN_FIELD = ("extra_forbidden", "unexpected_keyword_argument")
_QUOTED = re.compile(r"'([^']*)'")


class InvalidSpec(Invalid):
    """Some values of a spec are wrong: `problems` has all of them, text and field are the first's.

    An import lists all; a form and a command stop at the first.
    """

    def __init__(self, problems: tuple[Invalid, ...]) -> None:
        super().__init__(field=problems[0].field, problem=problems[0].problem)
        self.problems = problems


@dataclass(frozen=True, slots=True)
class ErrorMessage:
    """In `Annotated`: the one message for whatever is wrong with the type before it.

    A schema of pydantic's core and not a validator function, so that a valid value never passes
    through Python code for it.
    """

    text: str

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.custom_error_schema(
            handler(source), custom_error_type=FIELD_ERROR, custom_error_message=self.text
        )


def field_error(message: str) -> PydanticCustomError:
    """The error that a validator function raises to say `message` of its field."""
    return PydanticCustomError(FIELD_ERROR, message)


def _parse_date(value: object) -> date:
    # YAML makes dates of its own and WTForms too; a datetime, which is a date as well, is refused
    if type(value) is date:
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise field_error(MESSAGES["date_type"]) from None


# a date, or a text such as 2026-01-31
IsoDate = Annotated[date, PlainValidator(_parse_date)]
# the pattern of a text of which str.strip leaves something: \s of pydantic's regular expressions
# lacks four separators that Python counts as spaces
NOT_BLANK = r"[^\s\x1c-\x1f]"
# a text that is not blank, stripped. Strict, because a number that YAML has read is no longer what
# was written: 010 has become 8
NonBlankText = Annotated[
    str,
    StringConstraints(strict=True, strip_whitespace=True, min_length=1),
    ErrorMessage("应是不为空的文字；数字请加引号。"),
]


def format_message(
    error: ErrorDetails, messages: Mapping[str, str], labels: Mapping[str, str]
) -> str:
    """The Chinese message for an error of pydantic.

    `messages` are keyed by error type, or by "field:error type" for one field of the first level;
    they override `MESSAGES`. They may name {label}, the field's entry in `labels`, {parent}, the
    step before it in the path, and {problem}, the message of a `field_error`.
    """
    kind, loc = error["type"], error["loc"]
    first = loc[0] if loc else ""
    text = messages.get(f"{first}:{kind}") or messages.get(kind) or MESSAGES.get(kind)
    if text is None:
        return error["msg"] if kind == FIELD_ERROR else _UNKNOWN_ERROR
    facts = {name: _join_choices(value) for name, value in error.get("ctx", {}).items()}
    last = str(loc[-1]) if loc else ""
    facts |= {"label": labels.get(last, last), "parent": loc[-2] if len(loc) > 1 else ""}
    return text.format_map(facts | {"problem": error["msg"]})


def format_loc(loc: Iterable[str | int]) -> str:
    """A path as people count: ("keywords", 1, "text") is keywords[2].text."""
    path = ""
    for step in loc:
        if isinstance(step, int):
            path += f"[{step + 1}]"
        else:
            path += f".{step}" if path else step
    return path


def list_errors(error: ValidationError) -> list[ErrorDetails]:
    """All errors in the order of the fields, those of unknown fields first.

    A misspelt field also counts as missing; the misspelling is what the reader has to see.
    """
    listed = error.errors(include_url=False, include_input=False)
    return sorted(listed, key=lambda one: one["type"] not in _UNKNOWN_FIELD)


def _join_choices(value: object) -> object:
    """Choices as pydantic lists them, "'a', 'b' or 'c'", in Chinese: a、b、c."""
    quoted = _QUOTED.findall(value) if isinstance(value, str) else []
    return "、".join(quoted) or value


class Spec(BaseModel):
    """The wanted values of a thing: validated, frozen, without unknown fields.

    Made by keyword from values of the program, or by `parse` from a mapping that a person wrote,
    where the fields have their aliases. Both raise InvalidSpec.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_by_name=True,
        validate_by_alias=False,
        # a wrong value may be a secret or a citizen's words, and errors are logged
        hide_input_in_errors=True,
    )

    # messages that override MESSAGES in this spec, and what {label} stands for
    messages: ClassVar[Mapping[str, str]] = {}
    labels: ClassVar[Mapping[str, str]] = {}

    def __init__(self, /, **values: Any) -> None:  # Any: pydantic's own signature
        try:
            self.__pydantic_validator__.validate_python(values, self_instance=self)
        except ValidationError as error:
            raise self.to_invalid(error, values) from error

    # without this mark pydantic calls __init__ again for each instance that it validates
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @classmethod
    def parse(cls, source: Mapping[str, object]) -> Self:
        """The spec of a mapping that a person wrote, by aliases. Raises InvalidSpec."""
        try:
            return cls.model_validate(source, by_alias=True, by_name=False)
        except ValidationError as error:
            raise cls.to_invalid(error, source) from error

    @classmethod
    def to_invalid(cls, error: ValidationError, source: Mapping[str, object]) -> InvalidSpec:
        """The errors of pydantic as field paths and Chinese messages."""
        return InvalidSpec(
            tuple(
                Invalid(
                    field=format_loc(cls.source_loc(one, source)),
                    problem=format_message(one, cls.messages, cls.labels),
                )
                for one in list_errors(error)
            )
        )

    @classmethod
    def source_loc(cls, error: ErrorDetails, source: Mapping[str, object]) -> Loc:
        """Where an error is in `source`; overridden by specs that rearrange it first."""
        return error["loc"]

    def replace(self, **changes: object) -> Self:
        """The spec with some values changed, validated again. Raises InvalidSpec."""
        values = {**dict(self), **changes}
        fields = type(self).model_fields
        # defaults are left out, because some ("" for no department) are not valid when given
        return type(self)(
            **{name: value for name, value in values.items() if value != fields[name].default}
        )
