"""The rule set: all live rules of the city, compiled for every account.

    store.load_live_rules() ── effective_rules(position) ──> one Matcher per account
                 │                                                  │ no rule answers
                 └──> Matcher and SuggestionIndex of the whole city ──> suggestions

A rule set is immutable: web processes answer from it without any query, and `reloaded` makes the
next one when the cache version of rules has moved. Matchers whose rules stayed the same are
reused, as compiling is the expensive part.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from config import clock
from keywords.language import small_talk
from keywords.language.normalize import normalize
from keywords.matching import scope
from keywords.matching.emergencies import Danger, emergency_detector, kinds
from keywords.matching.keyword_search import KeywordSearchIndex
from keywords.matching.matcher import Candidate, Matcher
from keywords.matching.suggestions import ScoredRule, SuggestionIndex, select_closest
from keywords.rules import default_replies, store
from keywords.rules.default_replies import DefaultReplies
from keywords.rules.inheritance import AccountPosition, effective_rules
from keywords.rules.standard_texts import StandardText
from keywords.rules.values import InputKind, MatchInput, Rule


@dataclass(frozen=True, slots=True)
class MatchResult:
    """What one account makes of one input.

    `rule` is the rule that answers, or None; `danger` what was found of either tier. `candidates`
    and `suggestions` are best first.
    """

    rule: Rule | None
    danger: Danger | None
    candidates: tuple[Candidate, ...]
    suggestions: tuple[Rule, ...]

    @property
    def emergency(self) -> str | None:
        """The words of a certain danger, or None: the prompt then comes instead of a rule."""
        return _emergency_of(self.danger)


class RuleSet:
    """All live rules, compiled. Make one by `RuleSet().reloaded()` or `.with_rules()`."""

    def __init__(self) -> None:
        """A rule set without rules."""
        self._matchers: Mapping[int, Matcher] = {}
        # kept beside the matchers: `suggest` asks it for every message that nothing answers
        self._own_slugs: Mapping[int, frozenset[str]] = {}
        self._positions: Mapping[int, AccountPosition] = {}
        self._all_rules_matcher = Matcher(())
        self._suggestion_index = SuggestionIndex(())
        self._default_replies = DefaultReplies()
        self._emergencies = emergency_detector(frozenset())
        self._by_slug: Mapping[str, Rule] = {}

    def reloaded(self, positions: Iterable[AccountPosition]) -> "RuleSet":
        """The rule set as the database has it now, for accounts at these positions. Two queries."""
        return self.with_rules(store.load_live_rules(), positions, default_replies.load())

    def with_rules(
        self,
        rules: Iterable[Rule],
        positions: Iterable[AccountPosition],
        defaults: DefaultReplies | None = None,
    ) -> "RuleSet":
        """A rule set of these rules, reusing the matchers of this one for equal tuples of rules."""
        # a new one, never this one changed: other threads are answering from it
        ruleset = RuleSet()
        all_rules = tuple(rules)
        # by their rules: tuples of equal frozen values have equal hashes
        compiled_matchers = {
            matcher.rules: matcher
            for matcher in (self._all_rules_matcher, *self._matchers.values())
        }
        ruleset._positions = {position.account_id: position for position in positions}
        ruleset._all_rules_matcher = compiled_matchers.get(all_rules) or Matcher(all_rules)
        # an account of the whole city has all rules and shares this matcher
        compiled_matchers[ruleset._all_rules_matcher.rules] = ruleset._all_rules_matcher
        matchers: dict[int, Matcher] = {}
        for position in ruleset._positions.values():
            account_rules = effective_rules(all_rules, position)
            # accounts with the same rules, as the siblings in a department, share one matcher
            if account_rules not in compiled_matchers:
                compiled_matchers[account_rules] = Matcher(account_rules)
            matchers[position.account_id] = compiled_matchers[account_rules]
        ruleset._matchers = matchers
        ruleset._own_slugs = {
            account_id: frozenset(rule.slug for rule in matcher.rules)
            for account_id, matcher in matchers.items()
        }
        # over the whole city, so it is the same as long as no rule changed
        ruleset._suggestion_index = (
            self._suggestion_index
            if ruleset._all_rules_matcher is self._all_rules_matcher
            else SuggestionIndex(all_rules, previous=self._suggestion_index)
        )
        ruleset._default_replies = defaults or DefaultReplies()
        ruleset._emergencies = emergency_detector(
            frozenset(ruleset._default_replies.emergency_words)
        )
        ruleset._by_slug = {rule.slug: rule for rule in all_rules}
        return ruleset

    @property
    def all_rules_matcher(self) -> Matcher:
        """A matcher of all live rules of the city, regardless of who owns them."""
        return self._all_rules_matcher

    @property
    def positions(self) -> Mapping[int, AccountPosition]:
        """The position of each account in the tree of departments, by its id."""
        return self._positions

    @cached_property
    def keyword_search(self) -> KeywordSearchIndex:
        """The search over keywords; made on first use, since only the rule editor needs it."""
        return KeywordSearchIndex(self._all_rules_matcher.rules)

    def matcher(self, account_id: int) -> Matcher:
        """The matcher of one account; an empty one for an account that is not known."""
        # an account registered a moment ago, which the next snapshot has
        return self._matchers.get(account_id) or Matcher(())

    def emergency_reply(self, danger: Danger) -> str:
        """The city's prompt for a danger that is certain, by its kind."""
        occasion = kinds.PROMPTS.get(danger.kind)
        return self._default_replies.emergency if occasion is None else self.standard_text(occasion)

    @property
    def possible_danger_line(self) -> str:
        """The line that follows the ordinary answer where somebody may be in danger."""
        return self.standard_text(StandardText.POSSIBLE_DANGER)

    def find_danger(self, text: str) -> Danger | None:
        """The danger that a raw text speaks of, or None."""
        return self._emergencies.find(normalize(text))

    def find_emergency(self, text: str) -> str | None:
        """The words that make a raw text a certain emergency, which no rule answers, or None."""
        return _emergency_of(self.find_danger(text))

    def fallback_reply(self, account_id: int) -> str:
        """The reply of this account to a message that nothing answers."""
        return self._default_replies.fallback_for(
            self._positions.get(account_id) or AccountPosition(account_id, ())
        )

    def standard_text(self, occasion: StandardText) -> str:
        """What the hub says on an occasion for which there are no rules."""
        return self._default_replies.text(occasion)

    def has_rule(self, account_id: int, slug: str) -> bool:
        """Whether the account answers with the rule of this slug."""
        return slug in self._own_slugs.get(account_id, frozenset())

    def rules_of(self, account_id: int) -> tuple[Rule, ...]:
        """The rules this account answers with, sorted by slug."""
        matcher = self._matchers.get(account_id)
        return matcher.rules if matcher else ()

    def find_rule(self, slug: str) -> Rule | None:
        """The live rule with this slug, whoever owns it, or None."""
        return self._by_slug.get(slug)

    def match(self, account_id: int, match_input: MatchInput, *, now: datetime) -> Rule | None:
        """The rule by which this account answers, or None."""
        matcher = self._matchers.get(account_id)
        return matcher.match(match_input, now=now) if matcher else None

    def suggest(self, account_id: int, text: str, *, now: datetime) -> tuple[Rule, ...]:
        """Up to three rules for a text that no rule of this account answers, best first.

        Rules of the account and of others stand in one list, as only one of them is right. Rules of
        a single account stay there.
        """
        normal = normalize(text)
        if small_talk.is_small_talk(normal):
            return ()
        asked = scope.read(normal)
        own = self._own_slugs.get(account_id, frozenset())
        matched: frozenset[str] = frozenset()
        # otherwise no other account's rule could answer
        if len(own) < len(self._all_rules_matcher.rules):
            matched = frozenset(rule.slug for rule in self._all_rules_matcher.rank(normal, now=now))
        found = self._suggestion_index.similar_rules(asked.asked, own=own, matched=matched)
        if asked.obstacle:
            # what resembles a fraud's bait, or another city's service, is not what is asked
            found = [scored for scored in found if scored.rule.slug in matched]
        return tuple(select_closest(self._available(found, own, now)))

    def update_meanings(self, *, seconds: float) -> bool:
        """Encode what rules mean, for about so long; suggestions use what is there already.

        Gives whether nothing is left to do. Not for the way of a request: the first call of a
        process loads the sentence encoder. See `keywords.language.meaning`.
        """
        return self._suggestion_index.update_meanings(seconds=seconds)

    def explain(self, account_id: int, match_input: MatchInput, *, now: datetime) -> MatchResult:
        """The answer with everything that led to it, for the tester page and the command."""
        is_text = match_input.kind is InputKind.TEXT
        danger = self.find_danger(match_input.text) if is_text else None
        is_emergency = danger is not None and danger.is_certain
        matcher = self._matchers.get(account_id) or Matcher(())
        # as in the callback, where the emergency prompt comes instead of a rule
        rule = matcher.match(match_input, now=now) if not is_emergency else None
        # as in the callback: suggestions are sent only where nothing else answered
        is_settled = rule is not None or is_emergency or not is_text
        return MatchResult(
            rule=rule,
            danger=danger,
            candidates=matcher.explain(match_input, now=now),
            suggestions=() if is_settled else self.suggest(account_id, match_input.text, now=now),
        )

    def _available(
        self, found: list[ScoredRule], own: frozenset[str], now: datetime
    ) -> list[ScoredRule]:
        if not found:
            return []
        local = clock.local(now)
        return [
            scored
            for scored in found
            # a suggestion that is asleep would be answered by the fallback when the citizen follows
            # it
            if (not scored.rule.schedule or scored.rule.schedule.is_open(local))
            and (scored.rule.slug in own or _is_shared(scored.rule))
        ]


def _emergency_of(danger: Danger | None) -> str | None:
    return danger.reason if danger is not None and danger.is_certain else None


def _is_shared(rule: Rule) -> bool:
    """Whether other accounts may suggest the rule; one owned by a single account stays there."""
    return rule.account_id is None
