"""The job benchmark inside the hub's processes.

    python -m bench.jobs_worker work          the hub's own worker with one more job registered
    python -m bench.jobs_worker ask COUNT     write COUNT jobs, wait, print times

Each job is enqueued in a transaction of its own, as a citizen's request would.
"""

import sys
from datetime import datetime

from sqlalchemy import func, select

from app import broker, worker
from app.jobs.registry import TRANSACTIONAL
from bench.common.timing import measure_jobs
from config import jobs
from config.database import read_only, session, transaction
from config.jobs import JobName


class BenchJob(JobName):
    """The job that is measured."""

    NOOP = "bench.noop", "空任务"


def noop(*, now: datetime) -> None:
    """A job that does nothing: storing and delivering it is what is measured."""


def enqueue() -> None:
    """Enqueue one job in its own transaction."""
    # one transaction a job is the worst case; many jobs in one transaction would share its commit
    with transaction():
        jobs.enqueue(BenchJob.NOOP)


def count_done() -> int:
    """How many jobs have run."""
    with read_only():
        found = session.scalar(
            select(func.count())
            .select_from(jobs.Job)
            .where(jobs.Job.name == BenchJob.NOOP, jobs.Job.state == jobs.JobState.DONE)
        )
    return found or 0


if __name__ == "__main__":
    if sys.argv[1] == "work":
        TRANSACTIONAL[BenchJob.NOOP] = noop
        worker.main()
    else:
        # without a dispatcher, rows would wait for the scheduler's sweep, and that is not running
        # here
        jobs.set_dispatcher(broker.dispatch)
        measure_jobs(enqueue, count_done, count=int(sys.argv[2]))
