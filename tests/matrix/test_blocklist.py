"""Blocklist: who is blocked, since when and why; and WeChat's own list, kept in line by a job."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from config import cache_versions
from config.audit import AuditEntry
from config.database import session
from config.errors import Invalid, NotFound
from config.permissions import Permission, PermissionScope, Principal
from matrix import blocklist, followers
from matrix.accounts import Account
from matrix.blocklist import BlacklistTask, BlocklistEntry, BlockState, WechatBlacklistState
from tests.helpers import NOW
from tests.matrix.conftest import MakeAccount

pytestmark = pytest.mark.usefixtures("rolled_back")


@pytest.fixture
def account(make_account: MakeAccount) -> Account:
    """An account with a follower; another one has the same openid."""
    made, other = make_account(1), make_account(2)
    followers.record_message(made.id, "o1", now=NOW)
    followers.record_message(other.id, "o1", now=NOW)
    return made


@pytest.fixture
def agent(account: Account) -> Principal:
    area = PermissionScope(accounts=frozenset({account.id}))
    return Principal(1, "客服", {Permission.CONVERSATIONS_REPLY: area})


@pytest.fixture
def follower_id(account: Account) -> int:
    found = followers.find(account.id, "o1")
    assert found is not None
    return found.id


def block(
    agent: Principal, follower_id: int, *, also: bool = False, reason: str = "谩骂"
) -> BlocklistEntry:
    return blocklist.block(agent, follower_id, reason=reason, also_at_wechat=also, now=NOW)


def test_a_blocked_follower_is_silent_at_this_account_only(
    account: Account, agent: Principal, follower_id: int
) -> None:
    before = cache_versions.current().get("blocklist", 0)
    block(agent, follower_id)

    assert blocklist.blocked_pairs() == {(account.id, "o1")}
    assert cache_versions.current()["blocklist"] == before + 1
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "follower.block")).one()
    assert (entry.reason, entry.object_id) == ("谩骂", str(follower_id))
    assert "o1" not in (entry.object_label, str(entry.after))


def test_an_unblocked_follower_can_be_blocked_again(agent: Principal, follower_id: int) -> None:
    block(agent, follower_id)
    blocklist.unblock(agent, follower_id)
    assert blocklist.blocked_pairs() == frozenset()

    again = block(agent, follower_id, reason="又来")
    assert (again.state, again.reason) == (BlockState.ACTIVE, "又来")


def test_twice_is_refused(agent: Principal, follower_id: int) -> None:
    with pytest.raises(blocklist.NotBlocked):
        blocklist.unblock(agent, follower_id)
    block(agent, follower_id)
    with pytest.raises(blocklist.AlreadyBlocked):
        block(agent, follower_id)


@pytest.mark.parametrize("reason", ["", " 骂 ", "字" * 201])
def test_a_block_needs_a_reason(agent: Principal, follower_id: int, reason: str) -> None:
    with pytest.raises(Invalid) as refused:
        block(agent, follower_id, reason=reason)
    assert refused.value.field == "reason"


def test_others_followers_are_not_there(follower_id: int) -> None:
    stranger = Principal(
        2, "外人", {Permission.CONVERSATIONS_REPLY: PermissionScope(accounts=frozenset({10**6}))}
    )
    for deed in (
        lambda: block(stranger, follower_id),
        lambda: blocklist.unblock(stranger, follower_id),
    ):
        with pytest.raises(NotFound):
            deed()


def test_without_wechats_list_there_is_no_blacklist_task(
    agent: Principal, follower_id: int, enqueued_jobs: Callable[[], list[str]]
) -> None:
    block(agent, follower_id)

    assert blocklist.BlocklistJob.SYNC not in enqueued_jobs()
    assert blocklist.find_pending_task(follower_id) is None


def test_wechats_list_is_asked_there_and_back(
    account: Account, agent: Principal, follower_id: int, enqueued_jobs: Callable[[], list[str]]
) -> None:
    block(agent, follower_id, also=True)
    assert enqueued_jobs().count(blocklist.BlocklistJob.SYNC) == 1
    there = blocklist.find_pending_task(follower_id)
    assert there == BlacklistTask(account.id, "o1", add=True)
    blocklist.mark_done(follower_id, there)
    assert at_wechat(follower_id) is WechatBlacklistState.DONE

    blocklist.unblock(agent, follower_id)
    back = blocklist.find_pending_task(follower_id)
    assert back == BlacklistTask(account.id, "o1", add=False)
    blocklist.mark_done(follower_id, there)
    assert at_wechat(follower_id) is WechatBlacklistState.REMOVING, (
        "a late worker writes over nothing"
    )
    blocklist.mark_done(follower_id, back)
    assert at_wechat(follower_id) is WechatBlacklistState.NONE
    assert blocklist.find_pending_task(follower_id) is None


def test_what_wechat_refuses_is_written_down_and_we_stay_silent(
    account: Account, agent: Principal, follower_id: int
) -> None:
    block(agent, follower_id, also=True)
    errand = blocklist.find_pending_task(follower_id)
    assert errand is not None
    blocklist.mark_done(follower_id, errand, problem="没有权限")

    found = blocklist.find(follower_id)
    assert found is not None
    assert (found.at_wechat, found.problem) == (WechatBlacklistState.FAILED, "没有权限")
    assert blocklist.blocked_pairs() == {(account.id, "o1")}


def at_wechat(follower_id: int) -> WechatBlacklistState:
    found = blocklist.find(follower_id)
    assert found is not None
    return found.at_wechat
