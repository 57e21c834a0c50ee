"""The job that deletes what has been kept long enough."""

from datetime import datetime, timedelta

from config import alerts, clock, jobs, settings
from config.jobs import JobName
from keywords.rules import rule_imports
from keywords.statistics import hits, unanswered
from matrix import conversations, inbox, outbound
from matrix.accounts import callback_stats
from matrix.inbox import awaited_replies
from matrix.menus import remote_state
from matrix.staff.sign_in import sessions, throttle

# of jobs that are done; dead ones stay until staff act
_JOB_RETENTION = timedelta(days=7)
_SESSION_RETENTION = timedelta(days=30)
_THROTTLE_RETENTION = timedelta(days=1)
_PREVIEW_RETENTION = timedelta(days=1)
# The whole purge is one transaction, and with SQLite the callback waits for its end. What is left
# over goes in the following nights.
_PURGE_BATCH = 5000
_IMPORT_RETENTION = timedelta(days=90)
# three years, leap years included
_HIT_RETENTION = timedelta(days=3 * 366)


class MaintenanceJob(JobName):
    """Jobs that keep the database small."""

    PURGE_EXPIRED = "maintenance.purge_expired", "清理到期的数据"


def purge_expired(*, now: datetime) -> None:
    """Delete what has been kept long enough, of every kind."""
    jobs.purge_done(before=now - _JOB_RETENTION)
    awaited_replies.delete_older_than(before=now - awaited_replies.WAIT)
    before = now - timedelta(days=settings.get().inbox_days)
    # an outbound message has a foreign key to its inbox message, so it goes first
    if outbound.delete_older_than(before=before, at_most=_PURGE_BATCH) < _PURGE_BATCH:
        inbox.delete_older_than(before=before, at_most=_PURGE_BATCH)
    # they quote messages, and are kept no longer
    alerts.delete_resolved_before(before, at_most=_PURGE_BATCH)
    # with their messages: a conversation without one would be an empty page
    conversations.delete_older_than(before=before)
    hits.delete_older_than(before=clock.local_day(now - _HIT_RETENTION))
    rule_imports.delete_older_than(before=now - _IMPORT_RETENTION)
    unanswered.delete_older_than(before=now - timedelta(days=settings.get().unmatched_days))
    remote_state.delete_previews_older_than(before=now - _PREVIEW_RETENTION)
    callback_stats.delete_hours_older_than(before=now - callback_stats.RETENTION)
    sessions.delete_older_than(before=now - _SESSION_RETENTION)
    throttle.delete_older_than(before=now - _THROTTLE_RETENTION)
