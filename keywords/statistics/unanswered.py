"""Unanswered messages: clusters of similar messages that no rule answered with certainty.

    inbox ── clustering ──> Cluster  open ─> done | ignored
                                       └── reopen ──┘

A cluster belongs to one account. Personal data is masked before anything is stored. A closed
cluster goes on counting in `count_since_closed`, which shows whether the rule made for it helps.
Clusters that nobody asked about for long are deleted.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, delete, false, func, select, tuple_
from sqlalchemy.orm import Mapped, mapped_column

from config import audit
from config.audit.actions import AuditAction, ObjectKind
from config.database import Base, BigKey, compare_and_set, session
from config.errors import DomainError, NotFound
from config.permissions import Permission, Principal
from keywords.language.normalize import normalize

_KIND = "unanswered"


class UnansweredAction(AuditAction, kind=ObjectKind("unanswered", "未答上的留言")):
    """What is recorded about clusters."""

    RESOLVE = "unanswered.resolve", "处理未答上的留言"
    IGNORE = "unanswered.ignore", "忽略未答上的留言"
    REOPEN = "unanswered.reopen", "重新打开未答上的留言"


class AlreadyClosed(DomainError):
    """Somebody else closed the cluster first; `name` is who."""

    text = "{name}已经处理过这一条，请刷新页面。"


class UnansweredReason(StrEnum):
    """Why a message counts as unanswered: fallback, only suggestions, or a phonetic match alone."""

    FALLBACK = "fallback"
    SUGGESTION = "suggestion"
    PHONETIC = "phonetic"


class ClusterState(StrEnum):
    """Whether staff still have to look at the cluster."""

    OPEN = "open"
    DONE = "done"
    IGNORED = "ignored"


class Cluster(Base):
    """Similar messages of one account.

    `text` is the normalized first message, `samples` a few masked originals, `reason` that of the
    newest message, `rule_slug` the rule that was made for it.
    """

    __tablename__ = "unanswered"
    __table_args__ = (
        Index("ix_unanswered_state_count", "state", "count", "id"),
        Index("ix_unanswered_state_last_at", "state", "last_at", "id"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    # normalized, and of the masked message, so that no personal data is stored in either form
    text: Mapped[str]
    samples: Mapped[list[str]]
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
        """The first message, masked."""
        return str(self.samples[0]) if self.samples else self.text


class SketchPair(Base):
    """One pair of a cluster's sketch: the index by which similar clusters are found."""

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
    """Which clusters to list. `search` is normalized like a message before it is compared."""

    state: ClusterState = ClusterState.OPEN
    account_id: int | None = None
    search: str = ""
    newest_first: bool = False


def access_cluster(member: Principal, cluster_id: int, right: Permission) -> Cluster:
    """The cluster. Raises NotFound without this permission at its account."""
    row = session.get(Cluster, cluster_id)
    if row is None:
        raise NotFound(kind=_KIND, id=cluster_id)
    member.require(right, account_id=row.account_id)
    return row


def list_for_staff(
    member: Principal, filters: ClusterFilter, *, after: Cluster | None = None, limit: int = 30
) -> list[Cluster]:
    """The clusters a staff member may read, behind `after`: most frequent first, or newest."""
    sort_column = Cluster.last_at if filters.newest_first else Cluster.count
    query = select(Cluster).where(
        Cluster.state == filters.state,
        member.scope(Permission.RULES_READ).sql_filter(account=Cluster.account_id),
    )
    if filters.account_id is not None:
        query = query.where(Cluster.account_id == filters.account_id)
    if filters.search.strip():
        # a search that normalizes to nothing finds nothing, instead of everything
        plain = normalize(filters.search).standard
        query = query.where(Cluster.text.contains(plain, autoescape=True) if plain else false())
    if after is not None:
        cursor_value = after.last_at if filters.newest_first else after.count
        # keyset paging: offsets would skip clusters whose counts grow while somebody pages
        query = query.where(tuple_(sort_column, Cluster.id) < tuple_(cursor_value, after.id))
    rows = session.scalars(query.order_by(sort_column.desc(), Cluster.id.desc()).limit(limit))
    return list(rows)


def count_open_by_account(member: Principal) -> dict[int, int]:
    """How many clusters are open, by account id, for the accounts a staff member may read."""
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
    """Close an open cluster: done (perhaps by the rule `rule_slug`) or ignored.

    Raises AlreadyClosed.
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
        UnansweredAction.RESOLVE if state is ClusterState.DONE else UnansweredAction.IGNORE,
        row,
        ClusterState.OPEN,
    )
    return row


def reopen(cluster_id: int) -> Cluster:
    """Open a closed cluster again; an open one stays as it is."""
    before = session.get_one(Cluster, cluster_id).state
    row = compare_and_set(
        Cluster,
        cluster_id,
        # opening what is open already is no change and leaves no audit row
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
    _audit(UnansweredAction.REOPEN, row, before)
    return row


def delete_older_than(*, before: datetime) -> int:
    """Delete clusters whose last message is older than an instant. Returns how many."""
    removed = delete(Cluster).where(Cluster.last_at < before).returning(Cluster.id)
    return len(session.scalars(removed).all())


def _audit(action: UnansweredAction, row: Cluster, before: ClusterState) -> None:
    audit.record(
        action,
        owner=row,
        object_id=row.id,
        label=row.title[:60],
        before={"state": before.value},
        after={"state": row.state.value, "rule": row.rule_slug},
    )
