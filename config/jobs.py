"""Jobs: background work as rows, written in the transaction of the change that asks for it.

    enqueue ──> row in `jobs` ── commit ──> id to Redis ──> worker ── run(id) ──> done
                     └── due and not dispatched ── redispatch_lost() ──┘  └── failed ──> waiting
                                                                          └── too often ──> dead

This is the transactional outbox (https://microservices.io/patterns/data/transactional-outbox.html):
no job is lost with Redis, and none runs for a change that was rolled back.

A job may run more than once, so its payload carries ids and its handler checks the state of the
rows first. A *transactional* handler runs in one transaction with the completion of its job, so its
changes happen exactly once. A *non-transactional* handler calls WeChat or works for long: no
transaction is open around it, it opens its own before and after the call.

A started job is leased for JOB_LEASE seconds. When its worker dies, the lease runs out and the
scheduler dispatches the job again. `attempts` is the fencing token: a worker that was only slow
finds another number and cannot record a result for its successor
(https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html).
"""

import random
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import Index, and_, delete, event, or_, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from config import alerts, clock, logs, settings
from config.alerts import AlertKind
from config.database import (
    Base,
    BigKey,
    compare_and_set,
    read_only,
    run_in_transaction,
    session,
    upsert,
)
from config.errors import DomainError, Stale, Temporary
from config.labelled_enum import LabelledEnum

_log = logs.get_logger(__name__)
_IS_UNFINISHED = text("state IN ('waiting', 'running')")

# A job that was dispatched this long ago and still waits was lost on the way, or its workers are
# busy; in the second case one more id in the queue does no harm.
_REDISPATCH_AFTER = timedelta(seconds=20)
# One UPDATE of this size stays well under the statement timeout; the rest follows a second later.
_REDISPATCH_BATCH = 2000
_MAX_BACKOFF_SECONDS = 3600.0


class JobName(LabelledEnum):
    """Base of the enums in which each noun declares its jobs: `PUSH = "menus.push", "推送菜单"`.

    The value is stored and names the handler; the label is what staff read.
    """


class JobAlert(AlertKind):
    """What staff must look at in the jobs themselves."""

    DEAD = "job.dead", "后台任务失败"


class JobState(StrEnum):
    """WAITING for its time, a worker or another attempt; RUNNING; DONE; DEAD until staff act."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"


class Job(Base):
    """A job. `name` selects the handler, `payload` holds its arguments as plain JSON.

    `attempts` counts the starts. `request_id` is that of the request that enqueued it, for the log.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        # Partial: the key is free again when its job is finished, and finished rows, which are the
        # many, cost the scheduler's query nothing.
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


# does the work of one name; called with `now` and the payload as keyword arguments
Handler = Callable[..., None]
Dispatcher = Callable[[list[int]], None]


class _Registry:
    """Handlers by job name, and the dispatcher; set once at the start by `app`."""

    transactional: ClassVar[dict[str, Handler]] = {}
    non_transactional: ClassVar[dict[str, Handler]] = {}
    labels: ClassVar[dict[str, str]] = {}
    urgent: ClassVar[frozenset[str]] = frozenset()
    dispatcher: ClassVar[Dispatcher | None] = None
    urgent_dispatcher: ClassVar[Dispatcher | None] = None


def register(
    *,
    transactional: dict[JobName, Handler],
    non_transactional: dict[JobName, Handler],
    urgent: Collection[JobName] = (),
) -> None:
    """Set the handlers of all job names, replacing earlier ones.

    Ids of `urgent` jobs go to a dispatcher of their own, so that a backlog does not hold them up.
    """
    # by plain string, as a row has it: it may carry a name that only a newer version declares
    _Registry.transactional = {name.value: handler for name, handler in transactional.items()}
    _Registry.non_transactional = {
        name.value: handler for name, handler in non_transactional.items()
    }
    _Registry.labels = {name.value: name.label for name in (*transactional, *non_transactional)}
    _Registry.urgent = frozenset(name.value for name in urgent)


def set_dispatcher(dispatcher: Dispatcher | None, *, urgent: Dispatcher | None = None) -> None:
    """Set the function that sends committed ids to workers; without one, jobs only wait.

    `urgent` sends the ids of urgent jobs; without it they go with the others.
    """
    _Registry.dispatcher, _Registry.urgent_dispatcher = dispatcher, urgent or dispatcher


def enqueue(
    name: JobName, *, due: datetime | None = None, key: str | None = None, **payload: Any
) -> int | None:
    """Add a job to the running transaction; its id, or None when the key is taken.

    `payload` holds ids and other plain JSON, `due` is an instant (default: now). With a `key`,
    nothing is added while a job of the same key waits or runs.
    """
    now = clock.now()
    due = due or now
    is_due_now = due <= now
    job_id = session.scalar(
        upsert(Job)
        .values(
            name=name.value,
            payload=payload,
            key=key,
            state=JobState.WAITING,
            due_at=due,
            # set before it is sent: if the process dies between commit and sending, the
            # scheduler sees a job that waits too long
            dispatched_at=now if is_due_now else None,
            attempts=0,
            request_id=logs.request_id(),
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=[Job.key], index_where=_IS_UNFINISHED)
        .returning(Job.id)
    )
    # A later job is dispatched by the scheduler when its time has come.
    if job_id is not None and is_due_now:
        session.info.setdefault("undispatched_jobs", []).append((job_id, name.value))
    return job_id


@event.listens_for(Session, "after_commit")
def _dispatch_committed(current: Session) -> None:
    # Only the outermost commit counts; a released savepoint may still be rolled back.
    if not current.in_nested_transaction():
        committed = current.info.pop("undispatched_jobs", None)
        if committed:
            dispatch(committed)


