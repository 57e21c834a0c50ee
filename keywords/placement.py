"""Placement: where each of an account's rules comes from, and what overrides what.

    own · department · below · mandatory from above · default from above

The rules are those of `effective`, and with them the defaults that an override keeps away.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

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
    found: dict[Origin, list[Placed]] = {origin: [] for origin in Origin}
    for rule in sorted(listed, key=lambda rule: rule.code):
        origin = _origin(rule, reach.own[0], below)
        if rule.code in kept:
            found[origin].append(Placed(rule, origin, overrides=known.get(rule.overrides)))
        else:
            # what a department below overrides for itself gives way to the rule itself here
            winner = by.get(rule.code) or known[rule.overrides]
            found[origin].append(Placed(rule, origin, overridden_by=winner))
    return tuple(chain.from_iterable(found.values()))


def _origin(rule: Rule, own: int, below: frozenset[int]) -> Origin:
    if rule.account_id is not None:
        return Origin.ACCOUNT
    if rule.department_id == own:
        return Origin.DEPARTMENT
    if rule.department_id in below:
        return Origin.BELOW
    return Origin.MANDATORY if rule.scope is Scope.MANDATORY else Origin.DEFAULT
