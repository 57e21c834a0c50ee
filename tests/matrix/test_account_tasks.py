"""Account tasks: opened once, closed by a change or by a person, and only at one's own accounts."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from config.audit import Entry
from config.database import session
from config.errors import Invalid, NotFound
from config.tenancy import Right
from matrix import account_tasks
from matrix.account_tasks import Kind
from tests.fixtures import NOW
from tests.matrix.conftest import MakeAccount, member_at

pytestmark = pytest.mark.usefixtures("rolled_back")


def test_the_same_task_is_opened_once(make_account: MakeAccount) -> None:
    first, second, noise = (make_account(number) for number in (1, 2, 3))

    assert len(account_tasks.open_for([first.id], Kind.KEYS, "甲离岗", now=NOW)) == 1
    assert len(account_tasks.open_for([first.id, second.id], Kind.KEYS, "甲离岗", now=NOW)) == 1
    assert len(account_tasks.open_for([first.id], Kind.KEYS, "乙离岗", now=NOW)) == 1

    counts = account_tasks.open_counts([first.id, second.id, noise.id])
    assert counts == {first.id: 2, second.id: 1}


def test_a_task_of_an_account_that_is_not_there_is_not_opened(make_account: MakeAccount) -> None:
    account = make_account()

    assert account_tasks.open_for([account.id + 1], Kind.KEYS, "甲离岗", now=NOW) == []


def test_a_person_closes_a_task_once_and_says_how(make_account: MakeAccount) -> None:
    account = make_account()
    (task,) = account_tasks.open_for([account.id], Kind.SECRET, "甲离岗", now=NOW)
    session.flush()

    with pytest.raises(Invalid):
        account_tasks.done(task, " ", now=NOW)
    assert account_tasks.done(task, "此人没有接触过密钥", now=NOW + timedelta(hours=1))
    assert not account_tasks.done(task, "再点一次", now=NOW + timedelta(hours=2))

    (kept,) = account_tasks.of_account(account.id)
    assert (kept.done_at, kept.done_how) == (NOW + timedelta(hours=1), "此人没有接触过密钥")
    session.flush()
    own = select(Entry.action).where(Entry.action.startswith("account_task"))
    assert list(session.scalars(own.order_by(Entry.id))) == [
        "account_task.open",
        "account_task.done",
    ]


def test_open_tasks_come_first_then_the_newest(make_account: MakeAccount) -> None:
    account = make_account()
    for why in ("甲离岗", "乙离岗", "丙离岗"):
        account_tasks.open_for([account.id], Kind.KEYS, why, now=NOW)
        session.flush()
    newest = account_tasks.of_account(account.id)[0]
    account_tasks.done(newest, "已处理", now=NOW)

    whys = [task.why for task in account_tasks.of_account(account.id)]
    assert whys == ["乙离岗", "甲离岗", "丙离岗"]


def test_a_task_is_there_only_for_who_manages_its_account(make_account: MakeAccount) -> None:
    mine, noise = make_account(1), make_account(2)
    tasks = account_tasks.open_for([mine.id, noise.id], Kind.KEYS, "甲离岗", now=NOW)
    session.flush()
    by_account = {task.account_id: task.id for task in tasks}
    member = member_at(mine.id, Right.ACCOUNTS_MANAGE)

    found = account_tasks.access_task(member, by_account[mine.id], Right.ACCOUNTS_MANAGE)
    assert found.account_id == mine.id
    with pytest.raises(NotFound):
        account_tasks.access_task(member, by_account[noise.id], Right.ACCOUNTS_MANAGE)
    with pytest.raises(NotFound):
        account_tasks.access_task(member, by_account[mine.id], Right.ACCOUNTS_READ)
