"""How ids of jobs travel from a commit to a worker: Dramatiq over Redis.

Only ids travel. What Redis loses, the scheduler's sweep announces again.
"""

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.errors import BrokerConnectionError
from dramatiq.middleware import Middleware, ShutdownNotifications

from config import cache, clock, jobs

QUEUE = "jobs"


def _middleware() -> list[Middleware]:
    # Retries, limits and results are the rows' business (config/jobs.py), not the broker's.
    return [ShutdownNotifications()]


broker = RedisBroker(  # type: ignore[no-untyped-call]  # its own signature has no types
    client=cache.client(), middleware=_middleware(), namespace="hub"
)
dramatiq.set_broker(broker)


@dramatiq.actor(queue_name=QUEUE, broker=broker)
def perform(job_id: int) -> None:
    """Do one job."""
    jobs.run(job_id, now=clock.now())


def announce(ids: list[int]) -> None:
    """Send ids to the workers. With Redis away they are left to the sweep."""
    if cache.is_away():
        return
    try:
        for job_id in ids:
            perform.send(job_id)
    except (BrokerConnectionError, *cache.Away) as error:
        cache.noticed(error)
