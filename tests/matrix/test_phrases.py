"""Phrases: each department's own, changed by one person at a time."""

import pytest
from sqlalchemy import select

from config.audit import Entry
from config.database import session
from config.errors import Invalid, NotFound
from config.tenancy import Area, Member, Right
from matrix import phrases
from matrix.departments import Department
from tests.fixtures import NOW
from tests.matrix.conftest import MakeDepartment

pytestmark = pytest.mark.usefixtures("rolled_back")


@pytest.fixture
def police(make_department: MakeDepartment) -> Department:
    return make_department("police")


@pytest.fixture
def agent(police: Department) -> Member:
    area = Area(departments=frozenset({police.id}))
    return Member(1, "客服", {Right.TALKS_ANSWER: area})


def add(member: Member, owner: Department, title: str = "问好", content: str = "您好！") -> int:
    return phrases.add(member, owner.id, title=title, content=content, now=NOW).id


def test_an_account_is_offered_what_stands_at_its_departments(
    agent: Member, police: Department, make_department: MakeDepartment
) -> None:
    other = make_department("hrss")
    chief = Member(2, "总", {Right.TALKS_ANSWER: Area(everywhere=True)})
    add(agent, police)
    add(chief, other, "人社的")

    assert [each.title for each in phrases.offered([police.id])] == ["问好"]
    assert [each.title for each in phrases.phrases_for_staff(agent)] == ["问好"]
    assert len(phrases.phrases_for_staff(chief)) == 2
    assert phrases.phrases_for_staff(Member(3, "无权", {})) == []


def test_a_phrase_is_changed_from_the_version_that_was_read(
    agent: Member, police: Department
) -> None:
    key = add(agent, police)
    phrases.revise(agent, key, title="问好", content="您好，请讲。", version=1)
    with pytest.raises(phrases.PhraseChanged):
        phrases.revise(agent, key, title="问好", content="旧的", version=1)

    (phrase,) = phrases.offered([police.id])
    assert (phrase.content, phrase.version) == ("您好，请讲。", 2)


def test_a_phrase_can_be_given_up(agent: Member, police: Department) -> None:
    phrases.remove(agent, add(agent, police))

    assert phrases.offered([police.id]) == []
    actions = session.scalars(select(Entry.action).where(Entry.object_kind == "phrase")).all()
    assert actions == ["phrase.add", "phrase.remove"]


@pytest.mark.parametrize(
    ("title", "content", "field"),
    [
        ("", "您好", "title"),
        ("字" * 21, "您好", "title"),
        ("问好", "再来", "title"),
        ("再见", " ", "content"),
        ("再见", "字" * 601, "content"),
    ],
)
def test_a_wrong_field_is_named(
    agent: Member, police: Department, title: str, content: str, field: str
) -> None:
    add(agent, police)
    with pytest.raises(Invalid) as refused:
        add(agent, police, title, content)
    assert refused.value.field == field


def test_others_phrases_are_not_there(
    agent: Member, police: Department, make_department: MakeDepartment
) -> None:
    key = add(agent, police)
    other = make_department("hrss")
    stranger = Member(2, "外人", {Right.TALKS_ANSWER: Area(departments=frozenset({other.id}))})
    for deed in (
        lambda: add(stranger, police, "别的"),
        lambda: phrases.revise(stranger, key, title="a", content="b", version=1),
        lambda: phrases.remove(stranger, key),
        lambda: phrases.remove(agent, 10**6),
    ):
        with pytest.raises(NotFound):
            deed()
