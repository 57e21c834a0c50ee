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

from app import broker, connecting, gathering
from app import jobs as handlers
from config import clock, jobs, logs, settings, timetable
from config.database import reading, retrying
from matrix import codes, surveys, talks

_log = logs.get(__name__)

# name of the job, and when it is due on the city's clocks
TIMETABLE: dict[str, dict[str, Any]] = {
    gathering.GATHER: {"minute": "*/2"},
    codes.COUNT: {"minute": "*/5"},
    handlers.MEDIA_REFRESH: {"minute": "*/10"},
    handlers.RULES_DUE: {"hour": 7, "minute": 10},
    handlers.TIDY: {"hour": 3, "minute": 20},
    surveys.SURVEY: {"minute": "*/10"},
    connecting.PATROL: {"minute": 7},
    connecting.REMIND: {"hour": 8, "minute": 30},
}


def ring(name: str, *, now: datetime) -> bool:
    """Enqueue the work that is due this minute, unless another scheduler did."""
    due = now.replace(second=0, microsecond=0)

    def claim() -> bool:
        if not timetable.claim(name, due):
            return False
        jobs.enqueue(name, key=name)
        return True

    return retrying(claim)


def _sweep() -> None:
    try:
        jobs.sweep(now=clock.now())
    except Exception:
        # the database may be away for a while; the next second tries again
        _log.exception("sweep.failed")


def look_for_talks() -> None:
    """Ask for talks to be gathered, if there is anything new."""
    try:
        with reading():
            is_behind = talks.is_behind()
        if is_behind:
            retrying(talks.ask_to_gather)
    except Exception:
        _log.exception("gathering.failed")


def _ring(name: str) -> None:
    try:
        ring(name, now=clock.now())
    except Exception:
        _log.exception("timetable.failed", job_name=name)


def main() -> None:
    """Run until told to stop."""
    settings.check()
    logs.configure()
    handlers.register()
    jobs.announce_with(broker.announce)
    zone = settings.get().timezone
    scheduler = BlockingScheduler(
        timezone=zone, job_defaults={"coalesce": True, "misfire_grace_time": 3600}
    )
    scheduler.add_job(_sweep, "interval", seconds=1, next_run_time=clock.now())
    scheduler.add_job(look_for_talks, "interval", seconds=2, next_run_time=clock.now())
    for name, hours in TIMETABLE.items():
        scheduler.add_job(_ring, CronTrigger(**hours, timezone=zone), args=[name])
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: scheduler.shutdown(wait=False))
    _log.info("scheduler.started")
    scheduler.start()


if __name__ == "__main__":
    main()
