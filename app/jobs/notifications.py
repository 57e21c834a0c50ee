"""Jobs that tell people of alerts outside of the console's pages.

    scheduler, each second ── request_due ──> PLAN, for an alert      who is told now
                                        └───> DELIVER, for a delivery one attempt by one channel

Nothing here waits for the lease of a job: an alert and a delivery have claims of their own, of a
few seconds, so that a killed worker delays them no longer (docs/decisions/0060). A job that comes
late or twice finds the rows changed and does nothing.
"""

from datetime import datetime

from app.alert_kinds import label_of
from config import alerts, clock, jobs
from config.alerts import Alert, AlertState, due
from config.database import read_only, run_in_transaction, session, transaction
from matrix.notifications import channels, deliveries, messages, planning, recipients, sending
from matrix.notifications.channels import NotificationJob
from matrix.notifications.deliveries import Attempt, NotificationAlert
from matrix.notifications.messages import Message
from matrix.notifications.planning import AlertFacts, Plan
from matrix.staff import members

# of an alert's page in the console, whose addresses only a request can build
ALERT_PATH = "/console/alarms/{alert_id}"


def request_due(*, now: datetime) -> int:
    """Enqueue a job for each alert and each delivery that is due; how many there were."""
    # reading first: nearly every second there is nothing, and SQLite has one writer
    with read_only():
        alert_ids, delivery_ids = due.find_due(now=now), deliveries.find_due(now=now)
    if alert_ids or delivery_ids:
        run_in_transaction(lambda: _enqueue_due(alert_ids, delivery_ids, now))
    return len(alert_ids) + len(delivery_ids)


def _enqueue_due(alert_ids: list[int], delivery_ids: list[int], now: datetime) -> None:
    for alert_id in due.claim(alert_ids, now=now):
        jobs.enqueue(NotificationJob.PLAN, alert_id=alert_id)
    deliveries.request_due(delivery_ids, now=now)


def plan(*, alert_id: int, now: datetime) -> None:
    """Decide who is told of an alert now, and when to look again."""
    # read before the transaction that writes: the permissions of a hundred people take a while,
    # and on SQLite the callback waits for each writer
    with read_only():
        alert = session.get(Alert, alert_id)
        if alert is None or alert.notify_at is None or alert.state is not AlertState.OPEN:
            return
        # before the plan: a round that another job adds between the two reads is then planned once
        # more, and refused when it is stored
        seen, rounds = alert.notify_at, deliveries.last_rounds(alert_id)
        made = _make_plan(alert, now)

    def write() -> None:
        for recipient in made.tell:
            number = rounds.get(recipient.staff_id, 0) + 1
            deliveries.create(alert_id, recipient, round_number=number, now=now)
        # raised again meanwhile: it is still due, and is planned again
        due.schedule(alert_id, seen=seen, at=made.next_at)

    run_in_transaction(write)


def _make_plan(alert: Alert, now: datetime) -> Plan:
    facts = AlertFacts(alert.urgent, alert.opened_at, alert.last_raised_at)
    told = deliveries.told(alert)
    return planning.make_plan(facts, recipients.for_alert(alert, now=now), told, now=now)


def deliver(*, delivery_id: int, attempts: int, now: datetime) -> None:
    """Try to tell one person by one channel, and ask for the next attempt when it fails."""
    with transaction():
        attempt = deliveries.begin_attempt(delivery_id, attempts=attempts, now=now)
        message = _message(attempt) if attempt is not None else None
    if attempt is None or message is None:
        return
    problem = sending.send(attempt.channel, message, now=now)
    run_in_transaction(lambda: _record(attempt, problem, clock.now()))


def _message(attempt: Attempt) -> Message:
    other = attempt.delivery.on_behalf_of
    return messages.of_alert(
        attempt.alert,
        path=ALERT_PATH.format(alert_id=attempt.alert.id),
        kind_label=label_of(attempt.alert.kind),
        on_behalf_of=members.get(other).name if other is not None else "",
    )


def _record(attempt: Attempt, problem: str, now: datetime) -> None:
    if not problem:
        deliveries.record_sent(attempt, now=now)
        return
    was_last = deliveries.record_failed(attempt, problem, now=now)
    # of an alert that says so no second one: its own notifications may fail as well
    if was_last and attempt.alert.kind != NotificationAlert.UNDELIVERED:
        person = members.get(attempt.delivery.staff_id)
        alerts.raise_alert(
            NotificationAlert.UNDELIVERED,
            person.id,
            f"{person.name}的提醒通知没有送达：{problem}",
            now=now,
            department_id=person.department_id,
        )


def send_test(*, channel_id: int, now: datetime) -> None:
    """Send a test message by a channel and record how it fared."""
    with read_only():
        channel = channels.find(channel_id)
        name = members.get(channel.staff_id).name if channel is not None else ""
    if channel is None:
        return
    problem = sending.send(channel, messages.of_test(name), now=now)
    with transaction():
        channels.record_test(channel_id, problem=problem, now=clock.now())
