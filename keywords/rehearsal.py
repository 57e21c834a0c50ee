"""A rehearsal: what accounts would answer if one rule were changed, without compiling the city.

A rule takes part in the answer to a text only when one of its keywords is found there. So it is
enough to compile those that the account's matcher hears, the changed one, and those that are
tied to them by `overrides`; the answer is the same as with everything compiled.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property

from config import clock
from keywords.book import Book
from keywords.matching import Matcher
from keywords.rules import Occasion, Reach, Rule, effective, reaches

_LOOKED_AHEAD = 24 * 15  # hours in which a rule should be awake once


class Rehearsal:
    """A book, and one rule of it as it may become; a new one if the book has none of its code."""

    def __init__(self, book: Book, changed: Rule) -> None:
        self._book = book
        self._changed = changed
        self._was = book.rule(changed.code)
        self._overriding: dict[str, list[Rule]] = {}
        for rule in book.city.rules:
            if rule.overrides and rule.code != changed.code:
                self._overriding.setdefault(rule.overrides, []).append(rule)

    @property
    def accounts(self) -> list[Reach]:
        """The accounts that the change may concern."""
        forms = [rule for rule in (self._was, self._changed) if rule is not None]
        return [
            reach
            for reach in self._book.reaches.values()
            if any(reaches(rule, reach) for rule in forms)
        ]

    @property
    def home(self) -> list[Reach]:
        """The rule's own accounts; those it reaches at all where its department has none."""
        rule = self._changed
        reached = [reach for reach in self._book.reaches.values() if reaches(rule, reach)]
        if rule.account_id is not None:
            return reached
        if rule.department_id is None:
            own = [reach for reach in reached if not reach.ancestors]
        else:
            own = [reach for reach in reached if reach.own[:1] == (rule.department_id,)]
        return own or reached

    @cached_property
    def tied(self) -> Mapping[str, Rule]:
        """The rule and all that are tied to it by overrides, by code: they may come and go."""
        return self._with_ties({self._changed.code: self._changed})

    @cached_property
    def challengers(self) -> Matcher:
        """What may answer anything that it did not answer before."""
        return Matcher(self.tied.values())

    def answers(self, reach: Reach, texts: Sequence[str], *, now: datetime) -> list[Rule | None]:
        """The rule by which the account would answer each text after the change."""
        live = self._book.matcher(reach.account_id)
        taking_part: dict[str, Rule] = {}
        for text in texts:
            holder = live.match(Occasion(text), now=now)
            if holder is None or holder.code not in self.tied:
                # better than all others there, as in `contest`
                heard = [holder] if holder else []
            else:
                # it may change or go, and then the next best counts
                heard = live.heard(text)
            taking_part.update((rule.code, rule) for rule in heard)
        return self._answers(taking_part, reach, texts, now)

    def contest(
        self, holder: Rule, reach: Reach, texts: Sequence[str], *, now: datetime
    ) -> list[Rule | None]:
        """Who would answer texts that the account answers by `holder` now.

        The holder was better than all others there, so it has to hold its place only against
        what the change brings.
        """
        return self._answers({holder.code: holder}, reach, texts, now) if texts else []

    def _answers(
        self, taking_part: dict[str, Rule], reach: Reach, texts: Sequence[str], now: datetime
    ) -> list[Rule | None]:
        changed = {**taking_part, self._changed.code: self._changed}
        matcher = Matcher(effective(self._with_ties(changed).values(), reach))
        return [matcher.match(Occasion(text), now=now) for text in texts]

    def _with_ties(self, rules: Mapping[str, Rule]) -> dict[str, Rule]:
        """Those rules, and whatever overrides or is overridden by any of them, to the last."""
        taken, ahead = dict(rules), list(rules.values())
        if self._was is not None:
            ahead.append(self._was)
        while ahead:
            rule = ahead.pop()
            target = self._book.rule(rule.overrides) if rule.overrides else None
            for tied in (*([target] if target else []), *self._overriding.get(rule.code, ())):
                if tied.code not in taken:
                    taken[tied.code] = tied
                    ahead.append(tied)
        return taken


def awake(rule: Rule, *, now: datetime) -> datetime:
    """A moment at which the rule answers: now, or the next hour within two weeks, or now."""
    if not rule.schedule:
        return now
    hours = (now + timedelta(hours=ahead) for ahead in range(_LOOKED_AHEAD))
    return next((hour for hour in hours if rule.schedule.is_open(clock.local(hour))), now)
