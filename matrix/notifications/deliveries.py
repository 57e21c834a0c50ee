"""Deliveries: one alert on its way to one person, in rounds, and each attempt by a channel.

    PENDING ── begin_attempt ──> SENDING ── sent ──> SENT
       ^                            │└── failed: the next channel at once; after the last, again
       └── later, for an hour ──────┘     later ──> FAILED      taken or resolved ──> CANCELLED

Delivery is at least once: an attempt is committed before its call, and when its worker is killed
the claim on it runs out after seconds and the next attempt begins. A message that comes twice does
no harm; one that never comes may. `number` is the fencing token of an attempt.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, UniqueConstraint, func, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from config import jobs, settings
from config.alerts import Alert, AlertKind, AlertState, due
from config.database import Base, BigKey, compare_and_set, session, upsert
from matrix.notifications import channels, preferences, recipients
from matrix.notifications.channels import NotificationChannel, NotificationJob
from matrix.notifications.planning import Recipient, Told

# what cannot be sent within an hour is left to the alert's page, and staff are told of that
GIVE_UP_AFTER = timedelta(hours=1)
_FIRST_PAUSE = timedelta(seconds=15)
_LONGEST_PAUSE = timedelta(minutes=5)
_CLAIM_BATCH = 200
_IS_UNFINISHED = text("state IN ('pending', 'sending')")


class NotificationAlert(AlertKind):
    """What staff must look at in the notifications themselves."""

    UNDELIVERED = "notification.undelivered", "提醒没有送达"


class DeliveryState(StrEnum):
    """How far a delivery has come."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    CANCELLED = "cancelled"


class AttemptResult(StrEnum):
    """How an attempt ended; RUNNING also when its worker was killed and nobody knows."""

    RUNNING = "running"
    SENT = "sent"
    FAILED = "failed"


UNFINISHED = (DeliveryState.PENDING, DeliveryState.SENDING)


