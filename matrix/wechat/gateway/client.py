"""Reading the fields of an answer of WeChat; a field that is missing or wrong is a Temporary.

Temporary and not a bug of ours: half an answer comes from a gateway in trouble, and the next
attempt may get a whole one.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeVar

from matrix.wechat.errors import Temporary
from matrix.wechat.return_codes import Reaction

_V = TypeVar("_V", str, int, list[object], dict[str, object])


def require_field(path: str, answer: Mapping[str, object], name: str, kind: type[_V]) -> _V:
    """A field that the answer to `path` must have. Raises Temporary where it is missing."""
    value = answer.get(name)
    # bool is a subclass of int: `true` would pass for 1
    if isinstance(value, kind) and not isinstance(value, bool):
        return value
    raise _incomplete(path, field=name)


def objects(path: str, value: object) -> list[Mapping[str, object]]:
    """The JSON objects of a list that `path` answered with. Raises Temporary for no list."""
    if not isinstance(value, list):
        raise _incomplete(path)
    return [one for one in value if isinstance(one, dict)]


def to_datetime(seconds: object) -> datetime | None:
    """Unix seconds as an instant in UTC; None when WeChat gave none."""
    # up to the year 2286; more would be milliseconds, or a date that datetime cannot hold
    if isinstance(seconds, int) and 0 < seconds < 10_000_000_000:
        return datetime.fromtimestamp(seconds, UTC)
    return None


def _incomplete(path: str, field: str | None = None) -> Temporary:
    return Temporary(
        meaning="微信返回的内容不完整", call=path, reaction=Reaction.RETRY, field=field
    )
