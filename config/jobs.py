"""Jobs: work that happens later, written in the transaction of the change that asks for it.

    deed ── enqueue ──> jobs row ── commit ──> id to Redis ──> worker ── run(id) ──> done
                            └── due and nobody came ── sweep() ──────┘
                                                            └── too often ──> dead, an alarm

A job may run twice: it carries ids and looks at the state of things first. A handler in
`inside` shares one transaction with its own completion, so its change happens exactly once. A
handler in `outside` talks to strangers: nothing is open while it runs, it opens its own
transactions before and after.

A started job is leased. A worker that dies leaves the lease to run out and the sweep sends the
job again; `attempts` is the fencing number, so a worker that wakes up late cannot write over
its successor.
"""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import Index, and_, delete, event, or_, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from config import alarms, clock, logs, settings
from config.database import Base, BigKey, change, reading, retrying, session, upsert
from config.errors import DomainError, Temporary

_log = logs.get(__name__)
_ALIVE = text("state IN ('waiting', 'running')")

# a job announced this long ago that still waits was lost on the way
_ANNOUNCED_AGAIN = timedelta(seconds=20)
_SWEPT_AT_ONCE = 2000
_LONGEST_PAUSE = 3600.0


class State(StrEnum):
    """Where a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"


class Job(Base):
    """One piece of later work."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index("uq_jobs_key", "key", unique=True, sqlite_where=_ALIVE, postgresql_where=_ALIVE),
        Index("ix_jobs_due", "due_at", sqlite_where=_ALIVE, postgresql_where=_ALIVE),
        Index("ix_jobs_finished", "state", "finished_at"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    name: Mapped[str]
    facts: Mapped[dict[str, Any]]
    key: Mapped[str | None]
    state: Mapped[State] = mapped_column(default=State.WAITING)
    due_at: Mapped[datetime]
    announced_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None]
    last_error: Mapped[str | None]
    request_id: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


# does the work of one name; called with `now` and the facts given to `enqueue`
Handler = Callable[..., None]
Announcer = Callable[[list[int]], None]


class _Registry:
    """Handlers by name, and who tells the workers; filled once at start by `app`."""

    inside: ClassVar[dict[str, Handler]] = {}
    outside: ClassVar[dict[str, Handler]] = {}
    announce: ClassVar[Announcer | None] = None


def register(*, inside: dict[str, Handler], outside: dict[str, Handler]) -> None:
    """Say who does the work of which name."""
    _Registry.inside, _Registry.outside = inside, outside


def announce_with(announcer: Announcer | None) -> None:
    """Say who tells the workers about committed ids; without, only the sweep finds them."""
    _Registry.announce = announcer


def enqueue(
    name: str, *, due: datetime | None = None, key: str | None = None, **facts: Any
) -> int | None:
    """Write down work for later, in the running transaction.

    `facts` are ids and other plain JSON. With a `key`, nothing is added while a job of that key
    waits or runs. Returns the job's id, or None when the key was taken.
    """
    now = clock.now()
    due = due or now
    is_due = due <= now
    job_id = session.scalar(
        upsert(Job)
        .values(
            name=name,
            facts=facts,
            key=key,
            state=State.WAITING,
            due_at=due,
            announced_at=now if is_due else None,
            attempts=0,
            request_id=logs.request_id(),
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=[Job.key], index_where=_ALIVE)
        .returning(Job.id)
    )
    if job_id is not None and is_due:
        session.info.setdefault("announce", []).append(job_id)
    return job_id


@event.listens_for(Session, "after_commit")
def _announce_committed(current: Session) -> None:
    # Only the outermost commit counts; a released savepoint may still be undone.
    if not current.in_nested_transaction():
        ids = current.info.pop("announce", None)
        if ids:
            announce(ids)


@event.listens_for(Session, "after_soft_rollback")
def _forget_undone(current: Session, previous: Any) -> None:
    if not current.in_nested_transaction():
        current.info.pop("announce", None)


def announce(ids: list[int]) -> None:
    """Tell the workers; when that fails, the sweep tells them later."""
    if _Registry.announce is not None:
        _Registry.announce(ids)


def sweep(*, now: datetime) -> int:
    """Announce jobs that are due and that nobody works on. Returns how many.

    Safe to run in two schedulers at once: each row is taken by one of them.
    """
    lost = or_(Job.announced_at.is_(None), Job.announced_at < now - _ANNOUNCED_AGAIN)
    abandoned = and_(Job.state == State.RUNNING, Job.lease_until < now)
    due = and_(Job.state == State.WAITING, Job.due_at <= now, lost)
    with reading():
        found = session.scalars(
            select(Job.id).where(or_(due, abandoned)).order_by(Job.due_at).limit(_SWEPT_AT_ONCE)
        ).all()
    if not found:
        return 0

    def take() -> list[int]:
        return list(
            session.scalars(
                update(Job)
                .where(Job.id.in_(found), or_(due, abandoned))
                .values(announced_at=now, state=State.WAITING, lease_until=None)
                .returning(Job.id)
                .execution_options(synchronize_session=False)
            )
        )

    taken = retrying(take)
    announce(taken)
    return len(taken)


