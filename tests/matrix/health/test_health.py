"""The board: the worst first, with reasons a person can act on, in few queries."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from config.database import engine, session
from config.permissions import Permission
from matrix import accounts
from matrix.accounts import connection_checks, todos
from matrix.accounts.callback_stats import CallbackStatus, PushRates
from matrix.accounts.connection_checks import CheckKind, CheckState, ConnectionCheck
from matrix.accounts.todos import TodoKind as TaskKind
from matrix.health import health
from matrix.health.health import AccountHealth, HealthInputs, HealthLevel
from matrix.health.statistics import AccountStats
from tests.helpers import NOW
from tests.matrix.conftest import EVERYWHERE, MakeAccount, principal_at

pytestmark = pytest.mark.usefixtures("rolled_back")


def ago(**span: float) -> Any:
    return NOW - timedelta(**span)


@pytest.fixture
def assess(make_account: MakeAccount) -> Any:
    """The judgement over a healthy account with some facts of the test's own."""

    def judge(of_account: dict[str, Any] | None = None, **facts: Any) -> AccountHealth:
        account = make_account()
        for name, value in (of_account or {}).items():
            setattr(account, name, value)
        well = {"heard": CallbackStatus(verified_at=ago(days=3), last_push_at=ago(minutes=5))}
        return health.assess(HealthInputs(account=account, **well | facts), now=NOW)

    return judge


def connection_check(
    kind: CheckKind, state: CheckState, words: str = "", **values: Any
) -> dict[CheckKind, ConnectionCheck]:
    return {kind: ConnectionCheck(kind=kind, state=state, message=words, **{"facts": {}} | values)}


def account_stats(**values: Any) -> AccountStats:
    return AccountStats(**{"unanswered": 0, "sent_day": 0, "failed_day": 0} | values)


def test_a_healthy_account_gives_no_reason(assess: Any) -> None:
    account_health = assess()

    assert (account_health.level, account_health.reasons, account_health.silent_days) == (
        HealthLevel.OK,
        (),
        0,
    )


@pytest.mark.parametrize(
    ("facts", "level", "word"),
    [
        ({"heard": None}, HealthLevel.BAD, "尚未接通"),
        (
            {"of_account": {"state": accounts.AccountState.PAUSED, "pause_reason": "检修"}},
            "warn",
            "检修",
        ),
        ({"of_account": {"previous_token": "x"}}, HealthLevel.WARN, "更换密钥"),
        ({"of_account": {"verified_until": date(2026, 3, 9)}}, HealthLevel.BAD, "2026-03-09"),
        ({"of_account": {"verified_until": date(2026, 4, 9)}}, HealthLevel.WARN, "2026-04-09"),
        ({"of_account": {"verified_until": date(2026, 4, 10)}}, HealthLevel.OK, ""),
        ({"rate": PushRates(10, 0, 10, 5)}, HealthLevel.WARN, "5 次推送被拒绝"),
        ({"rate": PushRates(0, 4, 0, 4)}, HealthLevel.OK, ""),
        (
            {"probes": connection_check(CheckKind.TOKEN, CheckState.FAILED, "密钥不对。")},
            HealthLevel.BAD,
            "密钥不对",
        ),
        (
            {"probes": connection_check(CheckKind.ABILITY, CheckState.FAILED, "认证不符。")},
            HealthLevel.WARN,
            "认证不符",
        ),
        (
            {"probes": connection_check(CheckKind.TOKEN, CheckState.OK, ok_at=ago(hours=4))},
            HealthLevel.WARN,
            "凭据",
        ),
        (
            {"probes": connection_check(CheckKind.TOKEN, CheckState.OK, ok_at=ago(hours=2))},
            HealthLevel.OK,
            "",
        ),
        (
            {
                "probes": connection_check(
                    CheckKind.QUOTA, CheckState.OK, facts={"left": 9, "daily": 100}
                )
            },
            HealthLevel.WARN,
            "9 条",
        ),
        (
            {
                "probes": connection_check(
                    CheckKind.QUOTA, CheckState.OK, facts={"left": 0, "daily": 100}
                )
            },
            "bad",
            "用完",
        ),
        ({"survey": account_stats(unanswered=3)}, HealthLevel.WARN, "3 位市民"),
        ({"survey": account_stats(sent_day=10, lost_day=4)}, HealthLevel.WARN, "4 条消息没有送达"),
        ({"survey": account_stats(sent_day=4, lost_day=4)}, HealthLevel.OK, ""),
        ({"open_tasks": 2}, HealthLevel.WARN, "2 项密钥"),
        ({"heard": CallbackStatus(last_push_at=ago(days=10))}, HealthLevel.WARN, "10 天"),
        ({"heard": CallbackStatus(last_push_at=ago(days=14))}, HealthLevel.BAD, "14 天"),
        (
            {
                "heard": CallbackStatus(
                    last_push_at=ago(hours=2), rejected_at=ago(hours=1), rejection_reason="stale"
                )
            },
            HealthLevel.WARN,
            "服务器时间",
        ),
        (
            {
                "heard": CallbackStatus(
                    last_push_at=ago(days=2), rejected_at=ago(hours=1), rejection_reason="stale"
                )
            },
            HealthLevel.BAD,
            "服务器时间",
        ),
    ],
)
def test_each_problem_is_named(assess: Any, facts: dict[str, Any], level: str, word: str) -> None:
    account_health = assess(**facts)

    assert account_health.level == level
    assert word in "；".join(account_health.reasons)


