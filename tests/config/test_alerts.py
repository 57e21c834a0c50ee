"""Alarms for staff: each sees their own, urgent ones first, and says what was done."""

import pytest
from sqlalchemy import select

from config import alerts
from config.alerts import Alert
from config.audit import AuditEntry
from config.database import session
from config.errors import Invalid, NotFound
from config.permissions import Permission, PermissionScope, Principal
from tests.helpers import NOW
from tests.helpers.sample_names import SampleAlert

pytestmark = pytest.mark.usefixtures("rolled_back")

BOTH = (Permission.CONVERSATIONS_READ, Permission.ALERTS_RESOLVE)
POLICE = PermissionScope(departments=frozenset({1}), accounts=frozenset({11}))
AGENT = Principal(1, "客服", dict.fromkeys(BOTH, POLICE))
OF_ONE_ACCOUNT = Principal(
    2, "单号客服", dict.fromkeys(BOTH, PermissionScope(accounts=frozenset({12})))
)
CHIEF = Principal(3, "总", dict.fromkeys(BOTH, PermissionScope(everywhere=True)))
READER = Principal(4, "编辑", {Permission.CONVERSATIONS_READ: POLICE})


def make(subject: str, **owner: int | bool) -> int:
    alerts.raise_alert(SampleAlert.BROKEN, subject, f"{subject}坏了", now=NOW, **owner)
    return session.scalars(select(Alert.id).where(Alert.subject == subject)).one()


@pytest.fixture(autouse=True)
def noise(rolled_back: None) -> None:
    make("门", department_id=1)
    make("城")
    make("窗", department_id=1, account_id=11)
    make("急", department_id=1, account_id=11, urgent=True)
    make("桥", department_id=2, account_id=12)


def seen(member: Principal) -> list[str]:
    return [alarm.subject for alarm in alerts.list_open_for_staff(member)]


def test_each_sees_their_own_and_urgent_ones_stand_first() -> None:
    assert seen(AGENT) == ["急", "窗", "门"]
    assert seen(OF_ONE_ACCOUNT) == ["桥"]
    assert seen(CHIEF) == ["急", "桥", "窗", "城", "门"]
    assert seen(READER) == seen(AGENT)
    assert seen(Principal(5, "无权", {})) == []
    assert len(alerts.list_open_for_staff(CHIEF, limit=2)) == 2


def test_who_closes_an_alert_says_what_was_done() -> None:
    (first, *_) = alerts.list_open_for_staff(AGENT)
    alerts.resolve(AGENT, first.id, note=" 已联系 110 ", now=NOW)

    assert seen(AGENT) == ["窗", "门"]
    (closed,) = alerts.list_resolved_for_staff(AGENT).alerts
    assert (closed.resolved_by, closed.note, closed.resolved_at) == ("客服", "已联系 110", NOW)
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "alert.resolve")).one()
    assert (entry.reason, entry.department_id) == ("已联系 110", 1)
    assert alerts.list_resolved_for_staff(OF_ONE_ACCOUNT).alerts == ()


def test_a_second_one_is_told_who_was_first() -> None:
    (first, *_) = alerts.list_open_for_staff(AGENT)
    alerts.resolve(CHIEF, first.id, note="已处理", now=NOW)
    with pytest.raises(alerts.AlertAlreadyResolved, match="总"):
        alerts.resolve(AGENT, first.id, note="已处理", now=NOW)


def test_a_note_is_needed() -> None:
    (first, *_) = alerts.list_open_for_staff(AGENT)
    with pytest.raises(Invalid) as refused:
        alerts.resolve(AGENT, first.id, note=" ", now=NOW)
    assert refused.value.field == "note"


def test_who_may_only_read_closes_nothing_and_others_alerts_are_not_there() -> None:
    (first, *_) = alerts.list_open_for_staff(AGENT)
    for member in (READER, OF_ONE_ACCOUNT):
        with pytest.raises(NotFound):
            alerts.resolve(member, first.id, note="已处理", now=NOW)
    with pytest.raises(NotFound):
        alerts.resolve(CHIEF, 10**6, note="已处理", now=NOW)


def test_closed_ones_come_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "PAGE_SIZE", 2)
    for alarm in alerts.list_open_for_staff(CHIEF):
        alerts.resolve(CHIEF, alarm.id, note="已处理", now=NOW)

    seen, before = [], None
    while True:
        page = alerts.list_resolved_for_staff(CHIEF, before=before)
        seen += [alarm.subject for alarm in page.alerts]
        before = page.before
        if before is None:
            break
    assert seen == ["桥", "急", "窗", "城", "门"]
