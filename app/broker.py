"""How ids of jobs travel from a commit to a worker: Dramatiq over Redis.

Only ids travel. What Redis loses, the scheduler's sweep announces again.
"""

from functools import cache as once

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.errors import BrokerConnectionError
from dramatiq.middleware import ShutdownNotifications

from config import cache, clock, jobs

QUEUE_NAME = "jobs"


@once
def broker() -> RedisBroker:
    """The broker of this process, with its one actor."""
    # Retries, limits and results are the rows' business (config/jobs.py), not the broker's.
    new_broker = RedisBroker(  # type: ignore[no-untyped-call]  # its own signature has no types
        client=cache.client(), middleware=[ShutdownNotifications()], namespace="hub"
    )
    dramatiq.actor(actor_name="perform", queue_name=QUEUE_NAME, broker=new_broker)(_run_job)
    return new_broker


def _run_job(job_id: int) -> None:
    jobs.run(job_id, now=clock.now())


def dispatch(ids: list[int]) -> None:
    """Send ids to the workers. With Redis away they are left to the sweep."""
    if cache.is_unavailable():
        return
    actor = broker().get_actor("perform")
    try:
        for job_id in ids:
            actor.send(job_id)
    except (BrokerConnectionError, *cache.UNAVAILABLE_ERRORS) as error:
        cache.mark_unavailable(error)
