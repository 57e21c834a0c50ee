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

from config import alerts, clock, logs, settings
from config.database import (
    Base,
    BigKey,
    compare_and_set,
    read_only,
    run_in_transaction,
    session,
    upsert,
)
from config.errors import DomainError, Temporary

_log = logs.get_logger(__name__)
_IS_UNFINISHED = text("state IN ('waiting', 'running')")

# a job announced this long ago that still waits was lost on the way
_REDISPATCH_AFTER = timedelta(seconds=20)
_REDISPATCH_BATCH = 2000
_MAX_BACKOFF_SECONDS = 3600.0


class JobState(StrEnum):
    """Where a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"


class Job(Base):
    """One piece of later work."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index(
            "uq_jobs_key",
            "key",
            unique=True,
            sqlite_where=_IS_UNFINISHED,
            postgresql_where=_IS_UNFINISHED,
        ),
        Index(
            "ix_jobs_due", "due_at", sqlite_where=_IS_UNFINISHED, postgresql_where=_IS_UNFINISHED
        ),
        Index("ix_jobs_finished", "state", "finished_at"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    name: Mapped[str]
    payload: Mapped[dict[str, Any]]
    key: Mapped[str | None]
    state: Mapped[JobState] = mapped_column(default=JobState.WAITING)
    due_at: Mapped[datetime]
    dispatched_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None]
    last_error: Mapped[str | None]
    request_id: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


# does the work of one name; called with `now` and the facts given to `enqueue`
Handler = Callable[..., None]
Dispatcher = Callable[[list[int]], None]


class _Registry:
    """Handlers by name, and who tells the workers; filled once at start by `app`."""

    transactional: ClassVar[dict[str, Handler]] = {}
    non_transactional: ClassVar[dict[str, Handler]] = {}
    dispatcher: ClassVar[Dispatcher | None] = None


def register(*, transactional: dict[str, Handler], non_transactional: dict[str, Handler]) -> None:
    """Say who does the work of which name."""
    _Registry.transactional, _Registry.non_transactional = transactional, non_transactional


def set_dispatcher(dispatcher: Dispatcher | None) -> None:
    """Say who tells the workers about committed ids; without, only the sweep finds them."""
    _Registry.dispatcher = dispatcher


def enqueue(
    name: str, *, due: datetime | None = None, key: str | None = None, **payload: Any
) -> int | None:
    """Write down work for later, in the running transaction.

    `facts` are ids and other plain JSON. With a `key`, nothing is added while a job of that key
    waits or runs. Returns the job's id, or None when the key was taken.
    """
    now = clock.now()
    due = due or now
    is_due_now = due <= now
    job_id = session.scalar(
        upsert(Job)
        .values(
            name=name,
            payload=payload,
            key=key,
            state=JobState.WAITING,
            due_at=due,
            dispatched_at=now if is_due_now else None,
            attempts=0,
            request_id=logs.request_id(),
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=[Job.key], index_where=_IS_UNFINISHED)
        .returning(Job.id)
    )
    if job_id is not None and is_due_now:
        session.info.setdefault("undispatched_jobs", []).append(job_id)
    return job_id


@event.listens_for(Session, "after_commit")
def _dispatch_committed(current: Session) -> None:
    # Only the outermost commit counts; a released savepoint may still be undone.
    if not current.in_nested_transaction():
        ids = current.info.pop("undispatched_jobs", None)
        if ids:
            dispatch(ids)


@event.listens_for(Session, "after_soft_rollback")
def _discard_rolled_back(current: Session, previous: Any) -> None:
    if not current.in_nested_transaction():
        current.info.pop("undispatched_jobs", None)


def dispatch(ids: list[int]) -> None:
    """Tell the workers; when that fails, the sweep tells them later."""
    if _Registry.dispatcher is not None:
        _Registry.dispatcher(ids)


def redispatch_lost(*, now: datetime) -> int:
    """Announce jobs that are due and that nobody works on. Returns how many.

    Safe to run in two schedulers at once: each row is taken by one of them.
    """
    lost = or_(Job.dispatched_at.is_(None), Job.dispatched_at < now - _REDISPATCH_AFTER)
    abandoned = and_(Job.state == JobState.RUNNING, Job.lease_until < now)
    due = and_(Job.state == JobState.WAITING, Job.due_at <= now, lost)
    with read_only():
        candidate_ids = session.scalars(
            select(Job.id).where(or_(due, abandoned)).order_by(Job.due_at).limit(_REDISPATCH_BATCH)
        ).all()
    if not candidate_ids:
        return 0

    def claim_rows() -> list[int]:
        return list(
            session.scalars(
                update(Job)
                .where(Job.id.in_(candidate_ids), or_(due, abandoned))
                .values(dispatched_at=now, state=JobState.WAITING, lease_until=None)
                .returning(Job.id)
                .execution_options(synchronize_session=False)
            )
        )

    claimed_ids = run_in_transaction(claim_rows)
    dispatch(claimed_ids)
    return len(claimed_ids)