def test_the_worst_reason_comes_first(assess: Any) -> None:
    account_health = assess(
        {"verified_until": date(2026, 1, 1)}, open_tasks=1, survey=account_stats(unanswered=1)
    )

    assert account_health.level is HealthLevel.BAD
    assert len(account_health.reasons) == 3
    assert "到期" in account_health.reasons[0]


def test_the_health_list_shows_own_accounts_the_worst_first(make_account: MakeAccount) -> None:
    well, sick, noise = (make_account(number) for number in (1, 2, 3))
    for account in (well, sick, noise):
        session.add(CallbackStatus(account_id=account.id, last_push_at=NOW, verified_at=NOW))
    connection_checks.record(
        sick.id, CheckKind.ALLOW_LIST, CheckState.FAILED, "不在白名单内。", now=NOW
    )
    todos.create_for([well.id], TaskKind.KEYS, "甲离岗", now=NOW)
    session.flush()

    found = health.list_for_staff(EVERYWHERE, Permission.ACCOUNTS_READ, now=NOW)
    assert [one.inputs.account.id for one in found] == [sick.id, well.id, noise.id]
    assert found[0].inputs.department == "owner2局"

    own = health.list_for_staff(
        principal_at(well.id, Permission.ACCOUNTS_READ), Permission.ACCOUNTS_READ, now=NOW
    )
    assert [one.inputs.account.id for one in own] == [well.id]


@pytest.fixture
def statements(rolled_back: None) -> Iterator[list[str]]:
    """What is asked of the database from now on."""
    asked: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        asked.append(statement)

    made = engine()
    event.listen(made, "before_cursor_execute", note)
    yield asked
    event.remove(made, "before_cursor_execute", note)


def test_more_accounts_ask_no_more_questions(
    make_account: MakeAccount, statements: list[str]
) -> None:
    def asked() -> int:
        session.flush()
        session.expunge_all()
        statements.clear()
        health.list_for_staff(EVERYWHERE, Permission.ACCOUNTS_READ, now=NOW)
        return len(statements)

    make_account(1)
    few = asked()
    for number in range(2, 12):
        account = make_account(number)
        connection_checks.record(account.id, CheckKind.TOKEN, CheckState.OK, "好", now=NOW)

    assert asked() == few <= 8
