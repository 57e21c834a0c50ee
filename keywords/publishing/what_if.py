"""What-if evaluation: what accounts would answer if one rule were changed.

Compiling all rules of the city takes seconds, which is too long for a page. But a rule takes part
in the answer to a text only if one of its keywords is found in it. So it is enough to compile the
rules that the account's matcher finds in the text, the changed one, and those linked to them by
`overrides`. A property test compares the result with everything compiled.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property

from config import clock
from keywords.matching.matcher import Matcher
from keywords.matching.ruleset import RuleSet
from keywords.rules.inheritance import AccountPosition, applies_to, effective_rules
from keywords.rules.values import MatchInput, Rule

_HOURS_AHEAD = (
    24 * 15
)  # a rule with a weekly schedule is active within two weeks, holidays included


class WhatIf:
    """A rule set with one rule changed, or added if no rule has its slug."""

    def __init__(self, ruleset: RuleSet, changed: Rule) -> None:
        self._ruleset = ruleset
        self._changed = changed
        self._before = ruleset.find_rule(changed.slug)
        self._overriders: dict[str, list[Rule]] = {}
        for rule in ruleset.all_rules_matcher.rules:
            # the changed rule is left out, as its overrides may be other ones after the change
            if rule.overrides and rule.slug != changed.slug:
                self._overriders.setdefault(rule.overrides, []).append(rule)

    @property
    def affected_accounts(self) -> list[AccountPosition]:
        """The accounts that have the rule before or after the change."""
        variants = [rule for rule in (self._before, self._changed) if rule is not None]
        return [
            position
            for position in self._ruleset.positions.values()
            if any(applies_to(rule, position) for rule in variants)
        ]

    @property
    def own_accounts(self) -> list[AccountPosition]:
        """The accounts of the rule's owner, or all that have the rule if the owner has none."""
        rule = self._changed
        reached_accounts = [
            position for position in self._ruleset.positions.values() if applies_to(rule, position)
        ]
        if rule.account_id is not None:
            return reached_accounts
        if rule.department_id is None:
            # the accounts at the root of the tree speak for the whole city
            own = [position for position in reached_accounts if not position.ancestors]
        else:
            own = [
                position
                for position in reached_accounts
                if position.own_and_below[:1] == (rule.department_id,)
            ]
        # a department may have no account of its own and still own rules for those below
        return own or reached_accounts

    @cached_property
    def linked_by_override(self) -> Mapping[str, Rule]:
        """The rule and all linked to it by overrides, by slug; any may appear or disappear."""
        return self._with_linked({self._changed.slug: self._changed})

    @cached_property
    def rivals(self) -> Matcher:
        """A matcher of the rules that may win a text after the change that they do not win now."""
        return Matcher(self.linked_by_override.values())

    def answers_after(
        self, position: AccountPosition, texts: Sequence[str], *, now: datetime
    ) -> list[Rule | None]:
        """The rule by which the account would answer each text after the change."""
        live = self._ruleset.matcher(position.account_id)
        # one small matcher for all texts: compiling costs more than a rule too many
        participants: dict[str, Rule] = {}
        for text in texts:
            current = live.match(MatchInput(text), now=now)
            if current is None or current.slug not in self.linked_by_override:
                # the change cannot remove it, and it already beats all other rules of the account
                mentioned = [current] if current else []
            else:
                # the change may remove it, so every rule with a keyword in the text may be next
                mentioned = live.rules_mentioned(text)
            participants.update((rule.slug, rule) for rule in mentioned)
        return self._match_with(participants, position, texts, now)

    def answers_against(
        self, current: Rule, position: AccountPosition, texts: Sequence[str], *, now: datetime
    ) -> list[Rule | None]:
        """The rule that would answer each text, all of which `current` answers now.

        `current` beats all other rules of the account already, so it competes only with what the
        change brings.
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
        """Those rules and everything reachable from them by overrides, in both directions."""
        linked_rules, pending = dict(rules), list(rules.values())
        if self._before is not None:
            pending.append(self._before)
        while pending:
            rule = pending.pop()
            target = self._ruleset.find_rule(rule.overrides) if rule.overrides else None
            for linked in (*([target] if target else []), *self._overriders.get(rule.slug, ())):
                if linked.slug not in linked_rules:
                    linked_rules[linked.slug] = linked
                    pending.append(linked)
        return linked_rules


def next_active_moment(rule: Rule, *, now: datetime) -> datetime:
    """The next instant at which the rule's schedule is active, in steps of an hour from `now`.

    `now` itself if there is none within 15 days.
    """
    # the usual case, and it needs no look at the calendar
    if not rule.schedule:
        return now
    hours = (now + timedelta(hours=ahead) for ahead in range(_HOURS_AHEAD))
    return next((hour for hour in hours if rule.schedule.is_open(clock.local(hour))), now)
