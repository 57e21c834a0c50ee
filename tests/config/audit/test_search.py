"""Searching the audit: what is found, by whom, and at what cost."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import event

from config import audit, database
from config.audit import Actor, AuditEntry, search
from config.audit.actions import AuditAction
from config.audit.search import Query
from config.database import session
from config.errors import Invalid, NotFound
from config.permissions import Forbidden, Permission, PermissionScope, Principal
from keywords.rules.versions import RuleAction
from matrix.accounts.actions import AccountAction
from tests.helpers import NOW

Write = Callable[..., AuditEntry]

CITY = Principal(1, "网信办", {Permission.AUDIT_READ: PermissionScope(everywhere=True)})
CIVIL = Principal(
    2, "民政局", {Permission.AUDIT_READ: PermissionScope(departments=frozenset({7, 8}))}
)
STATION = Principal(
    3, "派出所", {Permission.AUDIT_READ: PermissionScope(departments=frozenset({9}))}
)


@pytest.fixture
def write(rolled_back: None, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write one row; each a second after the last unless it says when."""
    count = iter(range(10**6))

    def one(
        action: AuditAction = RuleAction.UPDATE,
        *,
        at: datetime | None = None,
        actor: Actor = audit.SYSTEM,
        object_id: object = 1,
        department_id: int | None = None,
        account_id: int | None = None,
        **more: object,
    ) -> AuditEntry:
        moment = at or NOW + timedelta(seconds=next(count))
        monkeypatch.setattr("config.clock.now", lambda: moment)
        with audit.acting_as(actor):
            owner = audit.Owner(department_id, account_id)
            entry = audit.record(action, owner=owner, object_id=object_id, **more)  # type: ignore[arg-type]  # the fixture passes on what it is given
        session.flush()
        return entry

    return one


def found(member: Principal, **query: object) -> list[int]:
    return [row.id for row in search.search_for_staff(member, Query(**query)).rows]  # type: ignore[arg-type]  # the test names the fields


def test_the_newest_come_first_and_everything_is_there(write: Write) -> None:
    ids = [write().id for _ in range(3)]
    assert found(CITY) == ids[::-1]


def test_a_department_sees_its_own_and_nothing_of_the_whole_city(write: Write) -> None:
    mine = write(department_id=7)
    below = write(department_id=8)
    others = write(department_id=9)
    citys = write()

    assert found(CIVIL) == [below.id, mine.id]
    assert found(STATION) == [others.id]
    assert found(CIVIL, action="rule.update") == [below.id, mine.id]
    assert found(STATION, label="") == [others.id]
    assert search.access_entry(CIVIL, mine.id) is mine
    for hidden in (others, citys):
        with pytest.raises(NotFound):
            search.access_entry(CIVIL, hidden.id)
    with pytest.raises(NotFound):
        search.access_entry(CITY, citys.id + 1)


def test_who_may_read_no_audit_is_told_so(write: Write) -> None:
    with pytest.raises(Forbidden):
        search.search_for_staff(Principal(4, "编辑"), Query())


def test_a_right_at_one_account_shows_no_department(write: Write) -> None:
    write(department_id=7)
    single = Principal(5, "坐席", {Permission.AUDIT_READ: PermissionScope(accounts=frozenset({7}))})
    assert found(single) == []
    assert found(single, label="x") == []


def test_what_belongs_to_an_account_is_seen_by_the_account_alone(write: Write) -> None:
    mine = write(department_id=7)
    of_account = write(department_id=7, account_id=70)
    moved_here = write(department_id=9, account_id=70)
    moved_away = write(department_id=7, account_id=90)
    without_department = write(account_id=70, label="菜单")
    scope = PermissionScope(departments=frozenset({7}), accounts=frozenset({70}))
    civil = Principal(2, "民政局", {Permission.AUDIT_READ: scope})
    seen = [without_department.id, moved_here.id, of_account.id, mine.id]

    assert found(civil) == seen
    assert found(civil, action="rule.update") == seen
    assert found(civil, label="菜单") == [without_department.id]
    assert found(STATION) == []
    assert search.access_entry(civil, moved_here.id) is moved_here
    with pytest.raises(NotFound):
        search.access_entry(civil, moved_away.id)


