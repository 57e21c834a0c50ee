"""Placement: where each of an account's rules comes from, and what overrides what.

    own · department · below · mandatory from above · default from above

The rules are those of `effective`, and with them the defaults that an override keeps away.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from keywords.rules import Reach, Rule, Scope, effective, reaches


class Origin(StrEnum):
    """From where a rule reaches an account."""

    ACCOUNT = "account"
    DEPARTMENT = "department"
    BELOW = "below"
    MANDATORY = "mandatory"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Placed:
    """One rule at one account; `overridden_by` is why it does not answer there."""

    rule: Rule
    origin: Origin
    overrides: Rule | None = None
    overridden_by: Rule | None = None


def placed(rules: Iterable[Rule], reach: Reach) -> tuple[Placed, ...]:
    """All rules meant for an account, by origin and code, those that are overridden as well."""
    listed = [rule for rule in rules if reaches(rule, reach)]
    known = {rule.code: rule for rule in listed}
    kept = {rule.code for rule in effective(listed, reach)}
    below = frozenset(reach.own[1:])
    by = {rule.overrides: rule for rule in listed if rule.department_id not in below}
    found = [
        Placed(
            rule,
            _origin(rule, reach),
            overrides=known.get(rule.overrides) if rule.code in kept else None,
            # what a department below overrides for itself gives way to the rule itself here
            overridden_by=None if rule.code in kept else by.get(rule.code) or known[rule.overrides],
        )
        for rule in listed
    ]
    order = list(Origin)
    return tuple(sorted(found, key=lambda one: (order.index(one.origin), one.rule.code)))


def _origin(rule: Rule, reach: Reach) -> Origin:
    if rule.account_id is not None:
        return Origin.ACCOUNT
    if rule.department_id == reach.own[0]:
        return Origin.DEPARTMENT
    if rule.department_id in reach.own:
        return Origin.BELOW
    return Origin.MANDATORY if rule.scope is Scope.MANDATORY else Origin.DEFAULT
