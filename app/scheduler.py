"""The scheduler: enqueues periodic jobs and dispatches lost ones. It does no work itself.

Conversations are not on the timetable: every two seconds it looks for new messages in the inbox.

    python -m app.scheduler

Two schedulers are safe: each lost job and each periodic run is claimed by one of them.
"""

import signal
from datetime import datetime
from typing import Any

from apscheduler.schedulers.blocking import BlockingScheduler
from apscheduler.triggers.cron import CronTrigger

from app import broker
from app.jobs import registry as handlers
from app.jobs.audit_seals import AuditJob
from app.jobs.inbox_statistics import InboxJob
from app.jobs.maintenance import MaintenanceJob
from app.jobs.rule_reminders import RuleReminderJob
from config import clock, cron_lock, jobs, logs, settings
from config.database import read_only, run_in_transaction
from config.jobs import JobName
from matrix import conversations, qrcodes
from matrix.accounts.jobs_and_alerts import AccountJob
from matrix.health.statistics import HealthJob
from matrix.media import MediaJob

_log = logs.get_logger(__name__)

# fields of APScheduler's CronTrigger, in the time zone of the settings; the minutes differ so that
# not everything starts at once
CRON_JOBS: dict[JobName, dict[str, Any]] = {
    InboxJob.UPDATE_STATISTICS: {"minute": "*/2"},
    qrcodes.QrCodeJob.COUNT_SCANS: {"minute": "*/5"},
    MediaJob.REFRESH: {"minute": "*/10"},
    RuleReminderJob.WARN_OVERDUE_REVIEWS: {"hour": 7, "minute": 10},
    MaintenanceJob.PURGE_EXPIRED: {"hour": 3, "minute": 20},
    AuditJob.SEAL: {"minute": "*"},
    AuditJob.VERIFY: {"hour": 4, "minute": 10},
    HealthJob.COMPUTE: {"minute": "*/10"},
    AccountJob.CHECK_ALL: {"minute": 7},
    AccountJob.WARN_EXPIRING_VERIFICATION: {"hour": 8, "minute": 30},
}


def enqueue_due(name: JobName, *, now: datetime) -> bool:
    """Enqueue a periodic job for this minute; False when another scheduler did."""
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


def request_conversation_refresh() -> None:
    """Enqueue the update of conversations if there are new messages."""
    try:
        # reading first: most of the time there is nothing new, and SQLite has one writer
        with read_only():
            is_behind = conversations.is_behind()
        if is_behind:
            run_in_transaction(conversations.request_refresh)
    except Exception:
        _log.exception("conversation_refresh.failed")


def _enqueue_due_safely(name: JobName) -> None:
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
    scheduler.add_job(
        request_conversation_refresh, "interval", seconds=2, next_run_time=clock.now()
    )
    for name, schedule in CRON_JOBS.items():
        scheduler.add_job(_enqueue_due_safely, CronTrigger(**schedule, timezone=zone), args=[name])
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: scheduler.shutdown(wait=False))
    _log.info("scheduler.started")
    scheduler.start()


if __name__ == "__main__":
    main()
