"""The board: the worst first, with reasons a person can act on, in few queries."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from config.database import engine, session
from config.tenancy import Right
from matrix import account_tasks, accounts, board, probes
from matrix.account_tasks import Kind as TaskKind
from matrix.board import Facts, Health, Level
from matrix.callbacks import Heard, Rate
from matrix.probes import Kind, Probe, State
from matrix.surveys import Survey
from tests.fixtures import NOW
from tests.matrix.conftest import EVERYWHERE, MakeAccount, member_at

pytestmark = pytest.mark.usefixtures("rolled_back")


def ago(**span: float) -> Any:
    return NOW - timedelta(**span)


@pytest.fixture
def judged(make_account: MakeAccount) -> Any:
    """The judgement over a healthy account with some facts of the test's own."""

    def judge(of_account: dict[str, Any] | None = None, **facts: Any) -> Health:
        account = make_account()
        for name, value in (of_account or {}).items():
            setattr(account, name, value)
        well = {"heard": Heard(checked_at=ago(days=3), heard_at=ago(minutes=5))}
        return board.judge(Facts(account=account, **well | facts), now=NOW)

    return judge


def probe(kind: Kind, state: State, words: str = "", **values: Any) -> dict[Kind, Probe]:
    return {kind: Probe(kind=kind, state=state, words=words, **{"facts": {}} | values)}


def survey(**values: Any) -> Survey:
    return Survey(**{"unanswered": 0, "sent_day": 0, "lost_day": 0} | values)


def test_a_healthy_account_gives_no_reason(judged: Any) -> None:
    health = judged()

    assert (health.level, health.reasons, health.silent_days) == (Level.OK, (), 0)


@pytest.mark.parametrize(
    ("facts", "level", "word"),
    [
        ({"heard": None}, Level.BAD, "尚未接通"),
        ({"of_account": {"state": accounts.State.PAUSED, "pause_reason": "检修"}}, "warn", "检修"),
        ({"of_account": {"previous_token": "x"}}, Level.WARN, "更换密钥"),
        ({"of_account": {"verified_until": date(2026, 3, 9)}}, Level.BAD, "2026-03-09"),
        ({"of_account": {"verified_until": date(2026, 4, 9)}}, Level.WARN, "2026-04-09"),
        ({"of_account": {"verified_until": date(2026, 4, 10)}}, Level.OK, ""),
        ({"rate": Rate(10, 0, 10, 5)}, Level.WARN, "5 次推送被拒绝"),
        ({"rate": Rate(0, 4, 0, 4)}, Level.OK, ""),
        ({"probes": probe(Kind.TOKEN, State.FAILED, "密钥不对。")}, Level.BAD, "密钥不对"),
        ({"probes": probe(Kind.ABILITY, State.FAILED, "认证不符。")}, Level.WARN, "认证不符"),
        ({"probes": probe(Kind.TOKEN, State.OK, ok_at=ago(hours=4))}, Level.WARN, "凭据"),
        ({"probes": probe(Kind.TOKEN, State.OK, ok_at=ago(hours=2))}, Level.OK, ""),
        (
            {"probes": probe(Kind.QUOTA, State.OK, facts={"left": 9, "daily": 100})},
            Level.WARN,
            "9 条",
        ),
        ({"probes": probe(Kind.QUOTA, State.OK, facts={"left": 0, "daily": 100})}, "bad", "用完"),
        ({"survey": survey(unanswered=3)}, Level.WARN, "3 位市民"),
        ({"survey": survey(sent_day=10, lost_day=4)}, Level.WARN, "4 条消息没有送达"),
        ({"survey": survey(sent_day=4, lost_day=4)}, Level.OK, ""),
        ({"open_tasks": 2}, Level.WARN, "2 项密钥"),
        ({"heard": Heard(heard_at=ago(days=10))}, Level.WARN, "10 天"),
        ({"heard": Heard(heard_at=ago(days=14))}, Level.BAD, "14 天"),
        (
            {"heard": Heard(heard_at=ago(hours=2), refused_at=ago(hours=1), refused_why="stale")},
            Level.WARN,
            "服务器时间",
        ),
        (
            {"heard": Heard(heard_at=ago(days=2), refused_at=ago(hours=1), refused_why="stale")},
            Level.BAD,
            "服务器时间",
        ),
    ],
)
def test_each_trouble_is_named(judged: Any, facts: dict[str, Any], level: str, word: str) -> None:
    health = judged(**facts)

    assert health.level == level
    assert word in "；".join(health.reasons)


def test_the_worst_reason_comes_first(judged: Any) -> None:
    health = judged({"verified_until": date(2026, 1, 1)}, open_tasks=1, survey=survey(unanswered=1))

    assert health.level is Level.BAD
    assert len(health.reasons) == 3
    assert "到期" in health.reasons[0]


def test_the_board_shows_own_accounts_the_worst_first(make_account: MakeAccount) -> None:
    well, sick, noise = (make_account(number) for number in (1, 2, 3))
    for account in (well, sick, noise):
        session.add(Heard(account_id=account.id, heard_at=NOW, checked_at=NOW))
    probes.note(sick.id, Kind.ALLOW_LIST, State.FAILED, "不在白名单内。", now=NOW)
    account_tasks.open_for([well.id], TaskKind.KEYS, "甲离岗", now=NOW)
    session.flush()

    found = board.board(EVERYWHERE, Right.ACCOUNTS_READ, now=NOW)
    assert [one.facts.account.id for one in found] == [sick.id, well.id, noise.id]
    assert found[0].facts.department == "owner2局"

    own = board.board(member_at(well.id, Right.ACCOUNTS_READ), Right.ACCOUNTS_READ, now=NOW)
    assert [one.facts.account.id for one in own] == [well.id]


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
        board.board(EVERYWHERE, Right.ACCOUNTS_READ, now=NOW)
        return len(statements)

    make_account(1)
    few = asked()
    for number in range(2, 12):
        account = make_account(number)
        probes.note(account.id, Kind.TOKEN, State.OK, "好", now=NOW)

    assert asked() == few <= 8
