"""Alerts: each sees their own, urgent ones first; taken, given back, and resolved with a note."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from config import alerts
from config.alerts import Alert, AlertState, Resolution, due, listing
from config.alerts.listing import AlertFilter
from config.audit import AuditEntry
from config.database import session, transaction
from config.errors import Invalid, NotFound
from config.permissions import Permission, PermissionScope, Principal
from tests.helpers import NOW
from tests.helpers.sample_names import SampleAlert

pytestmark = pytest.mark.usefixtures("rolled_back")

MINUTE = timedelta(minutes=1)
BOTH = (Permission.CONVERSATIONS_READ, Permission.ALERTS_RESOLVE)
POLICE = PermissionScope(departments=frozenset({1}), accounts=frozenset({11}))
AGENT = Principal(1, "客服", dict.fromkeys(BOTH, POLICE))
OF_ONE_ACCOUNT = Principal(
    2, "单号客服", dict.fromkeys(BOTH, PermissionScope(accounts=frozenset({12})))
)
CHIEF = Principal(3, "总", dict.fromkeys(BOTH, PermissionScope(everywhere=True)))
READER = Principal(4, "编辑", {Permission.CONVERSATIONS_READ: POLICE})
ALL = AlertFilter()


def make(subject: str, **more: Any) -> int:
    given = {"now": NOW} | more
    alerts.raise_alert(SampleAlert.BROKEN, subject, f"{subject}坏了", **given)
    newest = select(Alert.id).where(Alert.subject == subject).order_by(Alert.id.desc()).limit(1)
    return session.scalars(newest).one()


@pytest.fixture(autouse=True)
def noise(rolled_back: None) -> None:
    make("门", department_id=1)
    make("城")
    make("窗", department_id=1, account_id=11)
    make("急", department_id=1, account_id=11, urgent=True)
    make("桥", department_id=2, account_id=12)


def seen(member: Principal, filters: AlertFilter = ALL) -> list[str]:
    return [alert.subject for alert in listing.list_for_staff(member, filters).alerts]


def first(member: Principal = AGENT) -> Alert:
    return listing.list_for_staff(member, ALL).alerts[0]


def test_each_sees_their_own_and_urgent_ones_stand_first() -> None:
    assert seen(AGENT) == ["急", "窗", "门"]
    assert seen(OF_ONE_ACCOUNT) == ["桥"]
    assert seen(CHIEF) == ["急", "桥", "窗", "城", "门"]
    assert seen(READER) == seen(AGENT)
    assert seen(Principal(5, "无权", {})) == []
    assert len(listing.list_open_for_staff(CHIEF, limit=2)) == 2


def test_filters_narrow_the_list() -> None:
    alerts.take(AGENT, make("窗", department_id=1, account_id=11), now=NOW)
    assert seen(CHIEF, AlertFilter(account_id=11)) == ["急", "窗"]
    assert seen(CHIEF, AlertFilter(department_ids=(2,))) == ["桥"]
    assert seen(CHIEF, AlertFilter(kind="other.kind")) == []
    assert seen(CHIEF, AlertFilter(AlertState.TAKEN)) == ["窗"]
    assert seen(CHIEF, AlertFilter(AlertState.OPEN, account_id=11)) == ["急"]
    assert seen(CHIEF, AlertFilter(AlertState.RESOLVED)) == []


def test_pages_follow_each_other_while_new_alerts_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE_SIZE", 2)
    listed, after = [], None
    while True:
        page = listing.list_for_staff(CHIEF, ALL, after=after)
        listed += [alert.subject for alert in page.alerts]
        make(f"新{len(listed)}", now=NOW + MINUTE)
        after = page.after
        if after is None:
            break
    assert listed == ["急", "桥", "窗", "城", "门"]


@pytest.mark.parametrize("after", ["", "x", "1.2", "2.1.1", "1.99999999999999999.1", "'"])
def test_a_cursor_that_is_none_gives_the_first_page(after: str) -> None:
    assert len(listing.list_for_staff(CHIEF, ALL, after=after).alerts) == 5


def test_resolved_ones_come_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE_SIZE", 2)
    for alert in listing.list_open_for_staff(CHIEF, limit=10):
        alerts.resolve(CHIEF, alert.id, note="已处理", now=NOW)

    listed, after = [], None
    while True:
        page = listing.list_for_staff(CHIEF, AlertFilter(AlertState.RESOLVED), after=after)
        listed += [alert.subject for alert in page.alerts]
        after = page.after
        if after is None:
            break
    assert listed == ["桥", "急", "窗", "城", "门"]


# ---- taking and resolving ----


def test_who_resolves_an_alert_says_what_it_was_and_what_was_done() -> None:
    alert = first()
    alerts.resolve(AGENT, alert.id, note=" 已联系 110 ", resolution=Resolution.FALSE_ALARM, now=NOW)

    assert seen(AGENT) == ["窗", "门"]
    (closed,) = listing.list_for_staff(AGENT, AlertFilter(AlertState.RESOLVED)).alerts
    assert (closed.resolved_by, closed.note, closed.resolved_at) == ("客服", "已联系 110", NOW)
    assert closed.resolution is Resolution.FALSE_ALARM
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "alert.resolve")).one()
    assert (entry.reason, entry.department_id) == ("已联系 110", 1)
    assert seen(OF_ONE_ACCOUNT, AlertFilter(AlertState.RESOLVED)) == []


def test_a_second_one_is_told_who_was_first() -> None:
    alert = first()
    alerts.take(CHIEF, alert.id, now=NOW)
    with pytest.raises(alerts.AlertAlreadyTaken, match="总"):
        alerts.take(AGENT, alert.id, now=NOW)
    with pytest.raises(alerts.AlertAlreadyTaken, match="总"):
        alerts.release(AGENT, alert.id, now=NOW)
    alerts.resolve(CHIEF, alert.id, note="已处理", now=NOW)
    for deed in (alerts.take, alerts.release):
        with pytest.raises(alerts.AlertAlreadyResolved, match="总"):
            deed(AGENT, alert.id, now=NOW)
    with pytest.raises(alerts.AlertAlreadyResolved, match="总"):
        alerts.resolve(AGENT, alert.id, note="已处理", now=NOW)


def test_a_note_is_needed() -> None:
    with pytest.raises(Invalid) as refused:
        alerts.resolve(AGENT, first().id, note=" ", now=NOW)
    assert refused.value.field == "note"


def test_who_may_only_read_does_nothing_and_others_alerts_are_not_there() -> None:
    alert_id = first().id
    for member in (READER, OF_ONE_ACCOUNT):
        with pytest.raises(NotFound):
            alerts.resolve(member, alert_id, note="已处理", now=NOW)
        with pytest.raises(NotFound):
            alerts.take(member, alert_id, now=NOW)
    assert alerts.access_alert(READER, alert_id).id == alert_id
    with pytest.raises(NotFound):
        alerts.access_alert(OF_ONE_ACCOUNT, alert_id)
    with pytest.raises(NotFound):
        alerts.resolve(CHIEF, 10**6, note="已处理", now=NOW)


def test_one_that_was_given_back_is_told_again() -> None:
    alert = first()
    alerts.take(AGENT, alert.id, now=NOW)
    assert alert.id not in due.find_due(now=NOW + MINUTE)
    alerts.release(AGENT, alert.id, now=NOW + MINUTE)

    assert alert.state is AlertState.OPEN
    assert (alert.opened_at, alert.taken_by) == (NOW + MINUTE, None)
    assert alert.id in due.find_due(now=NOW + MINUTE)


# ---- raised again ----


def test_a_repeat_adds_to_the_one_that_is_not_resolved() -> None:
    again = make("门", now=NOW + MINUTE, urgent=True, text="又坏了", object_id=7)
    row = session.get_one(Alert, again, populate_existing=True)
    assert (row.count, row.raised_at, row.last_raised_at) == (2, NOW, NOW + MINUTE)
    assert (row.urgent, row.department_id) == (True, 1)
    assert (row.details, row.object_id) == ({"text": "又坏了"}, 7)
    alerts.resolve(CHIEF, again, note="已处理", now=NOW)

    assert make("门", department_id=1) != again
    assert session.get_one(Alert, again).count == 2
    make("急")
    assert first().urgent, "once urgent, always urgent"


def test_what_somebody_took_is_theirs_for_a_while_and_then_open_again() -> None:
    alert = first()
    alerts.take(AGENT, alert.id, now=NOW)
    make("急", now=NOW + 10 * MINUTE)
    session.refresh(alert)
    assert (alert.state, alert.count, alert.notify_at) == (AlertState.TAKEN, 2, None)

    later = NOW + 16 * MINUTE
    make("急", now=later)
    session.refresh(alert)
    assert (alert.state, alert.count, alert.taken_by_id) == (AlertState.OPEN, 3, None)
    assert alert.opened_at == alert.notify_at == later


def test_a_problem_that_ended_is_resolved_by_the_system() -> None:
    assert alerts.resolve_automatically(SampleAlert.BROKEN, "门", now=NOW)
    assert not alerts.resolve_automatically(SampleAlert.BROKEN, "门", now=NOW)
    (ended,) = listing.list_for_staff(CHIEF, AlertFilter(AlertState.RESOLVED)).alerts
    assert (ended.resolved_by, ended.resolution) == ("system", Resolution.ENDED)
    with pytest.raises(alerts.AlertAlreadyResolved, match="系统"):
        alerts.take(CHIEF, ended.id, now=NOW)


def test_old_resolved_ones_are_deleted_and_the_others_stay() -> None:
    for alert, at in zip(listing.list_open_for_staff(CHIEF, limit=3), (1, 2, 3), strict=True):
        alerts.mark_resolved(alert.id, by="总", now=NOW + at * MINUTE)
    assert alerts.delete_resolved_before(NOW + 2 * MINUTE, at_most=10) == 1
    assert alerts.delete_resolved_before(NOW + MINUTE * 9, at_most=1) == 1
    assert len(seen(CHIEF, AlertFilter(AlertState.RESOLVED))) == 1
    assert len(seen(CHIEF)) == 2


# ---- counted, logged, due ----


def test_the_count_changes_with_whatever_a_reader_would_notice() -> None:
    etags = [listing.count_waiting(AGENT).etag]

    def changed() -> bool:
        etags.append(listing.count_waiting(AGENT).etag)
        return etags[-1] != etags[-2]

    counted = listing.count_waiting(AGENT)
    assert (counted.count, counted.urgent) == (3, 1)
    make("桥", now=NOW + MINUTE)  # of others
    assert listing.count_waiting(AGENT) == counted
    make("门", now=NOW + MINUTE)
    assert changed()
    new = make("墙", now=NOW + MINUTE, department_id=1)
    assert changed()
    alerts.take(AGENT, new, now=NOW)
    assert changed()
    alerts.resolve(AGENT, first().id, note="已处理", now=NOW)
    assert changed()
    assert listing.count_waiting(AGENT).count == 2
    assert listing.count_waiting(Principal(5, "无权", {})).count == 0


def test_an_alert_is_logged_after_the_commit_and_not_when_it_is_undone() -> None:
    session.commit()

    def undone() -> None:
        with transaction():
            make("灯")
            raise RuntimeError("undone")

    with capture_logs() as lines:
        with transaction():
            make("路")
            assert lines == []
        assert [line["event"] for line in lines] == ["alert.raised"]
        with pytest.raises(RuntimeError):
            undone()
        with transaction():
            make("井")
    assert [line["subject"] for line in lines] == ["路", "井"]


def test_what_is_due_is_claimed_by_one_and_again_when_nothing_came_of_it() -> None:
    session.execute(alerts.update(Alert).values(notify_at=None))
    ids = [make("门", now=NOW), make("急", now=NOW)]
    assert due.find_due(now=NOW - MINUTE) == []
    found = due.find_due(now=NOW)
    assert found == list(reversed(ids)), "the urgent one first"

    assert due.claim(found, now=NOW) == found
    assert due.claim(found, now=NOW) == [], "another scheduler looked at the same moment"
    assert due.find_due(now=NOW + timedelta(seconds=2)) == []
    assert due.find_due(now=NOW + timedelta(seconds=3)) == found
    # longer the longer it waits, so that a mistake does not fill the table of jobs
    due.claim(found, now=NOW + 60 * MINUTE)
    assert due.find_due(now=NOW + 64 * MINUTE) == []
    assert due.claim([10**6], now=NOW) == []


def test_a_schedule_does_not_overwrite_what_happened_meanwhile() -> None:
    alert = session.get_one(Alert, make("急"))
    seen_at = alert.notify_at
    assert seen_at is not None
    make("急", now=NOW + MINUTE)
    assert not due.schedule(alert.id, seen=seen_at, at=None)
    session.refresh(alert)
    assert alert.notify_at == NOW + MINUTE
    assert due.schedule(alert.id, seen=NOW + MINUTE, at=None)
    assert alert.id not in due.find_due(now=NOW + MINUTE)
