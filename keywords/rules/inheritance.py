"""Placement: where each of an account's rules comes from, and what overrides what.

    own · department · below · mandatory from above · default from above

The rules are those of `effective`, and with them the defaults that an override keeps away.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

from keywords.rules.values import AccountPosition, Rule, RuleScope, applies_to, effective_rules


class RuleOrigin(StrEnum):
    """From where a rule reaches an account."""

    ACCOUNT = "account"
    DEPARTMENT = "department"
    BELOW = "below"
    MANDATORY = "mandatory"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class EffectiveRule:
    """One rule at one account; `overridden_by` is why it does not answer there."""

    rule: Rule
    origin: RuleOrigin
    overrides: Rule | None = None
    overridden_by: Rule | None = None


def list_with_origin(rules: Iterable[Rule], position: AccountPosition) -> tuple[EffectiveRule, ...]:
    """All rules meant for an account, by origin and code, those that are overridden as well."""
    applicable = [rule for rule in rules if applies_to(rule, position)]
    by_slug = {rule.slug: rule for rule in applicable}
    effective_slugs = {rule.slug for rule in effective_rules(applicable, position)}
    below = frozenset(position.own_and_below[1:])
    overriders = {rule.overrides: rule for rule in applicable if rule.department_id not in below}
    by_origin: dict[RuleOrigin, list[EffectiveRule]] = {origin: [] for origin in RuleOrigin}
    for rule in sorted(applicable, key=lambda rule: rule.slug):
        origin = _origin(rule, position.own_and_below[0], below)
        if rule.slug in effective_slugs:
            by_origin[origin].append(
                EffectiveRule(rule, origin, overrides=by_slug.get(rule.overrides))
            )
        else:
            # what a department below overrides for itself gives way to the rule itself here
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
