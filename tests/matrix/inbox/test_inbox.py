"""The inbox: every push once, with the answer of the first time, in every process."""

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from config import clock
from config.database import session, transaction
from matrix import accounts, departments, followers, inbox
from matrix.inbox import InboxMessage, NewInboxMessage, Outcome, fast_store
from tests.helpers import NOW
from tests.matrix.conftest import account_spec


@pytest.fixture
def account_id(own_database: str) -> int:
    with transaction():
        owner = departments.create(slug="police", name="公安局", kind="", now=NOW)
        return accounts.create(account_spec(owner), now=NOW).id


def inbox_entry(account_id: int, number: int = 1, answer: str = "<xml>答</xml>") -> NewInboxMessage:
    return NewInboxMessage(
        account_id=account_id,
        dedupe_key=f"m:o1:{number}",
        openid="o1",
        kind="text",
        text="身份证😀",
        content={"option": None},
        sent_at=NOW,
        received_at=NOW,
        local_day=clock.local_day(NOW),
        outcome=Outcome.RULE,
        rule_slug="police.id_card",
        answer=answer,
    )


def test_a_repeat_gets_the_answer_of_the_first_time(account_id: int) -> None:
    first = inbox.receive(inbox_entry(account_id, answer="<xml>一</xml>"))
    again = inbox.receive(inbox_entry(account_id, answer="<xml>二</xml>"))
    with transaction():
        third = inbox.record(inbox_entry(account_id, answer="<xml>三</xml>"))

    assert first.is_new
    assert [again, third] == [inbox.RecordResult(first.id, "<xml>一</xml>", is_new=False)] * 2


def test_what_was_received_is_stored_as_it_was_said(account_id: int) -> None:
    inbox.receive(inbox_entry(account_id))

    with transaction():
        row = session.scalars(select(InboxMessage)).one()
        follower = followers.find(account_id, "o1")
    assert (row.text, row.content, row.outcome) == ("身份证😀", {"option": None}, Outcome.RULE)
    assert (row.sent_at, row.local_day, row.deliveries) == (NOW, clock.local_day(NOW), 1)
    assert follower is not None
    assert follower.message_at == NOW


def test_a_repeat_does_not_fill_the_followers_window_again(account_id: int) -> None:
    inbox.receive(inbox_entry(account_id))
    with transaction():
        follower = followers.find(account_id, "o1")
        assert follower is not None
        followers.reserve_message(follower.id, now=NOW)

    inbox.receive(inbox_entry(account_id))

    with transaction():
        follower = followers.find(account_id, "o1")
        assert follower is not None
        assert follower.sent_since_message == 1


def test_two_accounts_may_get_the_same_message_id(account_id: int) -> None:
    with transaction():
        owner = departments.get_by_slug("police")
        other = accounts.create(account_spec(owner, 2), now=NOW).id

    assert inbox.receive(inbox_entry(account_id)).is_new
    assert inbox.receive(inbox_entry(other)).is_new


def test_old_pushes_are_deleted_in_batches(account_id: int) -> None:
    for number in range(5):
        inbox.receive(inbox_entry(account_id, number))

    with transaction():
        assert inbox.delete_older_than(before=NOW, at_most=9) == 0
        assert inbox.delete_older_than(before=NOW + timedelta(days=1), at_most=3) == 3
        assert inbox.delete_older_than(before=NOW + timedelta(days=1), at_most=9) == 2


@contextmanager
def record_concurrently(
    entries: list[NewInboxMessage],
) -> Iterator[list[Future[inbox.RecordResult]]]:
    """The first entry waits for the database's lock, and behind it all the others.

    Gives what will become of them once the lock is let go at the end.
    """
    with ThreadPoolExecutor(len(entries)) as pool, transaction():
        session.connection()
        asked = [pool.submit(inbox.receive, entries[0])]
        wait_until_queued(0)
        for place, one in enumerate(entries[1:], 1):
            asked.append(pool.submit(inbox.receive, one))
            wait_until_queued(place)
        yield asked


def wait_until_queued(count: int) -> None:
    """Until the first has its turn and so many wait for the next."""
    while (
        len(fast_store._group_commit._queue) != count
        or not fast_store._group_commit._batch_lock.locked()
    ):
        threading.Event().wait(0.005)


on_sqlite = pytest.mark.parametrize("database_server", ["sqlite"], indirect=True)


