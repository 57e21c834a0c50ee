"""Alarms for staff: each sees their own, urgent ones first, and says what was done."""

import pytest
from sqlalchemy import select

from config import alarms
from config.alarms import Alarm
from config.audit import Entry
from config.database import session
from config.errors import Invalid, NotFound
from config.tenancy import Area, Member, Right
from tests.fixtures import NOW

pytestmark = pytest.mark.usefixtures("rolled_back")

BOTH = (Right.TALKS_READ, Right.ALARMS_CLOSE)
POLICE = Area(departments=frozenset({1}), accounts=frozenset({11}))
AGENT = Member(1, "客服", dict.fromkeys(BOTH, POLICE))
OF_ONE_ACCOUNT = Member(2, "单号客服", dict.fromkeys(BOTH, Area(accounts=frozenset({12}))))
CHIEF = Member(3, "总", dict.fromkeys(BOTH, Area(everywhere=True)))
READER = Member(4, "编辑", {Right.TALKS_READ: POLICE})


def make(subject: str, **owner: int | bool) -> int:
    alarms.raise_alarm("thing.broken", subject, f"{subject}坏了", now=NOW, **owner)
    return session.scalars(select(Alarm.id).where(Alarm.subject == subject)).one()


@pytest.fixture(autouse=True)
def noise(rolled_back: None) -> None:
    make("门", department_id=1)
    make("城")
    make("窗", department_id=1, account_id=11)
    make("急", department_id=1, account_id=11, urgent=True)
    make("桥", department_id=2, account_id=12)


def seen(member: Member) -> list[str]:
    return [alarm.subject for alarm in alarms.open_for_staff(member)]


def test_each_sees_their_own_and_urgent_ones_stand_first() -> None:
    assert seen(AGENT) == ["急", "窗", "门"]
    assert seen(OF_ONE_ACCOUNT) == ["桥"]
    assert seen(CHIEF) == ["急", "桥", "窗", "城", "门"]
    assert seen(READER) == seen(AGENT)
    assert seen(Member(5, "无权", {})) == []
    assert len(alarms.open_for_staff(CHIEF, at_most=2)) == 2


def test_who_closes_an_alarm_says_what_was_done() -> None:
    (first, *_) = alarms.open_for_staff(AGENT)
    alarms.settle(AGENT, first.id, note=" 已联系 110 ", now=NOW)

    assert seen(AGENT) == ["窗", "门"]
    (closed,) = alarms.closed_for_staff(AGENT).alarms
    assert (closed.closed_by, closed.note, closed.closed_at) == ("客服", "已联系 110", NOW)
    entry = session.scalars(select(Entry).where(Entry.action == "alarm.close")).one()
    assert (entry.reason, entry.department_id) == ("已联系 110", 1)
    assert alarms.closed_for_staff(OF_ONE_ACCOUNT).alarms == ()


def test_a_second_one_is_told_who_was_first() -> None:
    (first, *_) = alarms.open_for_staff(AGENT)
    alarms.settle(CHIEF, first.id, note="已处理", now=NOW)
    with pytest.raises(alarms.AlarmClosed, match="总"):
        alarms.settle(AGENT, first.id, note="已处理", now=NOW)


def test_a_note_is_needed() -> None:
    (first, *_) = alarms.open_for_staff(AGENT)
    with pytest.raises(Invalid) as refused:
        alarms.settle(AGENT, first.id, note=" ", now=NOW)
    assert refused.value.field == "note"


def test_who_may_only_read_closes_nothing_and_others_alarms_are_not_there() -> None:
    (first, *_) = alarms.open_for_staff(AGENT)
    for member in (READER, OF_ONE_ACCOUNT):
        with pytest.raises(NotFound):
            alarms.settle(member, first.id, note="已处理", now=NOW)
    with pytest.raises(NotFound):
        alarms.settle(CHIEF, 10**6, note="已处理", now=NOW)


def test_closed_ones_come_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarms, "PAGE", 2)
    for alarm in alarms.open_for_staff(CHIEF):
        alarms.settle(CHIEF, alarm.id, note="已处理", now=NOW)

    seen, before = [], None
    while True:
        page = alarms.closed_for_staff(CHIEF, before=before)
        seen += [alarm.subject for alarm in page.alarms]
        before = page.before
        if before is None:
            break
    assert seen == ["桥", "急", "窗", "城", "门"]
