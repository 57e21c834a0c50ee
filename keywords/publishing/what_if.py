"""A rehearsal: what accounts would answer if one rule were changed, without compiling the city.

A rule takes part in the answer to a text only when one of its keywords is found there. So it is
enough to compile those that the account's matcher hears, the changed one, and those that are
tied to them by `overrides`; the answer is the same as with everything compiled.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property

from config import clock
from keywords.matching.matcher import Matcher
from keywords.matching.ruleset import RuleSet
from keywords.rules.values import AccountPosition, MatchInput, Rule, applies_to, effective_rules

_HOURS_AHEAD = 24 * 15  # hours in which a rule should be awake once


class WhatIf:
    """A book, and one rule of it as it may become; a new one if the book has none of its code."""

    def __init__(self, ruleset: RuleSet, changed: Rule) -> None:
        self._ruleset = ruleset
        self._changed = changed
        self._before = ruleset.find_rule(changed.slug)
        self._overriders: dict[str, list[Rule]] = {}
        for rule in ruleset.all_rules_matcher.rules:
            if rule.overrides and rule.slug != changed.slug:
                self._overriders.setdefault(rule.overrides, []).append(rule)

    @property
    def affected_accounts(self) -> list[AccountPosition]:
        """The accounts that the change may concern."""
        variants = [rule for rule in (self._before, self._changed) if rule is not None]
        return [
            position
            for position in self._ruleset.positions.values()
            if any(applies_to(rule, position) for rule in variants)
        ]

    @property
    def own_accounts(self) -> list[AccountPosition]:
        """The rule's own accounts; those it reaches at all where its department has none."""
        rule = self._changed
        reached_accounts = [
            position for position in self._ruleset.positions.values() if applies_to(rule, position)
        ]
        if rule.account_id is not None:
            return reached_accounts
        if rule.department_id is None:
            own = [position for position in reached_accounts if not position.ancestors]
        else:
            own = [
                position
                for position in reached_accounts
                if position.own_and_below[:1] == (rule.department_id,)
            ]
        return own or reached_accounts

    @cached_property
    def linked_by_override(self) -> Mapping[str, Rule]:
        """The rule and all that are tied to it by overrides, by code: they may come and go."""
        return self._with_linked({self._changed.slug: self._changed})

    @cached_property
    def rivals(self) -> Matcher:
        """What may answer anything that it did not answer before."""
        return Matcher(self.linked_by_override.values())

    def answers_after(
        self, position: AccountPosition, texts: Sequence[str], *, now: datetime
    ) -> list[Rule | None]:
        """The rule by which the account would answer each text after the change."""
        live = self._ruleset.matcher(position.account_id)
        participants: dict[str, Rule] = {}
        for text in texts:
            current = live.match(MatchInput(text), now=now)
            if current is None or current.slug not in self.linked_by_override:
                # better than all others there, as in `contest`
                mentioned = [current] if current else []
            else:
                # it may change or go, and then the next best counts
                mentioned = live.rules_mentioned(text)
            participants.update((rule.slug, rule) for rule in mentioned)
        return self._match_with(participants, position, texts, now)

    def answers_against(
        self, current: Rule, position: AccountPosition, texts: Sequence[str], *, now: datetime
    ) -> list[Rule | None]:
        """Who would answer texts that the account answers by `holder` now.

        The holder was better than all others there, so it has to hold its place only against
        what the change brings.
        """
        return self._match_with({current.slug: current}, position, texts, now) if texts else []

    def _match_with(
        self,
        participants: dict[str, Rule],
        position: AccountPosition,
        texts: Sequence[str],
        now: datetime,
    ) -> list[Rule | None]:
        changed = {**participants, self._changed.slug: self._changed}
        matcher = Matcher(effective_rules(self._with_linked(changed).values(), position))
        return [matcher.match(MatchInput(text), now=now) for text in texts]

    def _with_linked(self, rules: Mapping[str, Rule]) -> dict[str, Rule]:
        """Those rules, and whatever overrides or is overridden by any of them, to the last."""
        linked_rules, ahead = dict(rules), list(rules.values())
        if self._before is not None:
            ahead.append(self._before)
        while ahead:
            rule = ahead.pop()
            target = self._ruleset.find_rule(rule.overrides) if rule.overrides else None
            for linked in (*([target] if target else []), *self._overriders.get(rule.slug, ())):
                if linked.code not in linked_rules:
                    linked_rules[linked.code] = linked
                    ahead.append(linked)
        return linked_rules


def next_active_moment(rule: Rule, *, now: datetime) -> datetime:
    """A moment at which the rule answers: now, or the next hour within two weeks, or now."""
    if not rule.schedule:
        return now
    hours = (now + timedelta(hours=ahead) for ahead in range(_HOURS_AHEAD))
    return next((hour for hour in hours if rule.schedule.is_open(clock.local(hour))), now)
