"""The scheduler: enqueues periodic jobs and dispatches lost ones. It runs no job itself.

    python -m app.scheduler

Every second it dispatches jobs that are due and looks whom to tell of alerts, every two seconds it
looks for new messages for the list of conversations, and CRON_JOBS are enqueued by time. Any number
of schedulers may run: each lost job and each periodic run is claimed by one of them in the
database.
"""

import signal
from datetime import datetime
from typing import Any

from apscheduler.schedulers.blocking import BlockingScheduler
from apscheduler.triggers.cron import CronTrigger

from app import broker
from app.jobs import notifications
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

# Fields of APScheduler's CronTrigger, in the time zone of the settings. The minutes of the rarer
# ones differ so that not everything starts at once: deletions and the check of the audit log at
# night, reminders before people come to work.
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
    """Enqueue the run of a periodic job that is due in this minute.

    False when another scheduler has claimed this run.
    """
    # two schedulers never wake in the same millisecond; rounded, they name the same run
    due = now.replace(second=0, microsecond=0)

    def claim() -> bool:
        if not cron_lock.claim(name, due):
            return False
        # with the name as key, a run that is still waiting or working is not doubled by the next
        # one
        jobs.enqueue(name, key=name)
        return True

    return run_in_transaction(claim)


def _redispatch_lost() -> None:
    try:
        jobs.redispatch_lost(now=clock.now())
    except Exception:
        # the database may be unavailable for a while; the next second tries again
        _log.exception("redispatch.failed")


def request_conversation_refresh() -> None:
    """Enqueue the job that updates the list of conversations, if there are new messages.

    Does not raise: the next look is two seconds away.
    """
    try:
        # reading first: most of the time there is nothing new, and SQLite has one writer
        with read_only():
            is_behind = conversations.is_behind()
        if is_behind:
            run_in_transaction(conversations.request_refresh)
    except Exception:
        _log.exception("conversation_refresh.failed")


def request_notifications() -> None:
    """Enqueue what people have to be told of alerts now.

    Does not raise: the next look is a second away.
    """
    try:
        notifications.request_due(now=clock.now())
    except Exception:
        _log.exception("notifications.failed")


def _enqueue_due_safely(name: JobName) -> None:
    try:
        enqueue_due(name, now=clock.now())
    except Exception:
        _log.exception("cron.failed", job_name=name)


def main() -> None:
    """Run until SIGTERM or SIGINT. Exits with one line when a setting is wrong."""
    settings.check_or_exit()
    logs.configure()
    handlers.register()
    jobs.set_dispatcher(broker.dispatch, urgent=broker.dispatch_urgent)
    zone = settings.get().timezone
    scheduler = BlockingScheduler(
        # After a pause (a suspended machine, a slow database) a missed run is made up for once,
        # if it is at most an hour late; APScheduler's own default of one second would skip it.
        timezone=zone,
        job_defaults={"coalesce": True, "misfire_grace_time": 3600},
    )
    scheduler.add_job(_redispatch_lost, "interval", seconds=1, next_run_time=clock.now())
    scheduler.add_job(request_notifications, "interval", seconds=1, next_run_time=clock.now())
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
