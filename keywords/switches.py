"""Switches: a published rule out of force and back, and a rule nobody has seen removed."""

from datetime import datetime

from config.errors import DomainError
from keywords import history, stored
from keywords.drafts import State
from keywords.stored import StoredRule
from keywords.versions import WrongStep


class NeverPublished(DomainError):
    """Only what citizens have seen can be switched."""

    text = "这条规则还没有发布过。"


class PublishedOnce(DomainError):
    """What citizens have seen is switched off, not deleted."""

    text = "发布过的规则不能删除，可以停用。"


def switch_off(rule_id: int, *, version: int, now: datetime) -> StoredRule:
    """Take a live rule out of force. `version` is the rule's. Raises RuleChanged, WrongStep."""
    return _switch(rule_id, State.LIVE, State.OFF, version=version, now=now)


def switch_on(rule_id: int, *, version: int, now: datetime) -> StoredRule:
    """Put a rule into force again as it was. Raises RuleChanged, WrongStep, NeverPublished."""
    return _switch(rule_id, State.OFF, State.LIVE, version=version, now=now)


def _switch(
    rule_id: int, before: State, after: State, *, version: int, now: datetime
) -> StoredRule:
    row = stored.get(rule_id)
    if row.state is State.DRAFT:
        raise NeverPublished(rule=rule_id)
    if row.state is not before:
        raise WrongStep(rule=rule_id, expected=[before.value])
    return stored.switch(rule_id, after, version=version, now=now)


def delete(rule_id: int, *, version: int) -> None:
    """Remove a rule that nobody was ever answered by. Raises PublishedOnce, RuleChanged."""
    row = stored.get(rule_id)
    if row.state is not State.DRAFT or history.was_published(rule_id):
        raise PublishedOnce(rule=rule_id)
    stored.delete(rule_id, version=version)
