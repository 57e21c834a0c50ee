"""Blocks: followers whom an account no longer answers, and why.

    block ──> active ── lift ──> lifted
                │
                └── optionally at WeChat too: asked ──> done ── lift ──> lifting ──> none
                                                └─────> failed

A blocked follower gets no answer from the next look at the revisions on; the callback asks a set
in memory, no table. Emergency words are still heard. At WeChat itself a block keeps messages
from coming at all; a job brings it there.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, mapped_column

from config import audit, jobs, revisions
from config.database import Base, BigKey, change, locked, session, upsert
from config.errors import DomainError, Invalid
from config.tenancy import Member, Right
from matrix import followers
from matrix.accounts import Account
from matrix.followers import Follower

REVISION = "followers"
CARRY = "blocks.carry"

_LONGEST_REASON = 200


class AlreadyBlocked(DomainError):
    """Somebody was first."""

    text = "这位粉丝已被屏蔽。"


class NotBlocked(DomainError):
    """Somebody was first."""

    text = "这位粉丝没有被屏蔽。"


class State(StrEnum):
    """Whether the hub is silent."""

    ACTIVE = "active"
    LIFTED = "lifted"


class AtWechat(StrEnum):
    """How far WeChat's own blacklist has come."""

    NONE = "none"
    ASKED = "asked"
    DONE = "done"
    LIFTING = "lifting"
    FAILED = "failed"


class Block(Base):
    """One follower who is or was blocked; the last time counts, the audit knows the others."""

    __tablename__ = "blocks"

    follower_id: Mapped[int] = mapped_column(
        BigKey, ForeignKey("followers.id"), primary_key=True, autoincrement=False
    )
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    state: Mapped[State]
    reason: Mapped[str]
    blocked_by: Mapped[str]
    blocked_at: Mapped[datetime]
    at_wechat: Mapped[AtWechat]
    problem: Mapped[str | None]


@dataclass(frozen=True)
class Errand:
    """What a job must bring to WeChat: this openid on its blacklist, or off it."""

    account_id: int
    openid: str
    on: bool


def block(
    member: Member, follower_id: int, *, reason: str, also_at_wechat: bool, now: datetime
) -> Block:
    """Stop answering a follower. Raises Invalid, AlreadyBlocked, NotFound."""
    follower = followers.access_follower(member, follower_id, Right.TALKS_ANSWER)
    reason = reason.strip()
    if not 2 <= len(reason) <= _LONGEST_REASON:
        raise Invalid(field="reason", problem=f"请写明原因，2 到 {_LONGEST_REASON} 个字")
    locked(Follower, follower_id)
    before = of(follower_id)
    if before is not None and before.state is State.ACTIVE:
        raise AlreadyBlocked(follower=follower_id)
    values = {
        "account_id": follower.account_id,
        "state": State.ACTIVE,
        "reason": reason,
        "blocked_by": member.name,
        "blocked_at": now,
        "at_wechat": AtWechat.ASKED if also_at_wechat else AtWechat.NONE,
        "problem": None,
    }
    session.execute(
        upsert(Block)
        .values(follower_id=follower_id, **values)
        .on_conflict_do_update(index_elements=[Block.follower_id], set_=values)
    )
    _noted("follower.block", follower, reason=reason, also_at_wechat=also_at_wechat)
    return session.get_one(Block, follower_id, populate_existing=True)


def lift(member: Member, follower_id: int) -> None:
    """Answer a follower again. Raises NotBlocked, NotFound."""
    follower = followers.access_follower(member, follower_id, Right.TALKS_ANSWER)
    found = of(follower_id)
    was_there = found is not None and found.at_wechat in (AtWechat.ASKED, AtWechat.DONE)
    lifted = change(
        Block,
        follower_id,
        when={"state": State.ACTIVE},
        to={
            "state": State.LIFTED,
            "at_wechat": AtWechat.LIFTING if was_there else AtWechat.NONE,
            "problem": None,
        },
    )
    if lifted is None:
        raise NotBlocked(follower=follower_id)
    _noted("follower.unblock", follower, reason="", also_at_wechat=was_there)


def _noted(action: str, follower: Follower, *, reason: str, also_at_wechat: bool) -> None:
    account = session.get_one(Account, follower.account_id)
    audit.record(
        action,
        kind="talk",
        object_id=follower.id,
        label=account.name,
        department_id=account.department_id,
        after={"also_at_wechat": also_at_wechat},
        reason=reason,
    )
    revisions.bump(REVISION)
    if also_at_wechat:
        jobs.enqueue(CARRY, follower_id=follower.id)


def of(follower_id: int) -> Block | None:
    """The follower's last block, lifted or not."""
    return session.get(Block, follower_id, populate_existing=True)


def silent() -> frozenset[tuple[int, str]]:
    """(account id, openid) of every follower who is blocked now."""
    rows = session.execute(
        select(Block.account_id, Follower.openid)
        .join(Follower, Follower.id == Block.follower_id)
        .where(Block.state == State.ACTIVE)
    )
    return frozenset((account_id, openid) for account_id, openid in rows)


def errand(follower_id: int) -> Errand | None:
    """What must still be brought to WeChat for a follower, if anything."""
    found = of(follower_id)
    if found is None or found.at_wechat not in (AtWechat.ASKED, AtWechat.LIFTING):
        return None
    follower = session.get_one(Follower, follower_id)
    return Errand(follower.account_id, follower.openid, on=found.at_wechat is AtWechat.ASKED)


def carried(follower_id: int, went: Errand, *, problem: str | None = None) -> None:
    """Write down that WeChat has done it, or why not."""
    done = AtWechat.DONE if went.on else AtWechat.NONE
    change(
        Block,
        follower_id,
        when={"at_wechat": AtWechat.ASKED if went.on else AtWechat.LIFTING},
        to={"at_wechat": AtWechat.FAILED if problem else done, "problem": problem},
    )
