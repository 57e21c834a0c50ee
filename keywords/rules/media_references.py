"""Media references: which rules send a media file, in their live text or in an open version.

Replies are JSON, whose query operators differ between SQLite and PostgreSQL. So the database only
leaves out rows whose JSON text mentions no media at all, and the remaining few are parsed here.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Text, cast, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from config.database import session
from keywords.rules import replies
from keywords.rules.replies import Reply
from keywords.rules.spec import RuleState
from keywords.rules.store import RuleRow
from keywords.rules.versions import OPEN_STATES, RuleVersion


@dataclass(frozen=True, slots=True)
class MediaReference:
    """A rule that sends a media file, or would in its open version, with the rule's owner."""

    rule_id: int
    name: str
    state: RuleState
    department_id: int | None
    account_id: int | None


def by_media_name() -> dict[str, list[MediaReference]]:
    """The rules that use each media name, each rule once, sorted by slug. Two queries."""
    columns = (
        RuleRow.id,
        RuleRow.name,
        RuleRow.state,
        RuleRow.department_id,
        RuleRow.account_id,
    )
    rule_rows = session.execute(
        select(*columns, RuleRow.replies)
        .where(_mentions_media(RuleRow.replies))
        .order_by(RuleRow.slug)
    )
    by_name: dict[str, dict[int, MediaReference]] = {}
    for rule_id, name, state, department_id, account_id, reply_data in rule_rows:
        reference = MediaReference(rule_id, name, state, department_id, account_id)
        _add(by_name, reference, map(replies.from_stored, reply_data))
    version_rows = session.execute(
        select(*columns, RuleVersion)
        .join(RuleVersion, RuleVersion.rule_id == RuleRow.id)
        # open versions too: deleting a file would break a draft that is about to be published
        .where(RuleVersion.state.in_(OPEN_STATES), _mentions_media(RuleVersion.content))
        .order_by(RuleRow.slug)
    )
    for rule_id, name, state, department_id, account_id, version in version_rows:
        reference = MediaReference(rule_id, name, state, department_id, account_id)
        _add(by_name, reference, version.spec.replies)
    return {name: list(references.values()) for name, references in by_name.items()}


def _mentions_media(column: InstrumentedAttribute[object]) -> ColumnElement[bool]:
    json_text = cast(column, Text)
    # with the quotes of a JSON key, so that a text about media is not read for nothing
    return or_(json_text.contains('"media"'), json_text.contains('"thumb"'))


def _add(
    by_name: dict[str, dict[int, MediaReference]],
    reference: MediaReference,
    rule_replies: Iterable[Reply],
) -> None:
    for name in sorted(replies.media_names(rule_replies)):
        by_name.setdefault(name, {}).setdefault(reference.rule_id, reference)