def run(job_id: int, *, now: datetime) -> JobState | None:
    """Do one job, if it is due and nobody else is at it.

    Returns the state it is left in, or None when there was nothing to do.
    """
    claimed = run_in_transaction(lambda: _claim(job_id, now))
    if claimed is None:
        return None
    name, payload, attempt, request = claimed
    with logs.bound_context(job=job_id, job_name=name, request=request):
        try:
            _execute(job_id, name, payload, attempt, now)
        except Exception as error:
            return _record_failure(job_id, attempt, error, name)
    return JobState.DONE


def _claim(job_id: int, now: datetime) -> tuple[str, dict[str, Any], int, str] | None:
    lease = now + timedelta(seconds=settings.get().job_lease)
    row = session.execute(
        update(Job)
        .where(Job.id == job_id, Job.state == JobState.WAITING, Job.due_at <= now)
        .values(state=JobState.RUNNING, attempts=Job.attempts + 1, lease_until=lease)
        .returning(Job.name, Job.payload, Job.attempts, Job.request_id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    return None if row is None else (row.name, row.facts, row.attempts, row.request_id)


def _execute(job_id: int, name: str, payload: dict[str, Any], attempt: int, now: datetime) -> None:
    transactional = _Registry.transactional.get(name)
    if transactional is not None:

        def execute_and_finish() -> None:
            # a fenced-off worker loses here, before it changes anything
            if _finish(job_id, attempt, JobState.DONE):
                transactional(now=now, **payload)

        run_in_transaction(execute_and_finish)
        return
    _Registry.non_transactional[name](now=now, **payload)
    run_in_transaction(lambda: _finish(job_id, attempt, JobState.DONE))


def _finish(job_id: int, attempt: int, state: JobState, **more: Any) -> bool:
    updated = compare_and_set(
        Job,
        job_id,
        when={"attempts": attempt, "state": JobState.RUNNING},
        to={"state": state, "lease_until": None, "finished_at": clock.now(), **more},
    )
    return updated is not None


def _record_failure(job_id: int, attempt: int, error: Exception, name: str) -> JobState:
    """Later again for what may pass, dead for what a rule refused or what failed too often."""
    now = clock.now()
    reason = f"{type(error).__name__}: {error}"[:1000]
    refused = isinstance(error, DomainError) and not isinstance(error, Temporary)
    if refused or attempt >= settings.get().job_attempts:
        _log.error("job.dead", attempt=attempt, error=reason, exc_info=error)
        run_in_transaction(lambda: _mark_dead(job_id, attempt, reason, name, now))
        return JobState.DEAD
    _log.warning("job.retry", attempt=attempt, error=reason, exc_info=_traceback_for(error))
    due = now + timedelta(seconds=_backoff_seconds(error, attempt))
    run_in_transaction(
        lambda: _finish(
            job_id,
            attempt,
            JobState.WAITING,
            due_at=due,
            announced_at=None,
            finished_at=None,
            last_error=reason,
        )
    )
    return JobState.WAITING


def _traceback_for(error: Exception) -> Exception | None:
    # a stranger's bad day needs no stack; our own mistakes do
    return None if isinstance(error, Temporary) else error


def _backoff_seconds(error: Exception, attempt: int) -> float:
    requested = error.retry_after if isinstance(error, Temporary) else None
    if requested is not None:
        return requested
    upper_bound = min(_MAX_BACKOFF_SECONDS, 2.0**attempt)
    return random.uniform(upper_bound / 2, upper_bound)


def _mark_dead(job_id: int, attempt: int, reason: str, name: str, now: datetime) -> None:
    if _finish(job_id, attempt, JobState.DEAD, last_error=reason):
        alerts.raise_alert(
            "job.dead", name, f"后台任务 {name} 多次失败，需要处理", now=now, job=job_id
        )


def retry_dead(job_id: int, *, now: datetime) -> bool:
    """Give a dead job a new life; False when it is not dead."""
    updated = compare_and_set(
        Job,
        job_id,
        when={"state": JobState.DEAD},
        to={
            "state": JobState.WAITING,
            "due_at": now,
            "attempts": 0,
            "finished_at": None,
            "dispatched_at": None,
        },
    )
    return updated is not None


def purge_done(*, before: datetime) -> int:
    """Remove finished jobs older than an instant; dead ones stay until somebody looks."""
    statement = delete(Job).where(Job.state == JobState.DONE, Job.finished_at < before)
    return len(session.scalars(statement.returning(Job.id)).all())
