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
from keywords.language import small_talk
from keywords.language.normalize import NormalizedText, normalize
from keywords.matching.emergencies import EmergencyDetector
from keywords.matching.keyword_search import KeywordSearchIndex
from keywords.matching.matcher import Candidate, Matcher
from keywords.matching.suggestions import MAX_SUGGESTIONS, SuggestionIndex, select_closest
from keywords.rules import default_replies, store
from keywords.rules.default_replies import DefaultReplies
from keywords.rules.values import AccountPosition, InputKind, MatchInput, Rule, effective_rules


@dataclass(frozen=True, slots=True)
class MatchResult:
    """Everything there is to say about one occasion at one account.

    `emergency` is the word of danger, or None; `candidates` are best first.
    """

    rule: Rule | None
    emergency: str | None
    candidates: tuple[Candidate, ...]
    suggestions: tuple[Rule, ...]


class RuleSet:
    """Immutable; make one with `compiled` from values, or with `refreshed` from the database."""

    def __init__(self) -> None:
        """A book without rules."""
        self._matchers: Mapping[int, Matcher] = {}
        self._own_slugs: Mapping[int, frozenset[str]] = {}
        self._positions: Mapping[int, AccountPosition] = {}
        self._all_rules_matcher = Matcher(())
        self._suggestion_index = SuggestionIndex(())
        self._default_replies = DefaultReplies()
        self._emergencies = EmergencyDetector()
        self._by_slug: Mapping[str, Rule] = {}

    def reloaded(self, positions: Iterable[AccountPosition]) -> "RuleSet":
        """The book as the database has it now, for these accounts. Two queries."""
        return self.with_rules(store.load_live_rules(), positions, default_replies.load())

    def with_rules(
        self,
        rules: Iterable[Rule],
        positions: Iterable[AccountPosition],
        defaults: DefaultReplies | None = None,
    ) -> "RuleSet":
        """A book of these rules; matchers of this one are kept where their rules are the same."""
        ruleset = RuleSet()
        all_rules = tuple(rules)
        compiled_matchers = {
            matcher.rules: matcher
            for matcher in (self._all_rules_matcher, *self._matchers.values())
        }
        ruleset._positions = {position.account_id: position for position in positions}
        ruleset._all_rules_matcher = compiled_matchers.get(all_rules) or Matcher(all_rules)
        compiled_matchers[ruleset._all_rules_matcher.rules] = ruleset._all_rules_matcher
        matchers: dict[int, Matcher] = {}
        for position in ruleset._positions.values():
            account_rules = effective_rules(all_rules, position)
            if account_rules not in compiled_matchers:
                compiled_matchers[account_rules] = Matcher(account_rules)
            matchers[position.account_id] = compiled_matchers[account_rules]
        ruleset._matchers = matchers
        ruleset._own_slugs = {
            account_id: frozenset(rule.slug for rule in matcher.rules)
            for account_id, matcher in matchers.items()
        }
        ruleset._suggestion_index = (
            self._suggestion_index
            if ruleset._all_rules_matcher is self._all_rules_matcher
            else SuggestionIndex(all_rules)
        )
        ruleset._default_replies = defaults or DefaultReplies()
        ruleset._emergencies = EmergencyDetector(ruleset._default_replies.emergency_words)
        ruleset._by_slug = {rule.slug: rule for rule in all_rules}
        return ruleset

    @property
    def all_rules_matcher(self) -> Matcher:
        """All live rules of the city, as if one account had them all."""
        return self._all_rules_matcher

    @property
    def positions(self) -> Mapping[int, AccountPosition]:
        """Where each account stands, by its id."""
        return self._positions

    @cached_property
    def keyword_search(self) -> KeywordSearchIndex:
        """Which rules have which keywords; made when it is first asked for."""
        return KeywordSearchIndex(self._all_rules_matcher.rules)

    def matcher(self, account_id: int) -> Matcher:
        """The compiled rules of one account."""
        return self._matchers.get(account_id) or Matcher(())

    @property
    def emergency_reply(self) -> str:
        """The city's emergency prompt."""
        return self._default_replies.emergency

    def find_emergency(self, text: str) -> str | None:
        """The word that makes a text an emergency, or None."""
        return self._emergencies.find(normalize(text))

    def fallback_reply(self, account_id: int) -> str:
        """What this account says when nothing fits."""
        return self._default_replies.fallback_for(
            self._positions.get(account_id) or AccountPosition(account_id, ())
        )

    def rules_of(self, account_id: int) -> tuple[Rule, ...]:
        """The rules this account answers with, by code."""
        matcher = self._matchers.get(account_id)
        return matcher.rules if matcher else ()

    def find_rule(self, slug: str) -> Rule | None:
        """Any live rule of the city by its code."""
        return self._by_slug.get(slug)

    def match(self, account_id: int, match_input: MatchInput, *, now: datetime) -> Rule | None:
        """The rule by which this account answers, or None."""
        matcher = self._matchers.get(account_id)
        return matcher.match(match_input, now=now) if matcher else None

    def suggest(self, account_id: int, text: str, *, now: datetime) -> tuple[Rule, ...]:
        """Up to three rules for a text this account has no answer to, best first.

        When another department's rule would answer, those; else the account's own rules that are
        like the text; else other departments' that are like it. Never own and foreign mixed.
        """
        normal = normalize(text)
        if small_talk.is_small_talk(normal):
            return ()
        own = self._own_slugs.get(account_id, frozenset())
        foreign: list[Rule] = []
        if len(own) < len(self._all_rules_matcher.rules):
            matching_rules = self._all_rules_matcher.rank(normal, now=now)
            foreign = [rule for rule in matching_rules if rule.slug not in own and _is_shared(rule)]
        return tuple((foreign or self._similar_rules(normal, own, now))[:MAX_SUGGESTIONS])

    def explain(self, account_id: int, match_input: MatchInput, *, now: datetime) -> MatchResult:
        """The answer with everything that led to it."""
        is_text = match_input.kind is InputKind.TEXT
        emergency = self.find_emergency(match_input.text) if is_text else None
        matcher = self._matchers.get(account_id) or Matcher(())
        rule = matcher.match(match_input, now=now) if emergency is None else None
        is_settled = rule is not None or emergency is not None or not is_text
        return MatchResult(
            rule=rule,
            emergency=emergency,
            candidates=matcher.explain(match_input, now=now),
            suggestions=() if is_settled else self.suggest(account_id, match_input.text, now=now),
        )

    def _similar_rules(
        self, normal: NormalizedText, own: frozenset[str], now: datetime
    ) -> list[Rule]:
        found = self._suggestion_index.similar_rules(normal)
        if not found:
            return []
        local = clock.local(now)
        active = [
            scored
            for scored in found
            if not scored.rule.schedule or scored.rule.schedule.is_open(local)
        ]
        own_rules = [scored for scored in active if scored.rule.slug in own]
        return select_closest(own_rules or [scored for scored in active if _is_shared(scored.rule)])


def _is_shared(rule: Rule) -> bool:
    """Whether other accounts may point to the rule: those of a single account stay there."""
    return rule.account_id is None
