"""Unmatched: what citizens asked and no rule answered surely, alike questions in one heap.

    inbox ── sorting ──> Cluster  open ─> done | ignored
                                   └── reopen ──┘

A cluster belongs to one account and stands for all messages that are alike. Numbers of persons
are masked before anything is written down. A closed cluster goes on counting, and tells how often
it was asked after it had been closed. One that nobody asked about for long is forgotten.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, delete, false, func, select, tuple_
from sqlalchemy.orm import Mapped, mapped_column

from config import audit
from config.database import Base, BigKey, change, session
from config.errors import DomainError, NotFound
from config.tenancy import Member, Right
from keywords.normalize import normalize

_KIND = "unmatched"


class AlreadyClosed(DomainError):
    """Two people closed the same cluster."""

    text = "{name}已经处理过这一条，请刷新页面。"


class Reason(StrEnum):
    """Why a question counts as unmatched: no answer, only suggestions, or found by ear alone."""

    FALLBACK = "fallback"
    SUGGESTION = "suggestion"
    SOUND = "sound"


class State(StrEnum):
    """Whether somebody has to look at it still."""

    OPEN = "open"
    DONE = "done"
    IGNORED = "ignored"


class Cluster(Base):
    """Questions that are alike. `later` counts those that came after it was closed."""

    __tablename__ = "unmatched"
    __table_args__ = (
        Index("ix_unmatched_state_count", "state", "count", "id"),
        Index("ix_unmatched_state_last_at", "state", "last_at", "id"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    text: Mapped[str]
    samples: Mapped[list[Any]]
    reason: Mapped[Reason]
    count: Mapped[int]
    later: Mapped[int]
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    state: Mapped[State]
    rule_code: Mapped[str]
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    closed_by: Mapped[str]
    closed_at: Mapped[datetime | None]

    @property
    def title(self) -> str:
        """The question as it was first asked, masked."""
        return str(self.samples[0]) if self.samples else self.text


class SketchPair(Base):
    """One pair by which a cluster of an account is found."""

    __tablename__ = "unmatched_pairs"

    account_id: Mapped[int] = mapped_column(primary_key=True)
    pair: Mapped[str] = mapped_column(primary_key=True)
    cluster_id: Mapped[int] = mapped_column(
        BigKey,
        ForeignKey("unmatched.id", ondelete="CASCADE"),
        primary_key=True,
        index=True,
    )


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which clusters a list shows. `search` is text as a citizen might write it."""

    state: State = State.OPEN
    account_id: int | None = None
    search: str = ""
    newest_first: bool = False


def access_cluster(member: Member, cluster_id: int, right: Right) -> Cluster:
    """The cluster, if it lies in the member's area. Raises NotFound."""
    row = session.get(Cluster, cluster_id)
    if row is None:
        raise NotFound(kind=_KIND, id=cluster_id)
    member.require(right, account_id=row.account_id)
    return row


def clusters_for_staff(
    member: Member, wanted: Wanted, *, after: Cluster | None = None, at_most: int = 30
) -> list[Cluster]:
    """The member's clusters behind `after`: the most asked first, or the newest."""
    ordered = Cluster.last_at if wanted.newest_first else Cluster.count
    query = select(Cluster).where(
        Cluster.state == wanted.state,
        member.area(Right.RULES_READ).covers(account=Cluster.account_id),
    )
    if wanted.account_id is not None:
        query = query.where(Cluster.account_id == wanted.account_id)
    if wanted.search.strip():
        plain = normalize(wanted.search).plain
        query = query.where(Cluster.text.contains(plain, autoescape=True) if plain else false())
    if after is not None:
        place = after.last_at if wanted.newest_first else after.count
        query = query.where(tuple_(ordered, Cluster.id) < tuple_(place, after.id))
    rows = session.scalars(query.order_by(ordered.desc(), Cluster.id.desc()).limit(at_most))
    return list(rows)


def open_counts(member: Member) -> dict[int, int]:
    """How many clusters wait, by id of the member's accounts."""
    rows = session.execute(
        select(Cluster.account_id, func.count())
        .where(
            Cluster.state == State.OPEN,
            member.area(Right.RULES_READ).covers(account=Cluster.account_id),
        )
        .group_by(Cluster.account_id)
    )
    return dict(rows.all())


def close(
    cluster_id: int, state: State, *, by: Member, now: datetime, rule_code: str = ""
) -> Cluster:
    """Say that a cluster was seen to: a rule was made for it, or it needs none.

    Raises AlreadyClosed when somebody else did.
    """
    closed = {"closed_by_id": by.staff_id, "closed_by": by.name, "closed_at": now}
    row = change(
        Cluster,
        cluster_id,
        when={"state": State.OPEN},
        to={"state": state, "rule_code": rule_code, **closed},
    )
    if row is None:
        raise AlreadyClosed(name=session.get_one(Cluster, cluster_id).closed_by)
    _tell("unmatched.done" if state is State.DONE else "unmatched.ignored", row, State.OPEN)
    return row


def reopen(cluster_id: int) -> Cluster:
    """Take a closing back; one that is open stays as it is."""
    before = session.get_one(Cluster, cluster_id).state
    row = change(
        Cluster,
        cluster_id,
        when={"state": (State.DONE, State.IGNORED)},
        to={
            "state": State.OPEN,
            "later": 0,
            "rule_code": "",
            "closed_by_id": None,
            "closed_by": "",
            "closed_at": None,
        },
    )
    if row is None:
        return session.get_one(Cluster, cluster_id)
    _tell("unmatched.reopened", row, before)
    return row


def forget(*, before: datetime) -> int:
    """Remove clusters that nobody asked about since an instant. Returns how many."""
    removed = delete(Cluster).where(Cluster.last_at < before).returning(Cluster.id)
    return len(session.scalars(removed).all())


def _tell(action: str, row: Cluster, before: State) -> None:
    audit.record(
        action,
        kind=_KIND,
        object_id=row.id,
        label=row.title[:60],
        before={"state": before.value},
        after={"state": row.state.value, "rule": row.rule_code},
    )
