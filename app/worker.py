"""The worker: runs jobs whose ids arrive through the broker.

    python -m app.worker

Any number of workers may run, on any number of machines: a job is claimed in its row.
"""

import signal
import threading

from dramatiq import Worker

from app import broker
from app.jobs import registry as handlers
from config import jobs, logs, settings

_log = logs.get_logger(__name__)
# Between two looks into an empty queue. Each part of a long answer is a job of its own, so a
# citizen may wait this long once for every part.
_POLL_MILLISECONDS = 100
# besides WORKER_THREADS; a notification takes seconds when the channel it goes by is down
_URGENT_THREADS = 4


def main() -> None:
    """Run until SIGTERM or SIGINT; jobs that are running are finished first.

    Exits with one line when a setting is wrong.
    """
    settings.check_or_exit()
    logs.configure()
    handlers.register()
    jobs.set_dispatcher(broker.dispatch, urgent=broker.dispatch_urgent)
    # Dramatiq's command line forks processes and imports a module to find its broker. With its
    # Worker class there is one process, with our check of settings, our logs and signals.
    workers = [
        Worker(each, worker_timeout=_POLL_MILLISECONDS, worker_threads=threads)
        for each, threads in (
            (broker.urgent_broker(), _URGENT_THREADS),
            (broker.broker(), settings.get().worker_threads),
        )
    ]
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    for worker in workers:
        worker.start()
    _log.info("worker.started", threads=settings.get().worker_threads)
    stopped.wait()
    for worker in workers:
        worker.stop()


if __name__ == "__main__":
    main()
