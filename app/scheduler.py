"""The scheduler: sweeps for lost jobs each second and keeps the timetable. It only enqueues.

Talks are gathered as soon as there is something to gather, asked every other second.

    python -m app.scheduler

Two schedulers are safe: each row of the sweep and each hour of the timetable is claimed once.
"""

import signal
from datetime import datetime
from typing import Any

from apscheduler.schedulers.blocking import BlockingScheduler
from apscheduler.triggers.cron import CronTrigger

from app import broker
from app.jobs import account_checks, inbox_statistics
from app.jobs import registry as handlers
from config import clock, cron_lock, jobs, logs, settings
from config.audit import hash_chain
from config.database import read_only, run_in_transaction
from matrix import conversations, qrcodes
from matrix.health import statistics

_log = logs.get_logger(__name__)

# name of the job, and when it is due on the city's clocks
CRON_JOBS: dict[str, dict[str, Any]] = {
    inbox_statistics.UPDATE_STATISTICS: {"minute": "*/2"},
    qrcodes.COUNT: {"minute": "*/5"},
    handlers.MEDIA_REFRESH: {"minute": "*/10"},
    handlers.WARN_OVERDUE_REVIEWS: {"hour": 7, "minute": 10},
    handlers.PURGE_EXPIRED: {"hour": 3, "minute": 20},
    hash_chain.SEAL: {"minute": "*"},
    hash_chain.VERIFY: {"hour": 4, "minute": 10},
    statistics.COMPUTE: {"minute": "*/10"},
    account_checks.CHECK_ALL: {"minute": 7},
    account_checks.WARN_EXPIRING_VERIFICATION: {"hour": 8, "minute": 30},
}


def enqueue_due(name: str, *, now: datetime) -> bool:
    """Enqueue the work that is due this minute, unless another scheduler did."""
    due = now.replace(second=0, microsecond=0)

    def claim() -> bool:
        if not cron_lock.claim(name, due):
            return False
        jobs.enqueue(name, key=name)
        return True

    return run_in_transaction(claim)


def _redispatch_lost() -> None:
    try:
        jobs.redispatch_lost(now=clock.now())
    except Exception:
        # the database may be away for a while; the next second tries again
        _log.exception("redispatch.failed")


def request_projection() -> None:
    """Ask for talks to be gathered, if there is anything new."""
    try:
        with read_only():
            is_behind = conversations.is_behind()
        if is_behind:
            run_in_transaction(conversations.request_refresh)
    except Exception:
        _log.exception("projection.failed")


def _enqueue_due_safely(name: str) -> None:
    try:
        enqueue_due(name, now=clock.now())
    except Exception:
        _log.exception("cron.failed", job_name=name)


def main() -> None:
    """Run until told to stop."""
    settings.check_or_exit()
    logs.configure()
    handlers.register()
    jobs.set_dispatcher(broker.dispatch)
    zone = settings.get().timezone
    scheduler = BlockingScheduler(
        timezone=zone, job_defaults={"coalesce": True, "misfire_grace_time": 3600}
    )
    scheduler.add_job(_redispatch_lost, "interval", seconds=1, next_run_time=clock.now())
    scheduler.add_job(request_projection, "interval", seconds=2, next_run_time=clock.now())
    for name, schedule in CRON_JOBS.items():
        scheduler.add_job(_enqueue_due_safely, CronTrigger(**schedule, timezone=zone), args=[name])
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: scheduler.shutdown(wait=False))
    _log.info("scheduler.started")
    scheduler.start()


if __name__ == "__main__":
    main()
