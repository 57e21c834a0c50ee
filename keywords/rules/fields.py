"""Reading: plain values out of a mapping that a person wrote, refused by the name of the field.

All of them raise Invalid.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar

from config.errors import Invalid

_Choice = TypeVar("_Choice", bound=StrEnum)


def text(shape: Mapping[str, Any], field: str, longest: int, *, needed: bool = False) -> str:
    """A text of at most `longest` characters; empty where missing and not `needed`."""
    value = shape.get(field)
    if value is None and not needed:
        return ""
    if not isinstance(value, str) or not value.strip():
        raise Invalid(field=field, problem="应是不为空的文字。")
    if len(value) > longest:
        raise Invalid(field=field, problem=f"最长 {longest} 个字符。")
    return value


def word(written: object, field: str) -> str:
    """A text that is not empty, without spaces around it."""
    if not isinstance(written, str) or not written.strip():
        raise Invalid(field=field, problem="应是不为空的文字；数字请加引号。")
    return written.strip()


def one_of(shape: Mapping[str, Any], field: str, kind: type[_Choice], default: _Choice) -> _Choice:
    """A word of a fixed list, or the default."""
    try:
        return kind(shape.get(field, default))
    except ValueError as error:
        raise Invalid(field=field, problem=f"只能是 {'、'.join(kind)}。") from error


def day(shape: Mapping[str, Any], field: str) -> date | None:
    """A date, or None."""
    value = shape.get(field)
    if value is None or type(value) is date:
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise Invalid(field=field, problem="日期应写成 2026-01-31。") from error


def numbered(shape: Mapping[str, Any], field: str) -> Iterable[tuple[int, Any]]:
    """The rows of a list with their numbers from 1."""
    return enumerate(rows(shape, field), 1)


def rows(shape: Mapping[str, Any], field: str) -> list[Any]:
    """A list; empty where it is missing."""
    value = shape.get(field)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Invalid(field=field, problem="应是一个列表。")
    return value
