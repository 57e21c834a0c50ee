"""Canned responses: each department's own, changed by one person at a time."""

import pytest
from sqlalchemy import select

from config.audit import AuditEntry
from config.database import session
from config.errors import Invalid, NotFound, Stale
from config.permissions import Permission, PermissionScope, Principal
from matrix import canned_responses
from matrix.departments import Department
from tests.helpers import NOW
from tests.matrix.conftest import MakeDepartment

pytestmark = pytest.mark.usefixtures("rolled_back")


@pytest.fixture
def police(make_department: MakeDepartment) -> Department:
    return make_department("police")


@pytest.fixture
def agent(police: Department) -> Principal:
    area = PermissionScope(departments=frozenset({police.id}))
    return Principal(1, "客服", {Permission.CONVERSATIONS_REPLY: area})


def add(member: Principal, owner: Department, title: str = "问好", content: str = "您好！") -> int:
    return canned_responses.create(member, owner.id, title=title, content=content, now=NOW).id


def test_an_account_is_offered_what_stands_at_its_departments(
    agent: Principal, police: Department, make_department: MakeDepartment
) -> None:
    other = make_department("hrss")
    chief = Principal(2, "总", {Permission.CONVERSATIONS_REPLY: PermissionScope(everywhere=True)})
    add(agent, police)
    add(chief, other, "人社的")

    assert [each.title for each in canned_responses.list_for_departments([police.id])] == ["问好"]
    assert [each.title for each in canned_responses.list_for_staff(agent)] == ["问好"]
    assert len(canned_responses.list_for_staff(chief)) == 2
    assert canned_responses.list_for_staff(Principal(3, "无权", {})) == []


def test_a_canned_response_is_changed_from_the_version_that_was_read(
    agent: Principal, police: Department
) -> None:
    key = add(agent, police)
    canned_responses.update(agent, key, title="问好", content="您好，请讲。", version=1)
    with pytest.raises(Stale):
        canned_responses.update(agent, key, title="问好", content="旧的", version=1)

    (phrase,) = canned_responses.list_for_departments([police.id])
    assert (phrase.content, phrase.version) == ("您好，请讲。", 2)


def test_a_canned_response_can_be_given_up(agent: Principal, police: Department) -> None:
    canned_responses.delete_response(agent, add(agent, police))

    assert canned_responses.list_for_departments([police.id]) == []
    actions = session.scalars(
        select(AuditEntry.action)
        .where(AuditEntry.object_kind == "canned_response")
        .order_by(AuditEntry.id)
    ).all()
    assert actions == ["canned_response.create", "canned_response.delete"]


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
    agent: Principal, police: Department, title: str, content: str, field: str
) -> None:
    add(agent, police)
    with pytest.raises(Invalid) as refused:
        add(agent, police, title, content)
    assert refused.value.field == field


def test_canned_responses_of_others_are_not_found(
    agent: Principal, police: Department, make_department: MakeDepartment
) -> None:
    key = add(agent, police)
    other = make_department("hrss")
    stranger = Principal(
        2,
        "外人",
        {Permission.CONVERSATIONS_REPLY: PermissionScope(departments=frozenset({other.id}))},
    )
    for deed in (
        lambda: add(stranger, police, "别的"),
        lambda: canned_responses.update(stranger, key, title="a", content="b", version=1),
        lambda: canned_responses.delete_response(stranger, key),
        lambda: canned_responses.delete_response(agent, 10**6),
    ):
        with pytest.raises(NotFound):
            deed()