def test_many_owners_are_filtered_row_by_row(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_MAX_BRANCHES", 1)
    monkeypatch.setattr(search, "_MAX_SCANNED_BRANCHES", 1)
    mine, of_account = write(department_id=7), write(department_id=9, account_id=70)
    write(department_id=9)
    write(department_id=7, account_id=90)
    scope = PermissionScope(departments=frozenset({7}), accounts=frozenset({70}))
    civil = Principal(2, "民政局", {Permission.AUDIT_READ: scope})
    assert found(civil) == found(civil, action="rule.update") == [of_account.id, mine.id]


def test_each_filter_finds_its_rows_and_no_others(write: Write) -> None:
    editor = Actor("王编辑", staff_id=41, address="192.0.2.7", request_id="abc123")
    hit = write(RuleAction.CREATE, actor=editor, object_id=5, label="社保卡 100%", department_id=7)
    noise = [
        write(RuleAction.DELETE, object_id=6, label="社保卡补办", department_id=7),
        write(AccountAction.PAUSE, object_id=5, label="社保局", department_id=7),
        write(RuleAction.CREATE, actor=Actor("李编辑", staff_id=42), object_id=51, department_id=8),
    ]
    for query in (
        {"person": "王编"},
        {"actor_id": 41},
        {"kind": "rule", "object_id": "5"},
        {"label": "100%"},
        {"request_id": "abc123"},
        {"action": "rule.create", "label": "社保"},
        {"kind": "rule", "label": "0%"},
        {"action": "rule.create", "actor_id": 41, "kind": "rule", "object_id": "5"},
    ):
        assert found(CITY, **query) == [hit.id], query
        assert found(CIVIL, **query) == [hit.id], query
    assert found(CITY, object_id="5") == [noise[1].id, hit.id]
    assert found(CITY, kind="rule") == [noise[2].id, noise[0].id, hit.id]
    assert found(CITY, label="%") == [hit.id]
    assert found(CITY, label="_") == []
    assert found(CITY, request_id="") != [], "what is empty does not matter"


def test_days_are_the_citys_and_both_ends_count(write: Write) -> None:
    before = write(at=datetime(2026, 3, 9, 15, 59, 59, tzinfo=UTC))
    first = write(at=datetime(2026, 3, 9, 16, 0, tzinfo=UTC))
    last = write(at=datetime(2026, 3, 11, 15, 59, 59, tzinfo=UTC))
    after = write(at=datetime(2026, 3, 11, 16, 0, tzinfo=UTC))

    assert found(CITY, first=date(2026, 3, 10), last=date(2026, 3, 11)) == [last.id, first.id]
    assert found(CITY, first=date(2026, 3, 12)) == [after.id]
    assert found(CITY, last=date(2026, 3, 9)) == [before.id]
    with pytest.raises(Invalid) as refused:
        found(CITY, first=date(2026, 3, 11), last=date(2026, 3, 10))
    assert refused.value.field == "last"


@pytest.mark.parametrize("query", [Query(), Query(person="编辑"), Query(action="rule.update")])
@pytest.mark.parametrize("member", [CITY, CIVIL])
def test_pages_follow_each_other_without_gap_or_repeat(
    write: Write, member: Principal, query: Query
) -> None:
    ids = []
    for number in range(23):
        # several in the same instant, as one request writes them
        at = NOW + timedelta(seconds=number // 4)
        actor = Actor("编辑", staff_id=1)
        ids.append(write(at=at, actor=actor, department_id=7 + number % 2).id)
        write(RuleAction.DELETE, at=at, department_id=9)
    query = Query(action="rule.update") if member is CITY and query == Query() else query

    seen: list[int] = []
    before, pages = None, 0
    while True:
        page = search.search_for_staff(member, query, before=before, size=5)
        seen += [row.id for row in page.rows]
        before, pages = page.next_before, pages + 1
        if before is None:
            break
    assert seen == ids[::-1]
    assert pages == 5


def test_a_rare_hit_is_reached_page_by_page(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "SCAN_LIMIT", 10)
    rare = write(label="很久以前")
    reached = [write(label="新") for _ in range(12)][2]

    page = search.search_for_staff(CITY, Query(label="很久"))
    assert page.rows == []
    assert page.scanned_back_to == reached.at
    assert [
        row.id
        for row in search.search_for_staff(CITY, Query(label="很久"), before=page.next_before).rows
    ] == [rare.id]
    end = search.search_for_staff(CITY, Query(label="很久"), before=page.next_before)
    assert (end.next_before, end.scanned_back_to) == (None, None)


def test_a_page_that_was_never_there_begins_at_the_top(write: Write) -> None:
    row = write()
    assert [hit.id for hit in search.search_for_staff(CITY, Query(), before=10**9).rows] == [row.id]


@pytest.mark.parametrize("member", [CITY, CIVIL], ids=["city", "department"])
@pytest.mark.parametrize(
    "query", [Query(), Query(person="编辑"), Query(kind="rule", object_id="1"), Query(label="无")]
)
def test_a_page_asks_the_same_few_questions_however_many_rows(
    write: Write, member: Principal, query: Query
) -> None:
    def asked() -> int:
        statements = []
        listen = lambda *told: statements.append(told[2])  # noqa: E731 - the listener is taken off again
        event.listen(database.engine(), "before_cursor_execute", listen)
        search.search_for_staff(member, query, before=first.id + 10**6)
        event.remove(database.engine(), "before_cursor_execute", listen)
        return len(statements)

    first = write(department_id=7)
    few = asked()
    for _ in range(60):
        write(department_id=8, actor=Actor("编辑", staff_id=1))
    assert asked() <= few
    assert few <= 3
