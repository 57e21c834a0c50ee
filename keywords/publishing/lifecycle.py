"""Switches: a published rule out of force and back, and a rule nobody has seen removed."""

from datetime import datetime

from config.errors import DomainError
from keywords.publishing.workflow import InvalidTransition
from keywords.rules import store, versions
from keywords.rules.spec import RuleState
from keywords.rules.store import RuleRow


class NeverPublished(DomainError):
    """Only what citizens have seen can be switched."""

    text = "这条规则还没有发布过。"


class AlreadyPublished(DomainError):
    """What citizens have seen is switched off, not deleted."""

    text = "发布过的规则不能删除，可以停用。"


def disable(rule_id: int, *, version: int, now: datetime) -> RuleRow:
    """Take a live rule out of force. `version` is the rule's. Raises RuleChanged, WrongStep."""
    return _set_state(rule_id, RuleState.LIVE, RuleState.OFF, version=version, now=now)


def enable(rule_id: int, *, version: int, now: datetime) -> RuleRow:
    """Put a rule into force again as it was. Raises RuleChanged, WrongStep, NeverPublished."""
    return _set_state(rule_id, RuleState.OFF, RuleState.LIVE, version=version, now=now)


def _set_state(
    rule_id: int, before: RuleState, after: RuleState, *, version: int, now: datetime
) -> RuleRow:
    row = store.get(rule_id)
    if row.state is RuleState.DRAFT:
        raise NeverPublished(rule=rule_id)
    if row.state is not before:
        raise InvalidTransition(rule=rule_id, expected=[before.value])
    return store.set_state(rule_id, after, version=version, now=now)


def delete(rule_id: int, *, version: int) -> None:
    """Remove a rule that nobody was ever answered by. Raises PublishedOnce, RuleChanged."""
    row = store.get(rule_id)
    if row.state is not RuleState.DRAFT or versions.was_ever_published(rule_id):
        raise AlreadyPublished(rule=rule_id)
    store.delete(rule_id, version=version)
