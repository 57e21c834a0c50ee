"""What runs inside the hub's processes to measure its jobs.

    python -m bench.hub_jobs work          the hub's own worker, which also knows our job
    python -m bench.hub_jobs ask COUNT     write COUNT jobs, wait, print times

Each job is a row in a transaction of its own, as when a citizen's deed asks for one.
"""

import sys
from datetime import datetime

from sqlalchemy import func, select

from app import broker, worker
from app.jobs import INSIDE
from bench.timing import ask
from config import jobs
from config.database import reading, session, transaction

NOTHING = "bench.nothing"


def nothing(*, now: datetime) -> None:
    """A job that does nothing: its row and its way are what is measured."""


def enqueue() -> None:
    """One job in a transaction."""
    with transaction():
        jobs.enqueue(NOTHING)


def done() -> int:
    """How many have run."""
    with reading():
        found = session.scalar(
            select(func.count())
            .select_from(jobs.Job)
            .where(jobs.Job.name == NOTHING, jobs.Job.state == jobs.State.DONE)
        )
    return found or 0


if __name__ == "__main__":
    if sys.argv[1] == "work":
        INSIDE[NOTHING] = nothing
        worker.main()
    else:
        jobs.announce_with(broker.announce)
        ask(enqueue, done, count=int(sys.argv[2]))
