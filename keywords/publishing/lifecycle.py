"""Disabling, enabling and deleting of rules, beside the workflow of their versions.

A published rule is disabled and never deleted, because hits, audit rows and conversations refer to
what it said; a rule that was never published can be deleted.
"""

from datetime import datetime

from config.errors import DomainError
from keywords.publishing.workflow import InvalidTransition
from keywords.rules import store, versions
from keywords.rules.spec import RuleState
from keywords.rules.store import RuleRow


class NeverPublished(DomainError):
    """A rule that was never published can be neither disabled nor enabled."""

    text = "这条规则还没有发布过。"


class AlreadyPublished(DomainError):
    """A rule that was published once cannot be deleted."""

    text = "发布过的规则不能删除，可以停用。"


def disable(rule_id: int, *, version: int, now: datetime) -> RuleRow:
    """Disable a live rule; `version` is that of the row as the page showed it.

    Raises NotFound, Stale, InvalidTransition, NeverPublished.
    """
    return _set_state(rule_id, RuleState.LIVE, RuleState.OFF, version=version, now=now)


def enable(rule_id: int, *, version: int, now: datetime) -> RuleRow:
    """Enable a disabled rule as it was; `version` and errors as in `disable`."""
    return _set_state(rule_id, RuleState.OFF, RuleState.LIVE, version=version, now=now)


def _set_state(
    rule_id: int, before: RuleState, after: RuleState, *, version: int, now: datetime
) -> RuleRow:
    row = store.get(rule_id)
    # enabling such a rule would publish a text that nobody has reviewed
    if row.state is RuleState.DRAFT:
        raise NeverPublished(rule=rule_id)
    # a second press of the button, or somebody else's, changes nothing and says so
    if row.state is not before:
        raise InvalidTransition(rule=rule_id, expected=[before.value])
    return store.set_state(rule_id, after, version=version, now=now)


def delete(rule_id: int, *, version: int) -> None:
    """Delete a rule that was never published. Raises NotFound, AlreadyPublished, Stale."""
    row = store.get(rule_id)
    # both: a rule that was loaded as a draft over a published one has the state of a draft again
    if row.state is not RuleState.DRAFT or versions.was_ever_published(rule_id):
        raise AlreadyPublished(rule=rule_id)
    store.delete(rule_id, version=version)
