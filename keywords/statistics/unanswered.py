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
from config.database import Base, BigKey, compare_and_set, session
from config.errors import DomainError, NotFound
from config.permissions import Permission, Principal
from keywords.language.normalize import normalize

_KIND = "unanswered"


class AlreadyClosed(DomainError):
    """Two people closed the same cluster."""

    text = "{name}已经处理过这一条，请刷新页面。"


class UnansweredReason(StrEnum):
    """Why a question counts as unmatched: no answer, only suggestions, or found by ear alone."""

    FALLBACK = "fallback"
    SUGGESTION = "suggestion"
    PHONETIC = "phonetic"


class ClusterState(StrEnum):
    """Whether somebody has to look at it still."""

    OPEN = "open"
    DONE = "done"
    IGNORED = "ignored"


class Cluster(Base):
    """Questions that are alike. `later` counts those that came after it was closed."""

    __tablename__ = "unanswered"
    __table_args__ = (
        Index("ix_unanswered_state_count", "state", "count", "id"),
        Index("ix_unanswered_state_last_at", "state", "last_at", "id"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    text: Mapped[str]
    samples: Mapped[list[Any]]
    reason: Mapped[UnansweredReason]
    count: Mapped[int]
    count_since_closed: Mapped[int]
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    state: Mapped[ClusterState]
    rule_slug: Mapped[str]
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    closed_by_name: Mapped[str]
    closed_at: Mapped[datetime | None]

    @property
    def title(self) -> str:
        """The question as it was first asked, masked."""
        return str(self.samples[0]) if self.samples else self.text


class SketchPair(Base):
    """One pair by which a cluster of an account is found."""

    __tablename__ = "unanswered_pairs"

    account_id: Mapped[int] = mapped_column(primary_key=True)
    pair: Mapped[str] = mapped_column(primary_key=True)
    cluster_id: Mapped[int] = mapped_column(
        BigKey,
        ForeignKey("unanswered.id", ondelete="CASCADE"),
        primary_key=True,
        index=True,
    )


@dataclass(frozen=True, slots=True)
class ClusterFilter:
    """Which clusters a list shows. `search` is text as a citizen might write it."""

    state: ClusterState = ClusterState.OPEN
    account_id: int | None = None
    search: str = ""
    newest_first: bool = False


def access_cluster(member: Principal, cluster_id: int, right: Permission) -> Cluster:
    """The cluster, if it lies in the member's area. Raises NotFound."""
    row = session.get(Cluster, cluster_id)
    if row is None:
        raise NotFound(kind=_KIND, id=cluster_id)
    member.require(right, account_id=row.account_id)
    return row


def list_for_staff(
    member: Principal, filters: ClusterFilter, *, after: Cluster | None = None, limit: int = 30
) -> list[Cluster]:
    """The member's clusters behind `after`: the most asked first, or the newest."""
    sort_column = Cluster.last_at if filters.newest_first else Cluster.count
    query = select(Cluster).where(
        Cluster.state == filters.state,
        member.scope(Permission.RULES_READ).sql_filter(account=Cluster.account_id),
    )
    if filters.account_id is not None:
        query = query.where(Cluster.account_id == filters.account_id)
    if filters.search.strip():
        plain = normalize(filters.search).standard
        query = query.where(Cluster.text.contains(plain, autoescape=True) if plain else false())
    if after is not None:
        cursor_value = after.last_at if filters.newest_first else after.count
        query = query.where(tuple_(sort_column, Cluster.id) < tuple_(cursor_value, after.id))
    rows = session.scalars(query.order_by(sort_column.desc(), Cluster.id.desc()).limit(limit))
    return list(rows)


def count_open_by_account(member: Principal) -> dict[int, int]:
    """How many clusters wait, by id of the member's accounts."""
    rows = session.execute(
        select(Cluster.account_id, func.count())
        .where(
            Cluster.state == ClusterState.OPEN,
            member.scope(Permission.RULES_READ).sql_filter(account=Cluster.account_id),
        )
        .group_by(Cluster.account_id)
    )
    return dict(rows.all())


def close(
    cluster_id: int, state: ClusterState, *, by: Principal, now: datetime, rule_slug: str = ""
) -> Cluster:
    """Say that a cluster was seen to: a rule was made for it, or it needs none.

    Raises AlreadyClosed when somebody else did.
    """
    closed = {"closed_by_id": by.staff_id, "closed_by_name": by.name, "closed_at": now}
    row = compare_and_set(
        Cluster,
        cluster_id,
        when={"state": ClusterState.OPEN},
        to={"state": state, "rule_slug": rule_slug, **closed},
    )
    if row is None:
        raise AlreadyClosed(name=session.get_one(Cluster, cluster_id).closed_by_name)
    _audit(
        "unanswered.resolve" if state is ClusterState.DONE else "unanswered.ignore",
        row,
        ClusterState.OPEN,
    )
    return row


def reopen(cluster_id: int) -> Cluster:
    """Take a closing back; one that is open stays as it is."""
    before = session.get_one(Cluster, cluster_id).state
    row = compare_and_set(
        Cluster,
        cluster_id,
        when={"state": (ClusterState.DONE, ClusterState.IGNORED)},
        to={
            "state": ClusterState.OPEN,
            "count_since_closed": 0,
            "rule_slug": "",
            "closed_by_id": None,
            "closed_by_name": "",
            "closed_at": None,
        },
    )
    if row is None:
        return session.get_one(Cluster, cluster_id)
    _audit("unanswered.reopen", row, before)
    return row


def delete_older_than(*, before: datetime) -> int:
    """Remove clusters that nobody asked about since an instant. Returns how many."""
    removed = delete(Cluster).where(Cluster.last_at < before).returning(Cluster.id)
    return len(session.scalars(removed).all())


def _audit(action: str, row: Cluster, before: ClusterState) -> None:
    audit.record(
        action,
        kind=_KIND,
        object_id=row.id,
        label=row.title[:60],
        before={"state": before.value},
        after={"state": row.state.value, "rule": row.rule_slug},
    )
