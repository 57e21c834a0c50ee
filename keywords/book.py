"""The book: all live rules of the city, compiled for every account.

    stored.live() ── effective(reach) ──> one Matcher per account
          │                                     │ no answer
          └──────> Matcher and likeness of the whole city ──> suggestions

A book never changes; `refreshed` makes the next one and keeps every matcher whose rules stayed
the same. A message asks the database for nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from config import clock
from keywords import chatter, stored, texts
from keywords.concordance import Concordance
from keywords.emergencies import EmergencyWords
from keywords.matching import Candidate, Matcher
from keywords.normalize import Normal, normalize
from keywords.rules import Kind, Occasion, Reach, Rule, effective
from keywords.suggest import MOST, SuggestionIndex, closest
from keywords.texts import Texts


@dataclass(frozen=True, slots=True)
class Verdict:
    """Everything there is to say about one occasion at one account.

    `emergency` is the word of danger, or None; `candidates` are best first.
    """

    rule: Rule | None
    emergency: str | None
    candidates: tuple[Candidate, ...]
    suggestions: tuple[Rule, ...]


class Book:
    """Immutable; make one with `compiled` from values, or with `refreshed` from the database."""

    def __init__(self) -> None:
        """A book without rules."""
        self._matchers: Mapping[int, Matcher] = {}
        self._own: Mapping[int, frozenset[str]] = {}
        self._reaches: Mapping[int, Reach] = {}
        self._city = Matcher(())
        self._likeness = SuggestionIndex(())
        self._texts = Texts()
        self._emergencies = EmergencyWords()
        self._by_code: Mapping[str, Rule] = {}

    def refreshed(self, reaches: Iterable[Reach]) -> "Book":
        """The book as the database has it now, for these accounts. Two queries."""
        return self.compiled(stored.live(), reaches, texts.current())

    def compiled(
        self, rules: Iterable[Rule], reaches: Iterable[Reach], said: Texts | None = None
    ) -> "Book":
        """A book of these rules; matchers of this one are kept where their rules are the same."""
        book = Book()
        listed = tuple(rules)
        known = {matcher.rules: matcher for matcher in (self._city, *self._matchers.values())}
        book._reaches = {reach.account_id: reach for reach in reaches}
        book._city = known.get(listed) or Matcher(listed)
        known[book._city.rules] = book._city
        matchers: dict[int, Matcher] = {}
        for reach in book._reaches.values():
            reached = effective(listed, reach)
            if reached not in known:
                known[reached] = Matcher(reached)
            matchers[reach.account_id] = known[reached]
        book._matchers = matchers
        book._own = {
            account_id: frozenset(rule.code for rule in matcher.rules)
            for account_id, matcher in matchers.items()
        }
        book._likeness = self._likeness if book._city is self._city else SuggestionIndex(listed)
        book._texts = said or Texts()
        book._emergencies = EmergencyWords(book._texts.emergency_words)
        book._by_code = {rule.code: rule for rule in listed}
        return book

    @property
    def city(self) -> Matcher:
        """All live rules of the city, as if one account had them all."""
        return self._city

    @property
    def reaches(self) -> Mapping[int, Reach]:
        """Where each account stands, by its id."""
        return self._reaches

    @cached_property
    def concordance(self) -> Concordance:
        """Which rules have which keywords; made when it is first asked for."""
        return Concordance(self._city.rules)

    def matcher(self, account_id: int) -> Matcher:
        """The compiled rules of one account."""
        return self._matchers.get(account_id) or Matcher(())

    @property
    def emergency_text(self) -> str:
        """The city's emergency prompt."""
        return self._texts.emergency

    def emergency(self, text: str) -> str | None:
        """The word that makes a text an emergency, or None."""
        return self._emergencies.find(normalize(text))

    def fallback(self, account_id: int) -> str:
        """What this account says when nothing fits."""
        return self._texts.fallback(self._reaches.get(account_id) or Reach(account_id, ()))

    def rules_of(self, account_id: int) -> tuple[Rule, ...]:
        """The rules this account answers with, by code."""
        matcher = self._matchers.get(account_id)
        return matcher.rules if matcher else ()

    def rule(self, code: str) -> Rule | None:
        """Any live rule of the city by its code."""
        return self._by_code.get(code)

    def match(self, account_id: int, occasion: Occasion, *, now: datetime) -> Rule | None:
        """The rule by which this account answers, or None."""
        matcher = self._matchers.get(account_id)
        return matcher.match(occasion, now=now) if matcher else None

    def suggest(self, account_id: int, text: str, *, now: datetime) -> tuple[Rule, ...]:
        """Up to three rules for a text this account has no answer to, best first.

        When another department's rule would answer, those; else the account's own rules that are
        like the text; else other departments' that are like it. Never own and foreign mixed.
        """
        normal = normalize(text)
        if chatter.is_chatter(normal):
            return ()
        own = self._own.get(account_id, frozenset())
        foreign: list[Rule] = []
        if len(own) < len(self._city.rules):
            firm = self._city.ranked(normal, now=now)
            foreign = [rule for rule in firm if rule.code not in own and _is_shared(rule)]
        return tuple((foreign or self._like(normal, own, now))[:MOST])

    def explain(self, account_id: int, occasion: Occasion, *, now: datetime) -> Verdict:
        """The answer with everything that led to it."""
        is_text = occasion.kind is Kind.TEXT
        emergency = self.emergency(occasion.text) if is_text else None
        matcher = self._matchers.get(account_id) or Matcher(())
        rule = matcher.match(occasion, now=now) if emergency is None else None
        silent = rule is not None or emergency is not None or not is_text
        return Verdict(
            rule=rule,
            emergency=emergency,
            candidates=matcher.explain(occasion, now=now),
            suggestions=() if silent else self.suggest(account_id, occasion.text, now=now),
        )

    def _like(self, normal: Normal, own: frozenset[str], now: datetime) -> list[Rule]:
        found = self._likeness.near(normal)
        if not found:
            return []
        local = clock.local(now)
        awake = [one for one in found if not one.rule.schedule or one.rule.schedule.is_open(local)]
        mine = [one for one in awake if one.rule.code in own]
        return closest(mine or [one for one in awake if _is_shared(one.rule)])


def _is_shared(rule: Rule) -> bool:
    """Whether other accounts may point to the rule: those of a single account stay there."""
    return rule.account_id is None
