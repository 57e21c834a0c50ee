"""Switches: what citizens have seen goes out of force and comes back, and is never removed."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from config.database import session
from keywords.publishing import lifecycle, workflow
from keywords.publishing.lifecycle import AlreadyPublished, NeverPublished
from keywords.publishing.workflow import InvalidTransition
from keywords.rules import store
from keywords.rules.replies import Text
from keywords.rules.spec import RuleSpec
from keywords.rules.store import RuleRow
from keywords.rules.values import Keyword
from keywords.rules.versions import RuleVersion
from tests.helpers import NOW

pytestmark = pytest.mark.usefixtures("rolled_back")

DRAFT = RuleSpec(
    slug="police.id_card",
    name="身份证办理",
    keywords=(Keyword("身份证"),),
    replies=(Text("请到派出所。"),),
)


@pytest.fixture
def police(make_department: Callable[[str], int]) -> int:
    """The department that owns the rule."""
    return make_department("police")


def published(police: int) -> RuleRow:
    store.upsert(DRAFT, department_id=police, now=NOW)
    return the_rule()


def the_rule() -> RuleRow:
    found = store.find_by_slug(DRAFT.slug)
    assert found is not None
    return found


def proposed(police: int) -> RuleRow:
    workflow.save_draft(
        DRAFT,
        rule_id=None,
        base_lock_version=None,
        department_id=police,
        account_id=None,
        author_id=1,
        now=NOW,
    )
    return the_rule()


def test_a_published_rule_is_switched_off_and_on_but_not_deleted(police: int) -> None:
    row = published(police)
    row = lifecycle.disable(row.id, version=row.version, now=NOW)
    assert store.load_live_rules() == ()
    with pytest.raises(InvalidTransition):
        lifecycle.disable(row.id, version=row.version, now=NOW)
    with pytest.raises(AlreadyPublished):
        lifecycle.delete(row.id, version=row.version)
    lifecycle.enable(row.id, version=row.version, now=NOW)
    assert len(store.load_live_rules()) == 1


def test_what_was_never_published_is_not_switched(police: int) -> None:
    row = proposed(police)
    for switch in (lifecycle.enable, lifecycle.disable):
        with pytest.raises(NeverPublished):
            switch(row.id, version=row.version, now=NOW)


def test_a_rule_that_never_was_published_goes_with_its_versions(police: int) -> None:
    row = proposed(police)
    lifecycle.delete(row.id, version=row.version)
    session.expire_all()
    assert store.find_by_slug(DRAFT.slug) is None
    assert session.scalars(select(RuleVersion)).all() == []