class NotificationDelivery(Base):
    """One round of telling one person of one alert.

    `attempts` counts those that were begun; `next_at` is when the next one is due, or when the
    claim on the present one runs out. `on_behalf_of` is whose deputy the person is.
    """

    __tablename__ = "notification_deliveries"
    __table_args__ = (
        # so that two plans made at the same moment tell nobody twice
        UniqueConstraint("alert_id", "staff_id", "round"),
        Index(
            "ix_notification_deliveries_due",
            "next_at",
            sqlite_where=_IS_UNFINISHED,
            postgresql_where=_IS_UNFINISHED,
        ),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    alert_id: Mapped[int] = mapped_column(BigKey, ForeignKey("alerts.id", ondelete="CASCADE"))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    on_behalf_of: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    round: Mapped[int]
    state: Mapped[DeliveryState]
    attempts: Mapped[int]
    next_at: Mapped[datetime]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    problem: Mapped[str]


class NotificationAttempt(Base):
    """One try by one channel; `channel` is a copy of its label."""

    __tablename__ = "notification_attempts"
    __table_args__ = (UniqueConstraint("delivery_id", "number"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    delivery_id: Mapped[int] = mapped_column(
        BigKey, ForeignKey("notification_deliveries.id", ondelete="CASCADE")
    )
    number: Mapped[int]
    channel: Mapped[str]
    result: Mapped[AttemptResult]
    problem: Mapped[str]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


@dataclass(frozen=True)
class Attempt:
    """What an attempt needs: the alert to tell of, the channel, and the key of its row."""

    delivery: NotificationDelivery
    alert: Alert
    channel: NotificationChannel
    number: int
    # how many channels come in turn before the first is tried again
    channel_count: int


# ---- rounds ----


def told(alert: Alert) -> dict[int, Told]:
    """When each person was told of an alert since it was last opened, by staff id."""
    row = NotificationDelivery
    since = select(row.staff_id, func.min(row.created_at), func.max(row.created_at)).where(
        row.alert_id == alert.id, row.created_at >= alert.opened_at
    )
    rows = session.execute(since.group_by(row.staff_id))
    return {staff_id: Told(first_at, last_at) for staff_id, first_at, last_at in rows}


def last_rounds(alert_id: int) -> dict[int, int]:
    """The number of each person's last round, whenever it was, by staff id."""
    row = NotificationDelivery
    rows = select(row.staff_id, func.max(row.round)).where(row.alert_id == alert_id)
    return dict(session.execute(rows.group_by(row.staff_id)).all())


def create(alert_id: int, recipient: Recipient, *, round_number: int, now: datetime) -> None:
    """Tell somebody of an alert, after the commit; nothing when this round exists already."""
    delivery_id = session.scalar(
        upsert(NotificationDelivery)
        .values(
            alert_id=alert_id,
            staff_id=recipient.staff_id,
            on_behalf_of=recipient.on_behalf_of,
            round=round_number,
            state=DeliveryState.PENDING,
            attempts=0,
            next_at=now + _shortest_lease(),
            created_at=now,
            problem="",
        )
        .on_conflict_do_nothing()
        .returning(NotificationDelivery.id)
    )
    if delivery_id is not None:
        _enqueue(delivery_id, attempts=0)


def _enqueue(delivery_id: int, *, attempts: int) -> None:
    # with the count, so that a job that was lost and comes late begins nothing
    jobs.enqueue(NotificationJob.DELIVER, delivery_id=delivery_id, attempts=attempts)


def _shortest_lease() -> timedelta:
    return timedelta(seconds=settings.get().notification_timeout + 1)


# ---- what is due ----


def find_due(*, now: datetime) -> list[int]:
    """Ids of deliveries whose next attempt is due, those of urgent alerts first."""
    row = NotificationDelivery
    rows = (
        select(row.id)
        .join(Alert, Alert.id == row.alert_id)
        .where(row.state.in_(UNFINISHED), row.next_at <= now)
        .order_by(Alert.urgent.desc(), row.next_at)
        .limit(_CLAIM_BATCH)
    )
    return list(session.scalars(rows))


def request_due(delivery_ids: list[int], *, now: datetime) -> None:
    """Enqueue the next attempt of those of the deliveries that are still due."""
    row = NotificationDelivery
    for delivery_id in delivery_ids:
        delivery = session.get(row, delivery_id)
        if delivery is None:
            continue
        lease = due.lease(now - delivery.created_at, _shortest_lease())
        claimed = session.execute(
            update(row)
            # the condition once more: another scheduler may have been faster since the look
            .where(row.id == delivery_id, row.state.in_(UNFINISHED), row.next_at <= now)
            .values(next_at=now + lease)
            .returning(row.id, row.attempts)
            .execution_options(synchronize_session=False)
        ).one_or_none()
        if claimed is not None:
            _enqueue(claimed.id, attempts=claimed.attempts)


# ---- attempts ----


def begin_attempt(delivery_id: int, *, attempts: int, now: datetime) -> Attempt | None:
    """Choose the channel and write the attempt down; None when there is nothing to send.

    To be committed before the call. `attempts` is how many were begun when it was asked for.
    """
    delivery = session.get(NotificationDelivery, delivery_id)
    if delivery is None or delivery.state not in UNFINISHED or delivery.attempts != attempts:
        return None
    alert = session.get_one(Alert, delivery.alert_id)
    if alert.state is not AlertState.OPEN:
        _finish(delivery_id, DeliveryState.CANCELLED, now=now)
        return None
    usable = _usable_channels(delivery, alert.kind)
    problem = ""
    if not recipients.may_be_told(delivery.staff_id, alert, now=now):
        problem = "已无权查看这条提醒"
    elif not usable:
        problem = "没有可用的通知方式"
    if problem:
        _finish(delivery_id, DeliveryState.FAILED, now=now, problem=problem)
        return None
    began = compare_and_set(
        NotificationDelivery,
        delivery_id,
        when={"attempts": attempts, "state": UNFINISHED},
        to={
            "attempts": attempts + 1,
            "state": DeliveryState.SENDING,
            "next_at": now + _shortest_lease(),
        },
    )
    if began is None:
        return None
    channel = usable[attempts % len(usable)]
    session.add(
        NotificationAttempt(
            delivery_id=delivery_id,
            number=attempts + 1,
            channel=channel.label,
            result=AttemptResult.RUNNING,
            problem="",
            started_at=now,
        )
    )
    return Attempt(began, alert, channel, attempts + 1, len(usable))


def _usable_channels(delivery: NotificationDelivery, kind: str) -> list[NotificationChannel]:
    """The channels that the person chose for this kind; a deputy who chose none, all."""
    own = channels.list_for_person(delivery.staff_id)
    chosen = preferences.by_person([delivery.staff_id]).get(delivery.staff_id, {}).get(kind)
    if chosen is None:
        return list(own) if delivery.on_behalf_of is not None else []
    return [channel for channel in own if channel.id in chosen.channel_ids]


def record_sent(attempt: Attempt, *, now: datetime) -> None:
    """Record that an attempt has succeeded, also when a later one has begun meanwhile."""
    _record_result(attempt, AttemptResult.SENT, "", now)
    _finish(attempt.delivery.id, DeliveryState.SENT, now=now)


def record_failed(attempt: Attempt, problem: str, *, now: datetime) -> bool:
    """Record that an attempt has failed, and ask for the next; True when it was the last.

    The next channel follows at once, and after all of them a pause that doubles each time.
    """
    _record_result(attempt, AttemptResult.FAILED, problem, now)
    delivery_id = attempt.delivery.id
    if now - attempt.delivery.created_at > GIVE_UP_AFTER:
        return _finish(delivery_id, DeliveryState.FAILED, now=now, problem=problem)
    turns, is_next = divmod(attempt.number, attempt.channel_count)
    # a fencing token: the claim may have run out, and another attempt be under way
    current = {"attempts": attempt.number, "state": UNFINISHED}
    pause = _shortest_lease() if is_next else min(_FIRST_PAUSE * 2 ** (turns - 1), _LONGEST_PAUSE)
    waits = compare_and_set(
        NotificationDelivery,
        delivery_id,
        when=current,
        to={"state": DeliveryState.PENDING, "next_at": now + pause, "problem": problem},
    )
    if waits is not None and is_next:
        _enqueue(delivery_id, attempts=attempt.number)
    return False


def _record_result(attempt: Attempt, result: AttemptResult, problem: str, now: datetime) -> None:
    row = NotificationAttempt
    session.execute(
        update(row)
        .where(row.delivery_id == attempt.delivery.id, row.number == attempt.number)
        .values(result=result, problem=problem, finished_at=now)
        .execution_options(synchronize_session=False)
    )


def _finish(delivery_id: int, state: DeliveryState, *, now: datetime, problem: str = "") -> bool:
    finished = compare_and_set(
        NotificationDelivery,
        delivery_id,
        when={"state": UNFINISHED},
        to={"state": state, "finished_at": now, "problem": problem},
    )
    return finished is not None


# ---- for the page of an alert ----


def list_for_alert(alert_id: int) -> Sequence[NotificationDelivery]:
    """The deliveries of an alert, the newest first."""
    rows = select(NotificationDelivery).where(NotificationDelivery.alert_id == alert_id)
    return session.scalars(rows.order_by(NotificationDelivery.id.desc()).limit(100)).all()


def attempts_of(delivery_ids: Sequence[int]) -> Mapping[int, list[NotificationAttempt]]:
    """The attempts of deliveries in their order, by the delivery's id."""
    row = NotificationAttempt
    rows = select(row).where(row.delivery_id.in_(delivery_ids)).order_by(row.number)
    found: dict[int, list[NotificationAttempt]] = {}
    for each in session.scalars(rows):
        found.setdefault(each.delivery_id, []).append(each)
    return found
