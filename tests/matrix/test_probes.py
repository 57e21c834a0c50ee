"""Probes: each question about an account is waiting, settled or failed, with words to act on."""

from datetime import timedelta

import pytest

from config.database import session
from matrix import probes
from matrix.accounts import Account
from matrix.callbacks import Heard
from matrix.probes import Kind, State, Step
from tests.fixtures import NOW
from tests.matrix.conftest import MakeAccount

pytestmark = pytest.mark.usefixtures("rolled_back")

LATER = NOW + timedelta(minutes=5)


def steps(account: Account, **heard: object) -> dict[Kind, Step]:
    """The questions by kind, with what the callback heard."""
    session.expire_all()
    row = Heard(account_id=account.id, **heard) if heard else None
    noted = probes.of_accounts([account.id]).get(account.id, {})
    return {step.kind: step for step in probes.steps(row, noted)}


def test_a_new_account_waits_for_everything(make_account: MakeAccount) -> None:
    found = steps(make_account())

    assert {step.state for step in found.values()} == {State.WAITING}
    assert all(step.title and step.words for step in found.values())
    assert not probes.is_connected(found.values())


def test_the_address_is_settled_by_wechats_check(make_account: MakeAccount) -> None:
    account = make_account()

    assert steps(account, checked_at=NOW)[Kind.ADDRESS].state is State.OK
    assert steps(account, checked_at=NOW)[Kind.PUSH].state is State.WAITING
    assert steps(account, heard_at=NOW)[Kind.ADDRESS].state is State.OK


def test_a_refused_check_says_what_is_wrong(make_account: MakeAccount) -> None:
    step = steps(make_account(), refused_at=NOW, refused_why="signature")[Kind.ADDRESS]

    assert step.state is State.FAILED
    assert "Token" in step.words


def test_a_push_counts_until_a_later_one_is_refused(make_account: MakeAccount) -> None:
    account = make_account()
    bad = {"refused_why": "cipher:padding"}

    assert steps(account, heard_at=LATER, refused_at=NOW, **bad)[Kind.PUSH].state is State.OK
    refused = steps(account, heard_at=NOW, refused_at=LATER, **bad)[Kind.PUSH]
    assert refused.state is State.FAILED
    assert "EncodingAESKey" in refused.words


def test_a_good_answer_is_remembered_when_the_next_is_bad(make_account: MakeAccount) -> None:
    account, noise = make_account(1), make_account(2)
    probes.note(account.id, Kind.TOKEN, State.OK, "好", now=NOW)
    probes.note(noise.id, Kind.TOKEN, State.OK, "好", now=NOW)
    probes.note(account.id, Kind.TOKEN, State.FAILED, "坏", now=LATER, ip="1.2.3.4")

    session.expire_all()
    probe = probes.of_accounts([account.id])[account.id][Kind.TOKEN]
    assert (probe.state, probe.words, probe.facts) == (State.FAILED, "坏", {"ip": "1.2.3.4"})
    assert (probe.at, probe.ok_at) == (LATER, NOW)


def test_what_waits_is_shelved_and_what_is_known_stays(make_account: MakeAccount) -> None:
    account, noise = make_account(1), make_account(2)
    probes.note(account.id, Kind.IMPORT, State.OK, "已读取", now=NOW)
    for each in (account, noise):
        probes.waits(each.id, (Kind.TOKEN, Kind.ABILITY), "正在核对", now=NOW)

    probes.shelve(account.id, "微信没有回应")

    found = steps(account)
    assert found[Kind.TOKEN].words == found[Kind.ABILITY].words == "微信没有回应"
    assert found[Kind.IMPORT].words == "已读取"
    assert steps(noise)[Kind.TOKEN].words == "正在核对"


def test_an_account_is_connected_when_every_question_is_settled(make_account: MakeAccount) -> None:
    account = make_account()
    for kind in (Kind.TOKEN, Kind.ALLOW_LIST, Kind.ABILITY, Kind.IMPORT):
        probes.note(account.id, kind, State.OK, "好", now=NOW)

    assert probes.is_connected(steps(account, heard_at=NOW).values())
    assert not probes.is_connected(steps(account, checked_at=NOW).values())
