"""Sample checks: phrases that a rule must answer, tried before a change is published.

They are regression tests that staff write for their rules. Tried are the samples of the changed
rule and those of every other rule whose answer the change may take away.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from keywords.matching.ruleset import RuleSet
from keywords.publishing.what_if import WhatIf, next_active_moment
from keywords.rules.inheritance import AccountPosition, applies_to
from keywords.rules.values import MatchInput, Rule
from keywords.rules.versions import RuleVersion


@dataclass(frozen=True, slots=True)
class FailingSample:
    """A sample of `rule` that it would not answer at this account.

    `answered_by` would instead, or no rule if None; `emergency` is the word of danger in the
    sample that brings the emergency prompt before any rule, or empty.
    """

    sample: str
    rule: Rule
    account_id: int
    answered_by: Rule | None
    emergency: str = ""


@dataclass(frozen=True, slots=True)
class SampleReport:
    """That the samples were checked against a version, and how many would lose their answer.

    Made by a request before the one that publishes, which relies on it: for the version with this
    hash and while the rules have this cache version (config/cache_versions.py).
    """

    sha256: str
    cache_version: int
    failing_count: int


def check_samples(
    version: RuleVersion, ruleset: RuleSet, *, now: datetime
) -> tuple[FailingSample, ...]:
    """The samples that would fail if the version were published, against a rule set.

    Takes seconds with many rules, so nobody who writes may wait for it.
    """
    owners = {"department_id": version.department_id, "account_id": version.account_id}
    rule = version.spec.rule(id=version.rule_id, **owners)
    return failing_samples(ruleset, rule, now=now)


def failing_samples(ruleset: RuleSet, changed: Rule, *, now: datetime) -> tuple[FailingSample, ...]:
    """The samples that would fail if `changed` were published, each at one account only.

    Takes up to seconds with many rules; call it outside of a transaction that writes.
    """
    what_if = WhatIf(ruleset, changed)
    return (
        *_check_own(ruleset, changed, what_if, now),
        *_check_others(ruleset, changed, what_if, now),
    )


def _check_own(
    ruleset: RuleSet, changed: Rule, what_if: WhatIf, now: datetime
) -> Iterator[FailingSample]:
    """Samples of the changed rule that it answers at none of its own accounts.

    One account is enough, because a sample may be meant for one that overrides nothing.
    """
    own_accounts = what_if.own_accounts
    if not changed.samples or not own_accounts:
        return
    # a rule limited to office hours is checked at a time when it answers
    moment = next_active_moment(changed, now=now)
    answers_by_account = [
        what_if.answers_after(position, changed.samples, now=moment) for position in own_accounts
    ]
    for number, sample in enumerate(changed.samples):
        # the callback asks for danger before any rule, so such a sample can never be answered by
        # one
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
    """Samples of other rules that their rule answers now and would no longer answer."""
    # made once: the loop below runs over all rules of the city
    accounts, rivals = what_if.affected_accounts, what_if.rivals
    for rule in ruleset.all_rules_matcher.rules:
        if not rule.samples or rule.slug == changed.slug:
            continue
        moment = next_active_moment(rule, now=now)
        # the cheap question first: only what the change could win or remove is matched at accounts
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
    """The affected samples that would lose their answer, at the first account where they do."""
    reported: set[str] = set()
    for position in accounts:
        # at accounts without the rule its sample was never answered by it
        if not applies_to(rule, position):
            continue
        answered_now = [
            sample
            for sample in affected
            # each sample once, at the first account: a rule of the city would be reported forty
            # times
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