@event.listens_for(Session, "after_soft_rollback")
def _discard_rolled_back(current: Session, previous: Any) -> None:
    if not current.in_nested_transaction():
        current.info.pop("undispatched_jobs", None)


def dispatch(committed: list[tuple[int, str]]) -> None:
    """Send ids of jobs, given with their names, to the workers, urgent ones first.

    What the dispatcher cannot send, `redispatch_lost` sends later.
    """
    urgent = [job_id for job_id, name in committed if name in _Registry.urgent]
    others = [job_id for job_id, name in committed if name not in _Registry.urgent]
    for ids, send in ((urgent, _Registry.urgent_dispatcher), (others, _Registry.dispatcher)):
        if ids and send is not None:
            send(ids)


def redispatch_lost(*, now: datetime) -> int:
    """Dispatch jobs that are due and not being worked on; how many.

    Covers jobs whose time has come, ids that Redis lost, and leases that ran out. Safe to run in
    several schedulers at once: each row is claimed by one of them.
    """
    lost = or_(Job.dispatched_at.is_(None), Job.dispatched_at < now - _REDISPATCH_AFTER)
    abandoned = and_(Job.state == JobState.RUNNING, Job.lease_until < now)
    due = and_(Job.state == JobState.WAITING, Job.due_at <= now, lost)
    # Looking first in a read-only transaction keeps SQLite's write lock free when there is nothing
    # to do, which is so nearly every second.
    with read_only():
        candidate_ids = session.scalars(
            # oldest first, so that a flood of new jobs cannot starve one that was lost
            select(Job.id).where(or_(due, abandoned)).order_by(Job.due_at).limit(_REDISPATCH_BATCH)
        ).all()
    if not candidate_ids:
        return 0

    def claim_rows() -> list[tuple[int, str]]:
        rows = session.execute(
            update(Job)
            # the condition once more: a worker or another scheduler may
            # have been faster since the look
            .where(Job.id.in_(candidate_ids), or_(due, abandoned))
            .values(dispatched_at=now, state=JobState.WAITING, lease_until=None)
            .returning(Job.id, Job.name)
            .execution_options(synchronize_session=False)
        )
        return [(row.id, row.name) for row in rows]

    claimed = run_in_transaction(claim_rows)
    dispatch(claimed)
    return len(claimed)


def run(job_id: int, *, now: datetime) -> JobState | None:
    """Run one job; the state it is left in, or None when it is not due or another worker has it.

    Does not raise what the handler raises: that is recorded in the row and logged.
    """
    claimed = run_in_transaction(lambda: _claim(job_id, now))
    if claimed is None:
        return None
    name, payload, attempt, request = claimed
    # the id of the request that enqueued the job: one search in the log finds both
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
        # Redis may deliver an id twice, or an old one: the row alone decides whether there is work
        .where(Job.id == job_id, Job.state == JobState.WAITING, Job.due_at <= now)
        .values(state=JobState.RUNNING, attempts=Job.attempts + 1, lease_until=lease)
        .returning(Job.name, Job.payload, Job.attempts, Job.request_id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    return None if row is None else (row.name, row.payload, row.attempts, row.request_id)


def _execute(job_id: int, name: str, payload: dict[str, Any], attempt: int, now: datetime) -> None:
    transactional = _Registry.transactional.get(name)
    if transactional is not None:

        def execute_and_finish() -> None:
            # First, so that a worker whose lease ran out changes nothing and the row is locked
            # against a second one.
            if _finish(job_id, attempt, JobState.DONE):
                transactional(now=now, **payload)

        run_in_transaction(execute_and_finish)
        return
    # An unknown name raises KeyError and is retried: a newer version of the hub may know it.
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
    """Schedule another attempt, or mark the job dead when another one cannot help."""
    now = clock.now()
    # cut: errors of the database quote their whole statement with its parameters
    reason = f"{type(error).__name__}: {error}"[:1000]
    # a rule that refuses now will refuse again; another attempt reads what has changed meanwhile
    refused = isinstance(error, DomainError) and not isinstance(error, Temporary | Stale)
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
            dispatched_at=None,
            finished_at=None,
            last_error=reason,
        )
    )
    return JobState.WAITING


def _traceback_for(error: Exception) -> Exception | None:
    # Temporary is raised on purpose where WeChat or Redis fails: where from is known. Everything
    # else is a mistake of ours, and its stack is needed.
    return None if isinstance(error, Temporary) else error


def _backoff_seconds(error: Exception, attempt: int) -> float:
    requested = error.retry_after if isinstance(error, Temporary) else None
    if requested is not None:
        return requested
    # exponential backoff with "equal jitter"
    # (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/)
    upper_bound = min(_MAX_BACKOFF_SECONDS, 2.0**attempt)
    return random.uniform(upper_bound / 2, upper_bound)


def _mark_dead(job_id: int, attempt: int, reason: str, name: str, now: datetime) -> None:
    if _finish(job_id, attempt, JobState.DEAD, last_error=reason):
        alerts.raise_alert(
            JobAlert.DEAD,
            name,
            f"后台任务“{_Registry.labels.get(name, name)}”（{name}）多次失败，需要处理",
            now=now,
            job=job_id,
        )


def retry_dead(job_id: int, *, now: datetime) -> bool:
    """Let a dead job run again at once, with all its attempts; False when it is not dead."""
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
    """Delete jobs that were done before an instant; how many. Dead ones stay until staff act."""
    statement = delete(Job).where(Job.state == JobState.DONE, Job.finished_at < before)
    return len(session.scalars(statement.returning(Job.id)).all())
