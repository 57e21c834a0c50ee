"""The inbox: every push once, with the answer of the first time, in every process."""

import subprocess
import sys
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from config import clock
from config.database import session, transaction
from matrix import accounts, departments, followers, inbox
from matrix.inbox import Entry, Inbound, Outcome
from tests.fixtures import NOW
from tests.matrix.conftest import wish


@pytest.fixture
def account_id(own_database: str) -> int:
    with transaction():
        owner = departments.add(code="police", name="公安局", kind="", now=NOW)
        return accounts.add(wish(owner), now=NOW).id


def entry(account_id: int, number: int = 1, answer: str = "<xml>答</xml>") -> Entry:
    return Entry(
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
        rule_code="police.id_card",
        answer=answer,
    )


def test_a_repeat_gets_the_answer_of_the_first_time(account_id: int) -> None:
    first = inbox.receive(entry(account_id, answer="<xml>一</xml>"))
    again = inbox.receive(entry(account_id, answer="<xml>二</xml>"))
    with transaction():
        third = inbox.record(entry(account_id, answer="<xml>三</xml>"))

    assert first.is_new
    assert [again, third] == [inbox.Recorded(first.id, "<xml>一</xml>", is_new=False)] * 2


def test_what_was_received_is_stored_as_it_was_said(account_id: int) -> None:
    inbox.receive(entry(account_id))

    with transaction():
        row = session.scalars(select(Inbound)).one()
        follower = followers.find(account_id, "o1")
    assert (row.text, row.content, row.outcome) == ("身份证😀", {"option": None}, Outcome.RULE)
    assert (row.sent_at, row.local_day, row.deliveries) == (NOW, clock.local_day(NOW), 1)
    assert follower is not None
    assert follower.message_at == NOW


def test_a_repeat_does_not_fill_the_followers_window_again(account_id: int) -> None:
    inbox.receive(entry(account_id))
    with transaction():
        follower = followers.find(account_id, "o1")
        assert follower is not None
        followers.reserve(follower.id, now=NOW)

    inbox.receive(entry(account_id))

    with transaction():
        follower = followers.find(account_id, "o1")
        assert follower is not None
        assert follower.sent_since_message == 1


def test_two_accounts_may_get_the_same_message_id(account_id: int) -> None:
    with transaction():
        owner = departments.by_code("police")
        other = accounts.add(wish(owner, 2), now=NOW).id

    assert inbox.receive(entry(account_id)).is_new
    assert inbox.receive(entry(other)).is_new


def test_old_pushes_are_forgotten_in_pieces(account_id: int) -> None:
    for number in range(5):
        inbox.receive(entry(account_id, number))

    with transaction():
        assert inbox.forget(before=NOW, at_most=9) == 0
        assert inbox.forget(before=NOW + timedelta(days=1), at_most=3) == 3
        assert inbox.forget(before=NOW + timedelta(days=1), at_most=9) == 2


@pytest.mark.processes
def test_processes_that_get_the_same_pushes_agree_on_one_answer(account_id: int) -> None:
    program = (
        "import sys, threading\n"
        "from tests.matrix.test_inbox import entry\n"
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
        assert session.scalar(select(func.sum(Inbound.deliveries))) == 360
