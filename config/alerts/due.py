"""Due: which alerts people have to be told of now. Who is told, and how, others decide.

    raise_alert ──> notify_at = now ── claim ──> the caller's job ── schedule ──> the next time

A claim is a lease: when the job that it was for never ran, because its worker was killed, the alert
is claimed again a few seconds later. It lasts longer the longer an alert waits, so that a mistake
of ours does not fill the table of jobs.
"""

from datetime import datetime, timedelta

from sqlalchemy import select, update

from config.alerts import Alert
from config.database import compare_and_set, session

_SHORTEST_LEASE = timedelta(seconds=3)
_LONGEST_LEASE = timedelta(minutes=5)
_CLAIM_BATCH = 100


def find_due(*, now: datetime) -> list[int]:
    """Ids of the alerts that are due, urgent ones first, at most a hundred."""
    rows = select(Alert.id).where(Alert.notify_at <= now)
    return list(
        session.scalars(rows.order_by(Alert.urgent.desc(), Alert.notify_at).limit(_CLAIM_BATCH))
    )


def claim(alert_ids: list[int], *, now: datetime) -> list[int]:
    """Claim those of the alerts that are still due; the ids of those the caller got, in order."""
    return [alert_id for alert_id in alert_ids if _claim_one(alert_id, now)]


def _claim_one(alert_id: int, now: datetime) -> bool:
    alert = session.get(Alert, alert_id)
    if alert is None:
        return False
    until = now + lease(now - max(alert.opened_at, alert.last_raised_at), _SHORTEST_LEASE)
    got = session.scalar(
        update(Alert)
        # the condition once more: another scheduler may have been faster since the look
        .where(Alert.id == alert_id, Alert.notify_at <= now)
        .values(notify_at=until)
        .returning(Alert.id)
        .execution_options(synchronize_session=False)
    )
    return got is not None


def lease(age: timedelta, shortest: timedelta) -> timedelta:
    """How long a claim holds on something that has waited for `age`: a tenth, within bounds."""
    return min(max(age / 10, shortest), _LONGEST_LEASE)


def schedule(alert_id: int, *, seen: datetime, at: datetime | None) -> bool:
    """Set when people are told next, None for never; False when it was raised or taken meanwhile.

    `seen` is the `notify_at` that the caller decided on.
    """
    updated = compare_and_set(Alert, alert_id, when={"notify_at": seen}, to={"notify_at": at})
    return updated is not None
