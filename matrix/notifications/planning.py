"""Planning: who is told of an alert now, and when to look again. Reads and writes nothing.

    nobody told yet              ──> tell (in quiet hours: when they end, unless it is urgent)
    told, repeated every n min   ──> tell again n minutes later
    told, raised again, urgent   ──> tell again, at most every URGENT_REPEAT_MINUTES
    told, not taken for n min    ──> tell the deputy, too

All of it ends when somebody takes the alert.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from matrix.notifications.preferences import URGENT_REPEAT_MINUTES, QuietHours

_URGENT_REPEAT = timedelta(minutes=URGENT_REPEAT_MINUTES)


@dataclass(frozen=True)
class AlertFacts:
    """What planning must know of an alert. `opened_at` is since when nobody is at it."""

    urgent: bool
    opened_at: datetime
    last_raised_at: datetime


@dataclass(frozen=True)
class Recipient:
    """Somebody who is told of an alert; `on_behalf_of` is whose deputy, None for oneself.

    `waits_for` is how long after the other was told a deputy is told.
    """

    staff_id: int
    repeat: timedelta | None = None
    quiet: QuietHours | None = None
    on_behalf_of: int | None = None
    waits_for: timedelta = timedelta()


@dataclass(frozen=True)
class Told:
    """When somebody was told for the first and for the last time since the alert was opened."""

    first_at: datetime
    last_at: datetime


@dataclass(frozen=True)
class Plan:
    """Who is told now, and when to plan again; None for never."""

    tell: tuple[Recipient, ...]
    next_at: datetime | None


def make_plan(
    alert: AlertFacts, recipients: Sequence[Recipient], told: Mapping[int, Told], *, now: datetime
) -> Plan:
    """The plan for an alert that nobody has taken. `told` is by staff id."""
    tell: list[Recipient] = []
    later: list[datetime] = []
    told_now = dict(told)
    for recipient in recipients:
        due = _due(alert, recipient, told_now, now)
        if due is not None and due <= now:
            tell.append(recipient)
            before = told.get(recipient.staff_id)
            told_now[recipient.staff_id] = Told(before.first_at if before else now, now)
            due = _due(alert, recipient, told_now, now)
        if due is not None:
            later.append(due)
    return Plan(tuple(tell), min(later, default=None))


def _due(
    alert: AlertFacts, recipient: Recipient, told: Mapping[int, Told], now: datetime
) -> datetime | None:
    """When somebody is to be told next; None for never."""
    due = min(_reasons(alert, recipient, told), default=None)
    if due is None or alert.urgent or recipient.quiet is None:
        return due
    # asked for the later of both: what is overdue now is told when the quiet hours end
    return recipient.quiet.end_after(max(due, now)) or due


def _reasons(
    alert: AlertFacts, recipient: Recipient, told: Mapping[int, Told]
) -> Iterator[datetime]:
    own = told.get(recipient.staff_id)
    if own is None:
        if recipient.on_behalf_of is None:
            yield alert.opened_at
        elif other := told.get(recipient.on_behalf_of):
            yield other.first_at + recipient.waits_for
        return
    if recipient.repeat is not None:
        yield own.last_at + recipient.repeat
    if alert.urgent and alert.last_raised_at > own.last_at:
        yield own.last_at + _URGENT_REPEAT
