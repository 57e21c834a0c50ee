"""References: which values of a spec name another thing, by slug, appid, name or id.

A field is marked in its annotation, `Annotated[str, RefersTo("media")]`, also inside of the values
that a spec holds. `list_references` finds what a spec names, so that one resolver can look all of
it up through the doors of whoever wrote it, and a new field cannot be forgotten there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, is_dataclass
from functools import cache
from typing import Annotated, get_args, get_origin, get_type_hints

from pydantic import BaseModel

Loc = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class RefersTo:
    """In `Annotated`: the value names a thing of this kind, such as "department" or "media"."""

    kind: str


@dataclass(frozen=True, slots=True)
class Reference:
    """What a spec names: where in the spec, a thing of which kind, and its name or id."""

    loc: Loc
    kind: str
    name: str | int


@cache
def kinds_by_field(owner: type) -> Mapping[str, str]:
    """The kind of thing each marked field of a spec or dataclass refers to."""
    hints = get_type_hints(owner, include_extras=True)
    marks = ((name, _find_mark(hint)) for name, hint in hints.items())
    return {name: mark.kind for name, mark in marks if mark is not None}


def _find_mark(hint: object) -> RefersTo | None:
    """The mark of a type, also of an alias inside of it or of one side of `X | None`."""
    if get_origin(hint) is Annotated:
        for mark in get_args(hint)[1:]:
            if isinstance(mark, RefersTo):
                return mark
    inner = (_find_mark(each) for each in get_args(hint) if get_origin(hint) is not tuple)
    return next((mark for mark in inner if mark is not None), None)


def list_references(value: object, loc: Loc = ()) -> Iterator[Reference]:
    """What a spec and the values in it name; empty fields name nothing."""
    if isinstance(value, tuple):
        for number, each in enumerate(value):
            yield from list_references(each, (*loc, number))
    elif isinstance(value, BaseModel) or (is_dataclass(value) and not isinstance(value, type)):
        kinds = kinds_by_field(type(value))
        for name in _field_names(type(value)):
            field = getattr(value, name)
            if name in kinds and field not in ("", None):
                yield Reference((*loc, name), kinds[name], field)
            elif field.__class__ is tuple:
                yield from list_references(field, (*loc, name))


@cache
def _field_names(owner: type) -> tuple[str, ...]:
    if issubclass(owner, BaseModel):
        return tuple(owner.model_fields)
    return tuple(getattr(owner, "__dataclass_fields__", ()))
