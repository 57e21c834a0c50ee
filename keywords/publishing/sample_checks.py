"""Samples: phrases of a rule that must go on being answered by it.

Before a change is published the samples of the rule itself are tried, and those of every other
rule that the change may touch. What loses its answer is `Broken`, and says who would answer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from keywords.matching.ruleset import RuleSet
from keywords.publishing.what_if import WhatIf, next_active_moment
from keywords.rules.values import AccountPosition, MatchInput, Rule, applies_to


@dataclass(frozen=True, slots=True)
class FailingSample:
    """A sample of `rule` that another would answer at this account; None is nobody.

    `emergency` is the word of danger that comes before any rule, or empty.
    """

    sample: str
    rule: Rule
    account_id: int
    answered_by: Rule | None
    emergency: str = ""


@dataclass(frozen=True, slots=True)
class SampleReport:
    """What came of trying the samples, before a deed that must not wait for it.

    It holds for content of this hash, and as long as the rules have this revision.
    """

    sha256: str
    cache_version: int
    failing: tuple[FailingSample, ...] = ()


def failing_samples(ruleset: RuleSet, changed: Rule, *, now: datetime) -> tuple[FailingSample, ...]:
    """The samples that lose their answer when this rule is published, each once."""
    what_if = WhatIf(ruleset, changed)
    return (
        *_check_own(ruleset, changed, what_if, now),
        *_check_others(ruleset, changed, what_if, now),
    )


def _check_own(
    ruleset: RuleSet, changed: Rule, what_if: WhatIf, now: datetime
) -> Iterator[FailingSample]:
    """Samples that the rule itself answers at none of its own accounts."""
    own_accounts = what_if.own_accounts
    if not changed.samples or not own_accounts:
        return
    moment = next_active_moment(changed, now=now)
    answers_by_account = [
        what_if.answers_after(position, changed.samples, now=moment) for position in own_accounts
    ]
    for number, sample in enumerate(changed.samples):
        emergency_word = ruleset.find_emergency(sample)
        if emergency_word:
            yield FailingSample(sample, changed, own_accounts[0].account_id, None, emergency_word)
        elif changed not in (answers[number] for answers in answers_by_account):
            yield FailingSample(
                sample, changed, own_accounts[0].account_id, answers_by_account[0][number]
            )


def _check_others(
    ruleset: RuleSet, changed: Rule, what_if: WhatIf, now: datetime
) -> Iterator[FailingSample]:
    """Samples of other rules that are answered by their own rule now and no longer then."""
    accounts, rivals = what_if.affected_accounts, what_if.rivals
    for rule in ruleset.all_rules_matcher.rules:
        if not rule.samples or rule.slug == changed.slug:
            continue
        moment = next_active_moment(rule, now=now)
        affected = [
            sample
            for sample in rule.samples
            if rule.slug in what_if.linked_by_override
            or rivals.match(MatchInput(sample), now=moment)
        ]
        if affected:
            yield from _lost_answers(ruleset, rule, affected, what_if, accounts, moment)


def _lost_answers(
    ruleset: RuleSet,
    rule: Rule,
    affected: list[str],
    what_if: WhatIf,
    accounts: list[AccountPosition],
    moment: datetime,
) -> Iterator[FailingSample]:
    """Those that would lose their answer, at the first account where they do."""
    reported: set[str] = set()
    for position in accounts:
        if not applies_to(rule, position):
            continue
        answered_now = [
            sample
            for sample in affected
            if sample not in reported
            and ruleset.match(position.account_id, MatchInput(sample), now=moment) == rule
            and not ruleset.find_emergency(sample)
        ]
        for sample, after in zip(
            answered_now,
            what_if.answers_against(rule, position, answered_now, now=moment),
            strict=True,
        ):
            if after != rule:
                reported.add(sample)
                yield FailingSample(sample, rule, position.account_id, after)
