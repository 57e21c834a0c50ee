"""Uses: which rules speak of a media name, as they stand or as somebody proposes.

One pass over the stored rules and one over the open versions: the database leaves out the many
that send no media at all, the rest is read here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from config.database import session
from keywords import replies
from keywords.drafts import State
from keywords.history import OPEN, RuleVersion
from keywords.replies import Reply
from keywords.stored import StoredRule


@dataclass(frozen=True, slots=True)
class Use:
    """A rule that sends a file or is to send it, and whose it is."""

    rule_id: int
    name: str
    state: State
    department_id: int | None
    account_id: int | None


def of_media() -> dict[str, list[Use]]:
    """The rules of each media name, each once, by their code."""
    columns = (
        StoredRule.id,
        StoredRule.name,
        StoredRule.state,
        StoredRule.department_id,
        StoredRule.account_id,
    )
    stand = session.execute(
        select(*columns, StoredRule.replies)
        .where(_speaks_of_media(StoredRule.replies))
        .order_by(StoredRule.code)
    )
    found: dict[str, dict[int, Use]] = {}
    for *facts, written in stand:
        _note(found, Use(*facts), replies.parse_all(written))
    proposed = session.execute(
        select(*columns, RuleVersion)
        .join(RuleVersion, RuleVersion.rule_id == StoredRule.id)
        .where(RuleVersion.state.in_(OPEN), _speaks_of_media(RuleVersion.shape))
        .order_by(StoredRule.code)
    )
    for *facts, version in proposed:
        _note(found, Use(*facts), version.draft.replies)
    return {name: list(uses.values()) for name, uses in found.items()}


def _speaks_of_media(column: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    shape = cast(column, Text)
    return or_(shape.contains('"media"'), shape.contains('"thumb"'))


def _note(found: dict[str, dict[int, Use]], use: Use, said: Iterable[Reply]) -> None:
    for name in sorted(replies.media_names(said)):
        found.setdefault(name, {}).setdefault(use.rule_id, use)