@on_sqlite
def test_pushes_that_wait_at_the_same_moment_share_a_transaction(account_id: int) -> None:
    said: list[str] = []
    fast_store._shared_connection.connection().set_trace_callback(said.append)

    with record_concurrently(
        [inbox_entry(account_id, number, f"<xml>{number}</xml>") for number in range(5)]
    ) as asked:
        assert not any(one.done() for one in asked)

    assert [one.result(10).answer for one in asked] == [
        f"<xml>{number}</xml>" for number in range(5)
    ]
    assert len({one.result().id for one in asked}) == 5
    assert said.count("COMMIT") == 2


@on_sqlite
def test_a_push_that_cannot_be_written_spoils_nothing_for_those_beside_it(account_id: int) -> None:
    stray = replace(inbox_entry(account_id, 2), account_id=account_id + 1)
    with record_concurrently(
        [inbox_entry(account_id, 0), inbox_entry(account_id, 1), stray, inbox_entry(account_id, 3)]
    ) as asked:
        pass

    assert isinstance(asked[2].exception(10), IntegrityError | fast_store.sqlite3.IntegrityError)
    assert all(asked[at].result(10).is_new for at in (0, 1, 3))
    with transaction():
        keys = session.scalars(select(InboxMessage.dedupe_key).order_by(InboxMessage.id)).all()
    assert keys == ["m:o1:0", "m:o1:1", "m:o1:3"]


@on_sqlite
def test_a_repeat_beside_the_first_gets_its_answer(account_id: int) -> None:
    first, again = (
        inbox_entry(account_id, 1, "<xml>一</xml>"),
        inbox_entry(account_id, 1, "<xml>二</xml>"),
    )
    with record_concurrently([inbox_entry(account_id, 0), first, again]) as asked:
        pass

    told = [one.result(10) for one in asked[1:]]
    assert [(one.answer, one.is_new) for one in told] == [
        ("<xml>一</xml>", True),
        ("<xml>一</xml>", False),
    ]


@on_sqlite
@pytest.mark.processes
def test_a_process_killed_before_the_commit_has_told_nobody_anything(account_id: int) -> None:
    program = (
        "import os, signal, sys\n"
        "from config import direct\n"
        "from matrix import inbox\n"
        "from tests.matrix.inbox.test_inbox import at_once, entry\n"
        "commits = []\n"
        "def kill_at_the_second(statement):\n"
        "    commits.extend([statement] * (statement == 'COMMIT'))\n"
        "    if len(commits) == 2: os.kill(os.getpid(), signal.SIGKILL)\n"
        "direct._shared.connection().set_trace_callback(kill_at_the_second)\n"
        "with at_once([entry(int(sys.argv[1]), number) for number in range(4)]) as asked:\n"
        "    for one in asked:\n"
        "        one.add_done_callback(lambda one: print(one.result().id, flush=True))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, str(account_id)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == -9
    with transaction():
        assert [str(key) for key in session.scalars(select(InboxMessage.id))] == ran.stdout.split()
    assert len(ran.stdout.split()) == 1


@pytest.mark.processes
def test_processes_that_get_the_same_pushes_agree_on_one_answer(account_id: int) -> None:
    program = (
        "import sys, threading\n"
        "from tests.matrix.inbox.test_inbox import entry\n"
        "from matrix import inbox\n"
        "said = []\n"
        "def push(me):\n"
        "    for number in range(40):\n"
        "        got = inbox.receive(entry(int(sys.argv[1]), number, f'{sys.argv[2]}-{me}'))\n"
        "        said.append(f'{number} {got.answer} {got.is_new}')\n"
        "threads = [threading.Thread(target=push, args=(me,)) for me in range(3)]\n"
        "[thread.start() for thread in threads]; [thread.join() for thread in threads]\n"
        "print('\\n'.join(said))\n"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(account_id), name],
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("a", "b", "c")
    ]
    lines = [line.split() for one in running for line in one.communicate()[0].splitlines()]

    assert len(lines) == 40 * 9
    assert Counter(is_new for _, _, is_new in lines) == {"True": 40, "False": 320}
    assert len({(number, answer) for number, answer, _ in lines}) == 40
    with transaction():
        assert session.scalar(select(func.sum(InboxMessage.deliveries))) == 360


@pytest.mark.parametrize("database_server", ["postgresql"], indirect=True)
def test_a_thread_that_ends_leaves_no_connection_open(
    account_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Any] = []
    open_one = fast_store._open_connection

    def watched() -> Any:
        opened.append(open_one())
        return opened[-1]

    monkeypatch.setattr(fast_store, "_open_connection", watched)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(inbox.receive, inbox_entry(account_id)).result(10)
        assert [one.closed for one in opened] == [False]
    assert [one.closed for one in opened] == [True]
