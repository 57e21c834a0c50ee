"""Newcomers: many new rules at once, each with its first version as a draft.

What `versions.save` does for one new rule, in a handful of statements for all. The columns are
worked out beforehand, so that nobody waits for a lock meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import insert

from config import audit, revisions
from config.database import session
from keywords import drafts, stored
from keywords.history import Proposal, RuleVersion, State
from keywords.stored import StoredRule


@dataclass(frozen=True, slots=True)
class Newcomer:
    """The columns of a new rule, and of its first version but for the rule's id."""

    rule: dict[str, Any]
    version: dict[str, Any]


def prepared(proposal: Proposal, *, author_id: int, submits: bool, now: datetime) -> Newcomer:
    """Work out what is to be written. Touches no database. Raises Invalid."""
    owners = {"department_id": proposal.department_id, "account_id": proposal.account_id}
    written = replace(proposal.draft, state=drafts.State.DRAFT)
    version = {
        "number": 1,
        "stamp": 1,
        "state": State.SUBMITTED if submits else State.DRAFT,
        "author_id": author_id,
        "writers": [author_id],
        "submitter_id": author_id if submits else None,
        "submitted_at": now if submits else None,
        "comment": "",
        "created_at": now,
        "saved_at": now,
        **proposal.columns(),
    }
    return Newcomer(stored.row_of(written, **owners, now=now), version)


def add(newcomers: Sequence[Newcomer]) -> None:
    """Write them all down. Raises sqlalchemy.exc.IntegrityError when a code was taken meanwhile."""
    if not newcomers:
        return
    statement = insert(StoredRule).returning(StoredRule.id, sort_by_parameter_order=True)
    ids = session.scalars(statement, [each.rule for each in newcomers]).all()
    session.execute(
        insert(RuleVersion),
        [each.version | {"rule_id": key} for key, each in zip(ids, newcomers, strict=True)],
    )
    for key, each in zip(ids, newcomers, strict=True):
        audit.record(
            "rule.created",
            kind="rule",
            object_id=key,
            label=each.rule["name"],
            department_id=each.rule["department_id"],
            after={"state": each.version["state"].value, **each.version["shape"]},
        )
    revisions.bump(stored.REVISION)
