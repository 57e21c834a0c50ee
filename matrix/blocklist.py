"""Blocklist: followers whom an account does not answer, and why.

    block --> ACTIVE --unblock--> UNBLOCKED

    at WeChat, if asked for:  NONE --> ADDING --> DONE --> REMOVING --> NONE
                                          +-----> FAILED <----+

A blocked follower gets no reply as soon as the processes have reloaded their snapshot; the callback
asks a set in memory, not this table. Emergency words are heard all the same. WeChat's own blacklist
(wechat-platform.md 8) also keeps the messages from reaching us; a job brings it in line.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, mapped_column

from config import audit, cache_versions, jobs
from config.audit.actions import AuditAction
from config.database import Base, BigKey, compare_and_set, get_for_update, session, upsert
from config.errors import DomainError, Invalid
from config.jobs import JobName
from config.permissions import Permission, Principal
from matrix import followers
from matrix.accounts import Account
from matrix.followers import Follower

CACHE_KEY = "blocklist"

_LONGEST_REASON = 200


class BlocklistAction(AuditAction, kind=followers.AUDIT_KIND):
    """What is recorded about the blocklist."""

    BLOCK = "follower.block", "屏蔽市民"
    UNBLOCK = "follower.unblock", "取消屏蔽市民"


class BlocklistJob(JobName):
    """Jobs about the blocklist."""

    SYNC = "blocklist.sync", "同步微信黑名单"


class AlreadyBlocked(DomainError):
    """Somebody else blocked the follower first."""

    text = "这位粉丝已被屏蔽。"


class NotBlocked(DomainError):
    """The follower is not blocked, or somebody else unblocked them first."""

    text = "这位粉丝没有被屏蔽。"


class BlockState(StrEnum):
    """Whether the hub ignores the follower."""

    ACTIVE = "active"
    UNBLOCKED = "unblocked"


class WechatBlacklistState(StrEnum):
    """How far the follower's place on WeChat's own blacklist has come."""

    NONE = "none"
    ADDING = "adding"
    DONE = "done"
    REMOVING = "removing"
    FAILED = "failed"


class BlocklistEntry(Base):
    """One follower who is or was blocked: the latest block only, the audit has the others."""

    __tablename__ = "blocklist_entries"

    follower_id: Mapped[int] = mapped_column(
        BigKey, ForeignKey("followers.id"), primary_key=True, autoincrement=False
    )
    # the follower's account again, so that `blocked_pairs` and scopes need no join
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    state: Mapped[BlockState]
    reason: Mapped[str]
    blocked_by: Mapped[str]
    blocked_at: Mapped[datetime]
    at_wechat: Mapped[WechatBlacklistState]
    problem: Mapped[str | None]


@dataclass(frozen=True)
class BlacklistTask:
    """What a job must do at WeChat: put this openid on the blacklist, or take it off."""

    account_id: int
    openid: str
    add: bool


def block(
    principal: Principal, follower_id: int, *, reason: str, also_at_wechat: bool, now: datetime
) -> BlocklistEntry:
    """Stop answering a follower. Raises Invalid without a reason, AlreadyBlocked, NotFound."""
    follower = followers.access_follower(principal, follower_id, Permission.CONVERSATIONS_REPLY)
    reason = reason.strip()
    if not 2 <= len(reason) <= _LONGEST_REASON:
        raise Invalid(field="reason", problem=f"请写明原因，2 到 {_LONGEST_REASON} 个字")
    # locks the follower, because the entry to lock may not exist yet
    get_for_update(Follower, follower_id)
    before = find(follower_id)
    if before is not None and before.state is BlockState.ACTIVE:
        raise AlreadyBlocked(follower=follower_id)
    values = {
        "account_id": follower.account_id,
        "state": BlockState.ACTIVE,
        "reason": reason,
        "blocked_by": principal.name,
        "blocked_at": now,
        "at_wechat": WechatBlacklistState.ADDING if also_at_wechat else WechatBlacklistState.NONE,
        "problem": None,
    }
    session.execute(
        upsert(BlocklistEntry)
        .values(follower_id=follower_id, **values)
        .on_conflict_do_update(index_elements=[BlocklistEntry.follower_id], set_=values)
    )
    _record_change(BlocklistAction.BLOCK, follower, reason=reason, also_at_wechat=also_at_wechat)
    return session.get_one(BlocklistEntry, follower_id, populate_existing=True)


def unblock(principal: Principal, follower_id: int) -> None:
    """Answer a follower again. Raises NotBlocked, NotFound."""
    follower = followers.access_follower(principal, follower_id, Permission.CONVERSATIONS_REPLY)
    found = find(follower_id)
    # ADDING counts: the job may already have told WeChat
    is_on_blacklist = found is not None and found.at_wechat in (
        WechatBlacklistState.ADDING,
        WechatBlacklistState.DONE,
    )
    unblocked = compare_and_set(
        BlocklistEntry,
        follower_id,
        when={"state": BlockState.ACTIVE},
        to={
            "state": BlockState.UNBLOCKED,
            "at_wechat": WechatBlacklistState.REMOVING
            if is_on_blacklist
            else WechatBlacklistState.NONE,
            "problem": None,
        },
    )
    if unblocked is None:
        raise NotBlocked(follower=follower_id)
    _record_change(BlocklistAction.UNBLOCK, follower, reason="", also_at_wechat=is_on_blacklist)


def _record_change(
    action: BlocklistAction, follower: Follower, *, reason: str, also_at_wechat: bool
) -> None:
    """Audit the change, invalidate the snapshots, and enqueue the job for WeChat's list."""
    account = session.get_one(Account, follower.account_id)
    audit.record(
        action,
        owner=account,
        object_id=follower.id,
        label=account.name,
        after={"also_at_wechat": also_at_wechat},
        reason=reason,
    )
    cache_versions.invalidate(CACHE_KEY)
    if also_at_wechat:
        # without a key: a job that is running may have read the row before this change
        jobs.enqueue(BlocklistJob.SYNC, follower_id=follower.id)


