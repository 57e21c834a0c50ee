"""How ids of jobs travel from a commit to a worker: Dramatiq over Redis.

Only ids travel: the row is the truth, and what Redis loses the scheduler dispatches again.
"""

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.errors import BrokerConnectionError
from dramatiq.middleware import ShutdownNotifications

from config import cache, clock, jobs
from config.lazy import Lazy

QUEUE_NAME = "jobs"


@Lazy
def broker() -> RedisBroker:
    """The broker of this process, with its one actor."""
    # Dramatiq's own retries and time limits are left out: config/jobs.py keeps count in the row,
    # where it survives a restart of Redis and staff can see it.
    new_broker = RedisBroker(  # type: ignore[no-untyped-call]  # its own signature has no types
        client=cache.client(), middleware=[ShutdownNotifications()], namespace="hub"
    )
    dramatiq.actor(actor_name="perform", queue_name=QUEUE_NAME, broker=new_broker)(_run_job)
    return new_broker


def _run_job(job_id: int) -> None:
    jobs.run(job_id, now=clock.now())


def dispatch(ids: list[int]) -> None:
    """Send ids to the workers. Without Redis they are left to `jobs.redispatch_lost`."""
    if cache.is_unavailable():
        return
    actor = broker().get_actor("perform")
    try:
        for job_id in ids:
            actor.send(job_id)
    except (BrokerConnectionError, *cache.UNAVAILABLE_ERRORS) as error:
        cache.mark_unavailable(error)
