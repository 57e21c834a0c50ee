"""Inheritance: which rules an account answers with, and where each of them comes from.

An account inherits rules along the tree of departments; see `effective_rules` for the order and
for what may be overridden. `list_with_origin` gives staff the same list with its reasons.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

from keywords.rules.values import Rule, RuleScope


class RuleOrigin(StrEnum):
    """From where an account has a rule: itself, its department, one below, or above."""

    ACCOUNT = "account"
    DEPARTMENT = "department"
    BELOW = "below"
    MANDATORY = "mandatory"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class AccountPosition:
    """The position of an account in the tree of departments.

    `own_and_below` are the ids of its department and then of all departments below that one,
    `ancestors` those of the departments above, the nearest first.
    """

    account_id: int
    own_and_below: tuple[int, ...]
    ancestors: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class EffectiveRule:
    """One rule at one account.

    `overrides` is the rule it replaces there; `overridden_by` is set when the rule does not answer
    there because another one replaces it.
    """

    rule: Rule
    origin: RuleOrigin
    overrides: Rule | None = None
    overridden_by: Rule | None = None


def effective_rules(rules: Iterable[Rule], position: AccountPosition) -> tuple[Rule, ...]:
    """The rules an account answers with, sorted by slug.

    These are its own rules, all rules of its department and of the departments below (so the
    account of the city answers for everybody), and from above the mandatory and default ones. A
    default is left out where a rule of the account, of its department or of one above overrides
    it; a mandatory rule is never left out. An override by a department below counts for that
    department only: here the overridden rule stays and the overriding one is left out.
    """
    below = frozenset(position.own_and_below[1:])
    applicable = [rule for rule in rules if applies_to(rule, position)]
    # overrides made below do not count here
    overridden = {rule.overrides for rule in applicable if rule.department_id not in below}
    # without the overridden default the rule below is no duplicate and answers here as well
    present = {rule.slug for rule in applicable} - overridden
    remaining = (
        rule
        for rule in applicable
        if (rule.scope is RuleScope.MANDATORY or rule.slug not in overridden)
        and not (rule.department_id in below and rule.overrides in present)
    )
    return tuple(sorted(remaining, key=lambda rule: rule.slug))


def applies_to(rule: Rule, position: AccountPosition) -> bool:
    """Whether a rule is meant for an account, overrides not considered."""
    if rule.account_id is not None:
        return rule.account_id == position.account_id
    # of one's own tree every scope applies: the account of the city answers for all below it
    if rule.department_id in position.own_and_below:
        return True
    # from above only what was made for those below
    if rule.scope is RuleScope.LOCAL:
        return False
    return rule.department_id is None or rule.department_id in position.ancestors


def list_with_origin(rules: Iterable[Rule], position: AccountPosition) -> tuple[EffectiveRule, ...]:
    """All rules meant for an account, the overridden ones included, by origin and then slug."""
    applicable = [rule for rule in rules if applies_to(rule, position)]
    by_slug = {rule.slug: rule for rule in applicable}
    effective_slugs = {rule.slug for rule in effective_rules(applicable, position)}
    below = frozenset(position.own_and_below[1:])
    overriders = {rule.overrides: rule for rule in applicable if rule.department_id not in below}
    # in the order of the enum, which is that of the page
    by_origin: dict[RuleOrigin, list[EffectiveRule]] = {origin: [] for origin in RuleOrigin}
    for rule in sorted(applicable, key=lambda rule: rule.slug):
        origin = _origin(rule, position.own_and_below[0], below)
        if rule.slug in effective_slugs:
            by_origin[origin].append(
                EffectiveRule(rule, origin, overrides=by_slug.get(rule.overrides))
            )
        else:
            # either overridden, or itself an override of a department below (see effective_rules)
            winner = overriders.get(rule.slug) or by_slug[rule.overrides]
            by_origin[origin].append(EffectiveRule(rule, origin, overridden_by=winner))
    return tuple(chain.from_iterable(by_origin.values()))


def _origin(rule: Rule, own: int, below: frozenset[int]) -> RuleOrigin:
    if rule.account_id is not None:
        return RuleOrigin.ACCOUNT
    if rule.department_id == own:
        return RuleOrigin.DEPARTMENT
    if rule.department_id in below:
        return RuleOrigin.BELOW
    return RuleOrigin.MANDATORY if rule.scope is RuleScope.MANDATORY else RuleOrigin.DEFAULT
