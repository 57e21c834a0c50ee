"""The message broker: sends the ids of committed jobs to the workers, by Dramatiq over Redis.

Only ids are sent. Payload, state and attempts are in the `jobs` table (config/jobs.py), so an id
that Redis loses is sent again by the scheduler and an id that arrives twice does no harm.

Urgent jobs have a queue of their own, and workers threads of their own for it: what tells people of
a citizen in danger must not stand behind a backlog of twenty thousand others.
"""

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.errors import BrokerConnectionError
from dramatiq.middleware import ShutdownNotifications

from config import cache, clock, jobs
from config.lazy import Lazy

QUEUE_NAME = "jobs"
URGENT_QUEUE_NAME = "urgent"


@Lazy
def broker() -> RedisBroker:
    """The broker of this process, with its only actor `perform(job_id)`."""
    return _broker(QUEUE_NAME)


@Lazy
def urgent_broker() -> RedisBroker:
    """The same for urgent jobs.

    A broker of its own and not a second queue: Dramatiq's Worker serves all queues of a broker with
    the same threads.
    """
    return _broker(URGENT_QUEUE_NAME)


def _broker(queue_name: str) -> RedisBroker:
    # Dramatiq's own retries and time limits are left out: config/jobs.py keeps count in the row,
    # where it survives a restart of Redis and staff can see it.
    new_broker = RedisBroker(  # type: ignore[no-untyped-call]  # its own signature has no types
        client=cache.client(), middleware=[ShutdownNotifications()], namespace="hub"
    )
    dramatiq.actor(actor_name="perform", queue_name=queue_name, broker=new_broker)(_run_job)
    return new_broker


def _run_job(job_id: int) -> None:
    jobs.run(job_id, now=clock.now())


def dispatch(ids: list[int]) -> None:
    """Send ids of committed jobs to the workers.

    Does not raise while Redis is unavailable: `jobs.redispatch_lost` sends the ids later.
    """
    _dispatch(broker, ids)


def dispatch_urgent(ids: list[int]) -> None:
    """Send ids of committed urgent jobs, as `dispatch` does."""
    _dispatch(urgent_broker, ids)


def _dispatch(target: Lazy[RedisBroker], ids: list[int]) -> None:
    # A failed call within the last second is not repeated: the commit is done, and every request
    # would otherwise wait for a timeout of Redis.
    if cache.is_unavailable():
        return
    actor = target().get_actor("perform")
    try:
        for job_id in ids:
            actor.send(job_id)
    # Not raised: the caller has committed already, and an error here would tell a person that a
    # change failed which was kept.
    except (BrokerConnectionError, *cache.UNAVAILABLE_ERRORS) as error:
        cache.mark_unavailable(error)
