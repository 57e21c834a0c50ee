"""Switches: what citizens have seen goes out of force and comes back, and is never removed."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from config.database import session
from keywords import stored, switches, versions
from keywords.drafts import RuleDraft
from keywords.history import RuleVersion
from keywords.replies import Text
from keywords.rules import Keyword
from keywords.stored import StoredRule
from keywords.switches import NeverPublished, PublishedOnce
from keywords.versions import WrongStep
from tests.fixtures import NOW

pytestmark = pytest.mark.usefixtures("rolled_back")

DRAFT = RuleDraft(
    code="police.id_card",
    name="身份证办理",
    keywords=(Keyword("身份证"),),
    replies=(Text("请到派出所。"),),
)


@pytest.fixture
def police(make_department: Callable[[str], int]) -> int:
    """The department that owns the rule."""
    return make_department("police")


def published(police: int) -> StoredRule:
    stored.put(DRAFT, department_id=police, now=NOW)
    return the_rule()


def the_rule() -> StoredRule:
    found = stored.by_code(DRAFT.code)
    assert found is not None
    return found


def proposed(police: int) -> StoredRule:
    versions.save(
        DRAFT, rule_id=None, base=None, department_id=police, account_id=None, author_id=1, now=NOW
    )
    return the_rule()


def test_a_published_rule_is_switched_off_and_on_but_not_deleted(police: int) -> None:
    row = published(police)
    row = switches.switch_off(row.id, version=row.version, now=NOW)
    assert stored.live() == ()
    with pytest.raises(WrongStep):
        switches.switch_off(row.id, version=row.version, now=NOW)
    with pytest.raises(PublishedOnce):
        switches.delete(row.id, version=row.version)
    switches.switch_on(row.id, version=row.version, now=NOW)
    assert len(stored.live()) == 1


def test_what_was_never_published_is_not_switched(police: int) -> None:
    row = proposed(police)
    for switch in (switches.switch_on, switches.switch_off):
        with pytest.raises(NeverPublished):
            switch(row.id, version=row.version, now=NOW)


def test_a_rule_that_never_was_published_goes_with_its_versions(police: int) -> None:
    row = proposed(police)
    switches.delete(row.id, version=row.version)
    session.expire_all()
    assert stored.by_code(DRAFT.code) is None
    assert session.scalars(select(RuleVersion)).all() == []
