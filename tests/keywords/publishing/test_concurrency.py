"""Editors of one rule at the same moment: one draft, and the others learn who was first."""

from collections.abc import Callable

import pytest

from config.database import read_only, run_in_transaction, transaction
from config.errors import Stale
from keywords.publishing import workflow
from keywords.publishing.workflow import InvalidTransition
from keywords.rules import review_policies, store, versions
from keywords.rules.replies import Text
from keywords.rules.spec import RuleSpec, RuleState
from keywords.rules.values import Keyword
from keywords.rules.versions import RuleVersion
from matrix import departments
from tests.helpers import NOW, concurrency

pytestmark = pytest.mark.usefixtures("own_database")

SPEC = RuleSpec(
    slug="police.id_card",
    name="身份证",
    keywords=(Keyword("身份证"),),
    replies=(Text("请到派出所。"),),
)


@pytest.fixture
def police() -> int:
    """The department that owns the rule."""
    with transaction():
        return departments.create(slug="police", name="公安局", kind="", now=NOW).id


@pytest.fixture
def draft(police: int) -> RuleVersion:
    """A draft that every editor has opened."""
    with transaction():
        return save(SPEC, police, author=0)


def save(
    spec: RuleSpec, owner: int, *, author: int, seen: RuleVersion | None = None
) -> RuleVersion:
    return workflow.save_draft(
        spec,
        rule_id=seen.rule_id if seen else None,
        base_lock_version=seen.lock_version if seen else None,
        department_id=owner,
        account_id=None,
        author_id=author,
        now=NOW,
    )


def run_in_transactions(deed: Callable[[int], object]) -> list[object]:
    """What each of the editors got, or the class of the error that stopped them."""
    return concurrency.run_concurrently(lambda number: run_in_transaction(lambda: deed(number)))


def test_of_editors_who_save_a_rule_at_once_one_wins(draft: RuleVersion, police: int) -> None:
    outcomes = run_in_transactions(
        lambda number: (
            save(SPEC.replace(name=f"名称{number}"), police, author=number, seen=draft).id
        )
    )

    assert outcomes.count(Stale) == concurrency.PEOPLE - 1, outcomes
    with read_only():
        newest = versions.find_newest(draft.rule_id)
        assert newest is not None
        assert newest.id in outcomes
        assert newest.content["name"] == f"名称{newest.author_id}"


def test_a_step_and_a_save_at_once_follow_each_other(draft: RuleVersion, police: int) -> None:
    """Whoever comes second meets what the first has left, and no lock is waited for in a circle."""

    def save_or_submit(number: int) -> object:
        if number % 2:
            return workflow.submit(draft.id, submitter_id=number, now=NOW).id
        # somebody else's draft, so that saving supersedes it
        return save(SPEC.replace(name=f"名称{number}"), police, author=9, seen=draft).id

    outcomes = run_in_transactions(save_or_submit)

    assert sum(isinstance(each, int) for each in outcomes) == 1, outcomes
    assert {each for each in outcomes if not isinstance(each, int)} <= {Stale, InvalidTransition}


def test_a_rule_is_switched_once_from_what_was_seen(draft: RuleVersion) -> None:
    states = (RuleState.LIVE, RuleState.OFF, RuleState.LIVE, RuleState.OFF)
    with read_only():
        seen = store.get(draft.rule_id).version

    outcomes = run_in_transactions(
        lambda number: store.set_state(draft.rule_id, states[number], version=seen, now=NOW).state
    )

    assert outcomes.count(Stale) == concurrency.PEOPLE - 1, outcomes


def test_a_review_policy_is_changed_once_from_what_was_seen(police: int) -> None:
    with transaction():
        review_policies.set_policy(police, needs_review=True, review_months=12, version=0, now=NOW)

    outcomes = run_in_transactions(
        lambda number: review_policies.set_policy(
            police, needs_review=True, review_months=number + 1, version=1, now=NOW
        )
    )

    assert outcomes.count(Stale) == concurrency.PEOPLE - 1, outcomes
