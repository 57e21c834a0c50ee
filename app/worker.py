"""The worker: runs jobs. Any number of them may run, on any number of machines.

python -m app.worker
"""

import signal
import threading

from dramatiq import Worker

from app import broker
from app.jobs import registry as handlers
from config import jobs, logs, settings

_log = logs.get_logger(__name__)
# between looks into an empty queue; more would delay the later parts of an answer noticeably
_POLL_MILLISECONDS = 100


def main() -> None:
    """Run until SIGTERM or SIGINT; running jobs are finished first."""
    settings.check_or_exit()
    logs.configure()
    handlers.register()
    jobs.set_dispatcher(broker.dispatch)
    worker = Worker(
        broker.broker(),
        worker_timeout=_POLL_MILLISECONDS,
        worker_threads=settings.get().worker_threads,
    )
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    worker.start()
    _log.info("worker.started", threads=settings.get().worker_threads)
    stopped.wait()
    worker.stop()


if __name__ == "__main__":
    main()