def run(job_id: int, *, now: datetime) -> State | None:
    """Do one job, if it is due and nobody else is at it.

    Returns the state it is left in, or None when there was nothing to do.
    """
    claimed = retrying(lambda: _claim(job_id, now))
    if claimed is None:
        return None
    name, facts, attempt, request = claimed
    with logs.bound(job=job_id, job_name=name, request=request):
        try:
            _perform(job_id, name, facts, attempt, now)
        except Exception as error:
            return _failed(job_id, attempt, error, name)
    return State.DONE


def _claim(job_id: int, now: datetime) -> tuple[str, dict[str, Any], int, str] | None:
    lease = now + timedelta(seconds=settings.get().job_lease)
    row = session.execute(
        update(Job)
        .where(Job.id == job_id, Job.state == State.WAITING, Job.due_at <= now)
        .values(state=State.RUNNING, attempts=Job.attempts + 1, lease_until=lease)
        .returning(Job.name, Job.facts, Job.attempts, Job.request_id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    return None if row is None else (row.name, row.facts, row.attempts, row.request_id)


def _perform(job_id: int, name: str, facts: dict[str, Any], attempt: int, now: datetime) -> None:
    inside = _Registry.inside.get(name)
    if inside is not None:

        def together() -> None:
            # a fenced-off worker loses here, before it changes anything
            if _finish(job_id, attempt, State.DONE):
                inside(now=now, **facts)

        retrying(together)
        return
    _Registry.outside[name](now=now, **facts)
    retrying(lambda: _finish(job_id, attempt, State.DONE))


def _finish(job_id: int, attempt: int, state: State, **more: Any) -> bool:
    moved = change(
        Job,
        job_id,
        when={"attempts": attempt, "state": State.RUNNING},
        to={"state": state, "lease_until": None, "finished_at": clock.now(), **more},
    )
    return moved is not None


def _failed(job_id: int, attempt: int, error: Exception, name: str) -> State:
    """Later again for what may pass, dead for what a rule refused or what failed too often."""
    now = clock.now()
    reason = f"{type(error).__name__}: {error}"[:1000]
    refused = isinstance(error, DomainError) and not isinstance(error, Temporary)
    if refused or attempt >= settings.get().job_attempts:
        _log.error("job.dead", attempt=attempt, error=reason, exc_info=error)
        retrying(lambda: _bury(job_id, attempt, reason, name, now))
        return State.DEAD
    _log.warning("job.again", attempt=attempt, error=reason, exc_info=_trace(error))
    due = now + timedelta(seconds=_pause(error, attempt))
    retrying(
        lambda: _finish(
            job_id,
            attempt,
            State.WAITING,
            due_at=due,
            announced_at=None,
            finished_at=None,
            last_error=reason,
        )
    )
    return State.WAITING


def _trace(error: Exception) -> Exception | None:
    # a stranger's bad day needs no stack; our own mistakes do
    return None if isinstance(error, Temporary) else error


def _pause(error: Exception, attempt: int) -> float:
    wished = error.retry_after if isinstance(error, Temporary) else None
    if wished is not None:
        return wished
    longest = min(_LONGEST_PAUSE, 2.0**attempt)
    return random.uniform(longest / 2, longest)


def _bury(job_id: int, attempt: int, reason: str, name: str, now: datetime) -> None:
    if _finish(job_id, attempt, State.DEAD, last_error=reason):
        alarms.raise_alarm(
            "job.dead", name, f"后台任务 {name} 多次失败，需要处理", now=now, job=job_id
        )


def revive(job_id: int, *, now: datetime) -> bool:
    """Give a dead job a new life; False when it is not dead."""
    moved = change(
        Job,
        job_id,
        when={"state": State.DEAD},
        to={
            "state": State.WAITING,
            "due_at": now,
            "attempts": 0,
            "finished_at": None,
            "announced_at": None,
        },
    )
    return moved is not None


def forget_done(*, before: datetime) -> int:
    """Remove finished jobs older than an instant; dead ones stay until somebody looks."""
    statement = delete(Job).where(Job.state == State.DONE, Job.finished_at < before)
    return len(session.scalars(statement.returning(Job.id)).all())
