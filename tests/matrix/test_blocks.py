"""Blocks: who is silent, since when and why; and WeChat's own list, brought along by a job."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from config import revisions
from config.audit import Entry
from config.database import session
from config.errors import Invalid, NotFound
from config.tenancy import Area, Member, Right
from matrix import blocks, followers
from matrix.accounts import Account
from matrix.blocks import AtWechat, Block, Errand, State
from tests.fixtures import NOW
from tests.matrix.conftest import MakeAccount

pytestmark = pytest.mark.usefixtures("rolled_back")


@pytest.fixture
def account(make_account: MakeAccount) -> Account:
    """An account with a follower; another one has the same openid."""
    made, other = make_account(1), make_account(2)
    followers.wrote(made.id, "o1", now=NOW)
    followers.wrote(other.id, "o1", now=NOW)
    return made


@pytest.fixture
def agent(account: Account) -> Member:
    area = Area(accounts=frozenset({account.id}))
    return Member(1, "客服", {Right.TALKS_ANSWER: area})


@pytest.fixture
def follower_id(account: Account) -> int:
    found = followers.find(account.id, "o1")
    assert found is not None
    return found.id


def block(agent: Member, follower_id: int, *, also: bool = False, reason: str = "谩骂") -> Block:
    return blocks.block(agent, follower_id, reason=reason, also_at_wechat=also, now=NOW)


def test_a_blocked_follower_is_silent_at_this_account_only(
    account: Account, agent: Member, follower_id: int
) -> None:
    before = revisions.current().get("followers", 0)
    block(agent, follower_id)

    assert blocks.silent() == {(account.id, "o1")}
    assert revisions.current()["followers"] == before + 1
    entry = session.scalars(select(Entry).where(Entry.action == "follower.block")).one()
    assert (entry.reason, entry.object_id) == ("谩骂", str(follower_id))
    assert "o1" not in (entry.object_label, str(entry.after))


def test_a_lifted_block_is_none_and_can_be_laid_again(agent: Member, follower_id: int) -> None:
    block(agent, follower_id)
    blocks.lift(agent, follower_id)
    assert blocks.silent() == frozenset()

    again = block(agent, follower_id, reason="又来")
    assert (again.state, again.reason) == (State.ACTIVE, "又来")


def test_twice_is_refused(agent: Member, follower_id: int) -> None:
    with pytest.raises(blocks.NotBlocked):
        blocks.lift(agent, follower_id)
    block(agent, follower_id)
    with pytest.raises(blocks.AlreadyBlocked):
        block(agent, follower_id)


@pytest.mark.parametrize("reason", ["", " 骂 ", "字" * 201])
def test_a_block_needs_a_reason(agent: Member, follower_id: int, reason: str) -> None:
    with pytest.raises(Invalid) as refused:
        block(agent, follower_id, reason=reason)
    assert refused.value.field == "reason"


def test_others_followers_are_not_there(follower_id: int) -> None:
    stranger = Member(2, "外人", {Right.TALKS_ANSWER: Area(accounts=frozenset({10**6}))})
    for deed in (lambda: block(stranger, follower_id), lambda: blocks.lift(stranger, follower_id)):
        with pytest.raises(NotFound):
            deed()


def test_without_wechats_list_there_is_no_errand(
    agent: Member, follower_id: int, enqueued: Callable[[], list[str]]
) -> None:
    block(agent, follower_id)

    assert blocks.CARRY not in enqueued()
    assert blocks.errand(follower_id) is None


def test_wechats_list_is_asked_there_and_back(
    account: Account, agent: Member, follower_id: int, enqueued: Callable[[], list[str]]
) -> None:
    block(agent, follower_id, also=True)
    assert enqueued().count(blocks.CARRY) == 1
    there = blocks.errand(follower_id)
    assert there == Errand(account.id, "o1", on=True)
    blocks.carried(follower_id, there)
    assert at_wechat(follower_id) is AtWechat.DONE

    blocks.lift(agent, follower_id)
    back = blocks.errand(follower_id)
    assert back == Errand(account.id, "o1", on=False)
    blocks.carried(follower_id, there)
    assert at_wechat(follower_id) is AtWechat.LIFTING, "a late worker writes over nothing"
    blocks.carried(follower_id, back)
    assert at_wechat(follower_id) is AtWechat.NONE
    assert blocks.errand(follower_id) is None


def test_what_wechat_refuses_is_written_down_and_we_stay_silent(
    account: Account, agent: Member, follower_id: int
) -> None:
    block(agent, follower_id, also=True)
    errand = blocks.errand(follower_id)
    assert errand is not None
    blocks.carried(follower_id, errand, problem="没有权限")

    found = blocks.of(follower_id)
    assert found is not None
    assert (found.at_wechat, found.problem) == (AtWechat.FAILED, "没有权限")
    assert blocks.silent() == {(account.id, "o1")}


def at_wechat(follower_id: int) -> AtWechat:
    found = blocks.of(follower_id)
    assert found is not None
    return found.at_wechat
