"""Optimistic locking: what somebody typed is saved only if nobody was faster.

    page with the row's version ──> check_version ──> flush: UPDATE … WHERE id = ? AND version = ?

A table takes part as `Versioned`: SQLAlchemy then counts its version up with every flush that
changes the row, and refuses the flush of a row that has changed since it was read, which the
session raises as `Stale`. That is the last guard, and it ends the transaction. So who wants to show
both versions on a page locks the row with `get_for_update` before `check_version`.
"""

from typing import Any

from sqlalchemy import inspect
from sqlalchemy.orm import Mapped, Mapper, declared_attr, mapped_column

from config.database import Base, compare_and_set
from config.errors import Stale


class Versioned:
    """A table whose rows people edit by forms. SQLAlchemy sets the version, 1 for a new row.

    https://docs.sqlalchemy.org/en/21/orm/versioning.html
    """

    version: Mapped[int] = mapped_column()

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"version_id_col": cls.version}


def check_version(
    row: Base | None,
    seen: int | None,
    thing: str,
    *,
    text: str | None = None,
    author: str | int | None = None,
    **facts: object,
) -> None:
    """Compare the version of a row with the one that a form saw.

    A row that does not exist (None) has version 0; `seen` None skips the comparison, for commands
    and files. Raises Stale with the row as `newest`; the other arguments are those of Stale.
    """
    current = 0 if row is None else _version_of(row)
    if seen is not None and seen != current:
        raise Stale(thing, text=text, author=author, version=current, newest=row, **facts)


def _version_of(row: Base) -> int:
    mapper = _mapper_of(row)
    if mapper.version_id_col is None:
        raise TypeError(f"{mapper.class_.__name__} has no version counter")
    version: int = getattr(row, mapper.get_property_by_column(mapper.version_id_col).key)
    return version


def update_unversioned(row: Base, **values: object) -> None:
    """Set columns of a stored row at once, without counting its version up.

    For what the hub notes about a row and no form shows: a flush would make every open form of the
    row stale, and refuse one of two such notes that are written at the same time.
    """
    (key,) = _mapper_of(row).primary_key_from_instance(row)
    compare_and_set(type(row), key, when={}, to=values)


def _mapper_of(row: Base) -> Mapper[Base]:
    mapper: Mapper[Base] = inspect(type(row))
    return mapper
