"""Scripts: rules and texts that leave no doubt about the right reply."""

from collections import Counter

from bench.load.protocol import AnyText
from bench.load.scripts import Kind, Rule, make_rules, make_scripts


def test_rules_are_the_same_every_time_and_of_all_kinds() -> None:
    rules = make_rules(1000)

    assert rules == make_rules(1000)
    assert len({rule.pattern for rule in rules}) == 1000
    assert {rule.kind for rule in rules} == set(Kind)


def test_a_text_fits_one_rule_or_none() -> None:
    rules = make_rules(300)

    scripts = make_scripts(rules, 200)

    fitting = Counter(sum(rule.fits(script.text) for rule in rules) for script in scripts)
    assert set(fitting) == {0, 1}
    assert fitting[1] > fitting[0]


def test_a_text_with_a_rule_expects_its_reply_and_one_without_expects_any() -> None:
    rule = Rule(Kind.CONTAINS, "身份证", "带身份证来")

    scripts = make_scripts([rule], 50)

    for script in scripts:
        expected = rule.reply if "身份证" in script.text else AnyText()
        assert script.reply == expected
