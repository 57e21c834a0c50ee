"""Bare Dramatiq: the broker settings of the hub, and an actor that only counts.

    python -m bench.peers.dramatiq_bare work          a worker, until it is told to stop
    python -m bench.peers.dramatiq_bare ask COUNT     send COUNT messages, wait, print times

Its messages exist in Redis only: what Redis loses is lost, and a message may be sent for a
transaction that is rolled back. REDIS_URL says where Redis is.
"""

import os
import sys

import dramatiq
import redis
from dramatiq import Worker
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import ShutdownNotifications

from bench.common.timing import measure_jobs, wait_for_stop

_DONE = "bench:done"
_QUEUE = "bench"

client = redis.Redis.from_url(os.environ["REDIS_URL"])
broker = RedisBroker(client=client, middleware=[ShutdownNotifications()], namespace="bare")
dramatiq.set_broker(broker)


@dramatiq.actor(queue_name=_QUEUE, broker=broker)
def noop() -> None:
    """Count a run."""
    client.incr(_DONE)


def count_done() -> int:
    """How many messages have run."""
    return int(client.get(_DONE) or 0)


def run_worker() -> None:
    """Work until SIGTERM or Ctrl-C."""
    # a poll of 100 ms and eight threads, as the hub's worker has
    worker = Worker(broker, worker_timeout=100, worker_threads=8)
    worker.start()
    wait_for_stop()
    worker.stop()


if __name__ == "__main__":
    if sys.argv[1] == "work":
        run_worker()
    else:
        measure_jobs(noop.send, count_done, count=int(sys.argv[2]))