def find(follower_id: int) -> BlocklistEntry | None:
    """The follower's latest block, lifted or not; None when there never was one."""
    return session.get(BlocklistEntry, follower_id, populate_existing=True)


def blocked_pairs() -> frozenset[tuple[int, str]]:
    """(account id, openid) of every follower who is blocked now, for the snapshot."""
    rows = session.execute(
        select(BlocklistEntry.account_id, Follower.openid)
        .join(Follower, Follower.id == BlocklistEntry.follower_id)
        .where(BlocklistEntry.state == BlockState.ACTIVE)
    )
    return frozenset((account_id, openid) for account_id, openid in rows)


def find_pending_task(follower_id: int) -> BlacklistTask | None:
    """What a job must still do at WeChat for a follower; None when nothing is left."""
    found = find(follower_id)
    if found is None or found.at_wechat not in (
        WechatBlacklistState.ADDING,
        WechatBlacklistState.REMOVING,
    ):
        return None
    follower = session.get_one(Follower, follower_id)
    return BlacklistTask(
        follower.account_id, follower.openid, add=found.at_wechat is WechatBlacklistState.ADDING
    )


def mark_done(follower_id: int, task: BlacklistTask, *, problem: str | None = None) -> None:
    """Note that WeChat did it, or in `problem` why it did not."""
    # compare-and-set on what the job set out to do: unblocking meanwhile must not be overwritten
    done = WechatBlacklistState.DONE if task.add else WechatBlacklistState.NONE
    compare_and_set(
        BlocklistEntry,
        follower_id,
        when={
            "at_wechat": WechatBlacklistState.ADDING if task.add else WechatBlacklistState.REMOVING
        },
        to={"at_wechat": WechatBlacklistState.FAILED if problem else done, "problem": problem},
    )
