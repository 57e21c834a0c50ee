"""Bulk creation: many new rules at once, each with its first version as a draft.

Does what `workflow.save_draft` does for one new rule, in a few statements for all of them. Rows
are prepared before the transaction, so that an import of 20,000 rules holds its locks only while
it inserts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert

from config import audit, cache_versions
from config.database import session
from keywords.rules import spec, store
from keywords.rules.store import RuleRow
from keywords.rules.versions import RuleAction, RuleVersion, VersionSpec, VersionState


@dataclass(frozen=True, slots=True)
class NewRuleRow:
    """The column values of a new rule, and of its first version except the rule's id."""

    rule_values: dict[str, Any]
    version_values: dict[str, Any]


def prepare(
    version_spec: VersionSpec, *, author_id: int, submits: bool, now: datetime
) -> NewRuleRow:
    """Validate a spec and make its rows, as a draft or (`submits`) submitted for review.

    Uses no database. Raises Invalid.
    """
    owners = {"department_id": version_spec.department_id, "account_id": version_spec.account_id}
    # a new rule answers nobody until a version of it is published, whatever the file says
    draft_spec = version_spec.spec.replace(state=spec.RuleState.DRAFT)
    version = {
        "number": 1,
        "lock_version": 1,
        "state": VersionState.SUBMITTED if submits else VersionState.DRAFT,
        "author_id": author_id,
        "contributor_ids": [author_id],
        "submitter_id": author_id if submits else None,
        "submitted_at": now if submits else None,
        "comment": "",
        "created_at": now,
        "saved_at": now,
        **version_spec.columns(),
    }
    return NewRuleRow(store.insert_values(draft_spec, **owners, now=now), version)


def insert_all(rows: Sequence[NewRuleRow]) -> None:
    """Insert all rows with their audit rows.

    Raises sqlalchemy.exc.IntegrityError when a slug was taken since the rows were prepared.
    """
    # an INSERT without rows would insert one of defaults
    if not rows:
        return
    # sorted: without it the database may return ids in another order than the rows
    statement = insert(RuleRow).returning(RuleRow.id, sort_by_parameter_order=True)
    ids = session.scalars(statement, [row.rule_values for row in rows]).all()
    session.execute(
        insert(RuleVersion),
        [row.version_values | {"rule_id": rule_id} for rule_id, row in zip(ids, rows, strict=True)],
    )
    for rule_id, row in zip(ids, rows, strict=True):
        audit.record(
            RuleAction.CREATE,
            # the inserted rows are no objects of the session, so the owner is taken from their
            # values
            owner=audit.Owner(row.rule_values["department_id"], row.rule_values["account_id"]),
            object_id=rule_id,
            label=row.rule_values["name"],
            after={"state": row.version_values["state"].value, **row.version_values["content"]},
        )
    cache_versions.invalidate(store.CACHE_KEY)
