"""Uses: which rules speak of a media name, in whatever state they are.

One pass over the stored rules: the database leaves out the many that send no media at all, the
rest is read here.
"""

from dataclasses import dataclass

from sqlalchemy import Text, cast, or_, select

from config.database import session
from keywords import replies
from keywords.drafts import State
from keywords.stored import StoredRule


@dataclass(frozen=True, slots=True)
class Use:
    """A rule that sends a file, and whose it is."""

    rule_id: int
    name: str
    state: State
    department_id: int | None
    account_id: int | None


def of_media() -> dict[str, list[Use]]:
    """The rules of each media name, by their code."""
    shape = cast(StoredRule.replies, Text)
    rows = session.execute(
        select(
            StoredRule.id,
            StoredRule.name,
            StoredRule.state,
            StoredRule.department_id,
            StoredRule.account_id,
            StoredRule.replies,
        )
        .where(or_(shape.contains('"media"'), shape.contains('"thumb"')))
        .order_by(StoredRule.code)
    )
    found: dict[str, list[Use]] = {}
    for *facts, written in rows:
        for name in sorted(replies.media_names(replies.parse_all(written))):
            found.setdefault(name, []).append(Use(*facts))
    return found
