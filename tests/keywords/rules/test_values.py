"""Rules: which of them an account answers with.

1 city ── 2 police ── 4 station
       └─ 3 water
"""

from keywords.rules.values import AccountPosition, Rule, RuleScope, effective_rules
from tests.keywords import rule

CITY = AccountPosition(account_id=10, own_and_below=(1, 2, 3, 4))
POLICE = AccountPosition(account_id=20, own_and_below=(2, 4), ancestors=(1,))
STATION = AccountPosition(account_id=40, own_and_below=(4,), ancestors=(2, 1))


def codes(rules: list[Rule], reach: AccountPosition) -> list[str]:
    return [each.slug for each in effective_rules(rules, reach)]


def test_local_rules_reach_upwards_and_nobody_beside_or_below() -> None:
    rules = [rule("police", department_id=2), rule("water", department_id=3)]
    assert codes(rules, CITY) == ["police", "water"]
    assert codes(rules, POLICE) == ["police"]
    assert codes(rules, STATION) == []


def test_defaults_and_mandatory_rules_reach_downwards() -> None:
    rules = [
        rule("city", scope=RuleScope.MANDATORY),
        rule("bureau", scope=RuleScope.DEFAULT, department_id=2),
        rule("other", scope=RuleScope.DEFAULT, department_id=3),
    ]
    assert codes(rules, STATION) == ["bureau", "city"]


def test_a_rule_of_one_account_stays_there() -> None:
    rules = [rule("mine", account_id=20), rule("theirs", account_id=40, department_id=2)]
    assert codes(rules, POLICE) == ["mine"]
    assert codes(rules, CITY) == []


def test_a_default_gives_way_to_the_rule_that_overrides_it() -> None:
    rules = [
        rule("hours", scope=RuleScope.DEFAULT),
        rule("police.hours", department_id=2, overrides="hours"),
    ]
    assert codes(rules, POLICE) == ["police.hours"]
    assert codes(rules, AccountPosition(30, own_and_below=(3,), ancestors=(1,))) == ["hours"]


def test_what_is_overridden_below_stays_as_it_is_above() -> None:
    rules = [
        rule("hours", scope=RuleScope.DEFAULT),
        rule("police.hours", department_id=2, overrides="hours"),
    ]
    assert codes(rules, CITY) == ["hours"]


def test_a_mandatory_rule_cannot_be_overridden() -> None:
    rules = [
        rule("danger", scope=RuleScope.MANDATORY),
        rule("police.danger", department_id=2, overrides="danger"),
    ]
    assert codes(rules, POLICE) == ["danger", "police.danger"]


def test_an_account_overrides_for_itself_only() -> None:
    rules = [
        rule("hours", scope=RuleScope.DEFAULT),
        rule("own.hours", account_id=20, overrides="hours"),
    ]
    assert codes(rules, POLICE) == ["own.hours"]
    assert codes(rules, STATION) == ["hours"]
