"""Account tasks: opened once, closed by a change or by a person, and only at one's own accounts."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from config.audit import AuditEntry
from config.database import session
from config.errors import Invalid, NotFound
from config.permissions import Permission
from matrix.accounts import todos
from matrix.accounts.todos import TodoKind
from tests.helpers import NOW
from tests.matrix.conftest import MakeAccount, principal_at

pytestmark = pytest.mark.usefixtures("rolled_back")


def test_the_same_todo_is_opened_once(make_account: MakeAccount) -> None:
    first, second, noise = (make_account(number) for number in (1, 2, 3))

    assert len(todos.create_for([first.id], TodoKind.KEYS, "甲离岗", now=NOW)) == 1
    assert len(todos.create_for([first.id, second.id], TodoKind.KEYS, "甲离岗", now=NOW)) == 1
    assert len(todos.create_for([first.id], TodoKind.KEYS, "乙离岗", now=NOW)) == 1

    counts = todos.count_open([first.id, second.id, noise.id])
    assert counts == {first.id: 2, second.id: 1}


def test_a_todo_of_an_account_that_is_not_there_is_not_opened(make_account: MakeAccount) -> None:
    account = make_account()

    assert todos.create_for([account.id + 1], TodoKind.KEYS, "甲离岗", now=NOW) == []


def test_a_person_closes_a_todo_once_and_says_how(make_account: MakeAccount) -> None:
    account = make_account()
    (task,) = todos.create_for([account.id], TodoKind.SECRET, "甲离岗", now=NOW)
    session.flush()

    with pytest.raises(Invalid):
        todos.complete(task, " ", now=NOW)
    assert todos.complete(task, "此人没有接触过密钥", now=NOW + timedelta(hours=1))
    assert not todos.complete(task, "再点一次", now=NOW + timedelta(hours=2))

    (kept,) = todos.list_for_account(account.id)
    assert (kept.done_at, kept.resolution) == (NOW + timedelta(hours=1), "此人没有接触过密钥")
    session.flush()
    own = select(AuditEntry.action).where(AuditEntry.action.startswith("account_todo"))
    assert list(session.scalars(own.order_by(AuditEntry.id))) == [
        "account_todo.create",
        "account_todo.complete",
    ]


def test_open_todos_come_first_then_the_newest(make_account: MakeAccount) -> None:
    account = make_account()
    for why in ("甲离岗", "乙离岗", "丙离岗"):
        todos.create_for([account.id], TodoKind.KEYS, why, now=NOW)
        session.flush()
    newest = todos.list_for_account(account.id)[0]
    todos.complete(newest, "已处理", now=NOW)

    whys = [task.reason for task in todos.list_for_account(account.id)]
    assert whys == ["乙离岗", "甲离岗", "丙离岗"]


def test_a_todo_is_there_only_for_who_manages_its_account(make_account: MakeAccount) -> None:
    mine, noise = make_account(1), make_account(2)
    tasks = todos.create_for([mine.id, noise.id], TodoKind.KEYS, "甲离岗", now=NOW)
    session.flush()
    by_account = {task.account_id: task.id for task in tasks}
    member = principal_at(mine.id, Permission.ACCOUNTS_MANAGE)

    found = todos.access_todo(member, by_account[mine.id], Permission.ACCOUNTS_MANAGE)
    assert found.account_id == mine.id
    with pytest.raises(NotFound):
        todos.access_todo(member, by_account[noise.id], Permission.ACCOUNTS_MANAGE)
    with pytest.raises(NotFound):
        todos.access_todo(member, by_account[mine.id], Permission.ACCOUNTS_READ)
