"""Probes: each question about an account is waiting, settled or failed, with words to act on."""

from datetime import timedelta

import pytest

from config.database import session
from matrix.accounts import Account, connection_checks
from matrix.accounts.callback_stats import CallbackStatus
from matrix.accounts.connection_checks import CheckKind, CheckState, CheckStep
from tests.helpers import NOW
from tests.matrix.conftest import MakeAccount

pytestmark = pytest.mark.usefixtures("rolled_back")

LATER = NOW + timedelta(minutes=5)


def check_states(account: Account, **heard: object) -> dict[CheckKind, CheckStep]:
    """The questions by kind, with what the callback heard."""
    session.expire_all()
    row = CallbackStatus(account_id=account.id, **heard) if heard else None
    noted = connection_checks.by_account([account.id]).get(account.id, {})
    return {step.kind: step for step in connection_checks.steps(row, noted)}


def test_a_new_account_waits_for_everything(make_account: MakeAccount) -> None:
    found = check_states(make_account())

    assert {step.state for step in found.values()} == {CheckState.WAITING}
    assert all(step.title and step.message for step in found.values())
    assert not connection_checks.is_connected(found.values())


def test_the_address_is_settled_by_wechats_check(make_account: MakeAccount) -> None:
    account = make_account()

    assert check_states(account, checked_at=NOW)[CheckKind.ADDRESS].state is CheckState.OK
    assert check_states(account, checked_at=NOW)[CheckKind.PUSH].state is CheckState.WAITING
    assert check_states(account, heard_at=NOW)[CheckKind.ADDRESS].state is CheckState.OK


def test_a_refused_check_says_what_is_wrong(make_account: MakeAccount) -> None:
    step = check_states(make_account(), refused_at=NOW, refused_why="signature")[CheckKind.ADDRESS]

    assert step.state is CheckState.FAILED
    assert "Token" in step.message


def test_a_push_counts_until_a_later_one_is_refused(make_account: MakeAccount) -> None:
    account = make_account()
    bad = {"rejection_reason": "cipher:padding"}

    assert (
        check_states(account, heard_at=LATER, refused_at=NOW, **bad)[CheckKind.PUSH].state
        is CheckState.OK
    )
    refused = check_states(account, heard_at=NOW, refused_at=LATER, **bad)[CheckKind.PUSH]
    assert refused.state is CheckState.FAILED
    assert "EncodingAESKey" in refused.message


def test_a_good_answer_is_remembered_when_the_next_is_bad(make_account: MakeAccount) -> None:
    account, noise = make_account(1), make_account(2)
    connection_checks.record(account.id, CheckKind.TOKEN, CheckState.OK, "好", now=NOW)
    connection_checks.record(noise.id, CheckKind.TOKEN, CheckState.OK, "好", now=NOW)
    connection_checks.record(
        account.id, CheckKind.TOKEN, CheckState.FAILED, "坏", now=LATER, ip="1.2.3.4"
    )

    session.expire_all()
    probe = connection_checks.by_account([account.id])[account.id][CheckKind.TOKEN]
    assert (probe.state, probe.message, probe.details) == (
        CheckState.FAILED,
        "坏",
        {"ip": "1.2.3.4"},
    )
    assert (probe.checked_at, probe.last_ok_at) == (LATER, NOW)


def test_pending_checks_are_postponed_and_known_results_stay(make_account: MakeAccount) -> None:
    account, noise = make_account(1), make_account(2)
    connection_checks.record(account.id, CheckKind.IMPORT, CheckState.OK, "已读取", now=NOW)
    for each in (account, noise):
        connection_checks.mark_waiting(
            each.id, (CheckKind.TOKEN, CheckKind.ABILITY), "正在核对", now=NOW
        )

    connection_checks.update_waiting_message(account.id, "微信没有回应")

    found = check_states(account)
    assert found[CheckKind.TOKEN].message == found[CheckKind.ABILITY].message == "微信没有回应"
    assert found[CheckKind.IMPORT].message == "已读取"
    assert check_states(noise)[CheckKind.TOKEN].message == "正在核对"


def test_an_account_is_connected_when_every_question_is_settled(make_account: MakeAccount) -> None:
    account = make_account()
    for kind in (CheckKind.TOKEN, CheckKind.ALLOW_LIST, CheckKind.ABILITY, CheckKind.IMPORT):
        connection_checks.record(account.id, kind, CheckState.OK, "好", now=NOW)

    assert connection_checks.is_connected(check_states(account, heard_at=NOW).values())
    assert not connection_checks.is_connected(check_states(account, checked_at=NOW).values())
