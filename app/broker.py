"""The message broker: sends the ids of committed jobs to the workers, by Dramatiq over Redis.

Only ids are sent. Payload, state and attempts are in the `jobs` table (config/jobs.py), so an id
that Redis loses is sent again by the scheduler and an id that arrives twice does no harm.
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
    """The broker of this process, with its only actor `perform(job_id)`."""
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
    """Send ids of committed jobs to the workers.

    Does not raise while Redis is unavailable: `jobs.redispatch_lost` sends the ids later.
    """
    # A failed call within the last second is not repeated: the commit is done, and every request
    # would otherwise wait for a timeout of Redis.
    if cache.is_unavailable():
        return
    actor = broker().get_actor("perform")
    try:
        for job_id in ids:
            actor.send(job_id)
    # Not raised: the caller has committed already, and an error here would tell a person that a
    # change failed which was kept.
    except (BrokerConnectionError, *cache.UNAVAILABLE_ERRORS) as error:
        cache.mark_unavailable(error)
