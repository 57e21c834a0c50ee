"""Recipients: who is to be told of an alert, and whether anybody is.

Whoever chose the kind of alert is told, if they work here and their permissions of today reach the
alert; their deputy after them, under the same condition. Whoever may not read an alert on the page
is not told of it by a message either.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from config import alerts, clock
from config.alerts import Alert
from config.database import session
from config.permissions import Permission, Principal
from matrix.accounts import Account
from matrix.notifications import channels, preferences
from matrix.notifications.channels import ChannelKind
from matrix.notifications.planning import Recipient
from matrix.notifications.preferences import (
    NotificationPreference,
    NotificationSettings,
    QuietHours,
)
from matrix.staff import grants
from matrix.staff.members import Staff, StaffState


@dataclass(frozen=True)
class PersonCoverage:
    """How one person is told of alerts; `kinds` are those that reach them by some channel."""

    person: Staff
    channel_kinds: tuple[ChannelKind, ...]
    kinds: frozenset[str]
    quiet: QuietHours | None
    deputy_name: str


def for_alert(alert: Alert, *, now: datetime) -> list[Recipient]:
    """Everybody who is to be told of an alert, each deputy behind those they stand in for."""
    chosen = {row.staff_id: row for row in preferences.list_for_kind(alert.kind)}
    own_settings = preferences.settings_by_person(chosen)
    deputy_ids = {row.deputy_id for row in own_settings.values() if row.deputy_id is not None}
    readers = _readers(alert, chosen.keys() | deputy_ids, now=now)
    reachable = channels.kinds_by_person(readers)
    told = [
        _recipient(row, own_settings.get(staff_id))
        for staff_id, row in chosen.items()
        if staff_id in readers and set(row.channel_ids) & reachable.get(staff_id, {}).keys()
    ]
    first = {recipient.staff_id for recipient in told}
    return told + [
        deputy
        for recipient in told
        if (deputy := _deputy_of(recipient, own_settings, first)) and deputy.staff_id in reachable
    ]


def may_be_told(staff_id: int, alert: Alert, *, now: datetime) -> bool:
    """Whether somebody works here and may read an alert; rights may end while it is on its way."""
    return staff_id in _readers(alert, {staff_id}, now=now)


def _readers(alert: Alert, staff_ids: Iterable[int], *, now: datetime) -> set[int]:
    rows = select(Staff).where(Staff.id.in_(set(staff_ids)), Staff.state == StaffState.ACTIVE)
    people = session.scalars(rows).all()
    principals = grants.principals_for(people, today=clock.local_day(now))
    return {key for key, principal in principals.items() if alerts.may_read(principal, alert)}


def _recipient(row: NotificationPreference, own: NotificationSettings | None) -> Recipient:
    return Recipient(
        row.staff_id,
        repeat=timedelta(minutes=row.repeat_minutes) if row.repeat_minutes else None,
        quiet=preferences.quiet_hours(own),
    )


def _deputy_of(
    recipient: Recipient, own_settings: Mapping[int, NotificationSettings], first: set[int]
) -> Recipient | None:
    """The deputy of a recipient; None without one, or when the deputy is told anyway."""
    own = own_settings.get(recipient.staff_id)
    if own is None or own.deputy_id is None or own.deputy_id in first:
        return None
    deputy = preferences.find_settings(own.deputy_id)
    return Recipient(
        own.deputy_id,
        repeat=recipient.repeat,
        quiet=preferences.quiet_hours(deputy),
        on_behalf_of=recipient.staff_id,
        waits_for=timedelta(minutes=own.handover_minutes),
    )


# ---- for administrators ----


def list_coverage(member: Principal) -> list[PersonCoverage]:
    """How each active person is told whom the member may see, by name."""
    scope = member.scope(Permission.STAFF_READ)
    rows = select(Staff).where(
        Staff.state == StaffState.ACTIVE, scope.sql_filter(department=Staff.department_id)
    )
    people = session.scalars(rows.order_by(Staff.name, Staff.id)).all()
    ids = [person.id for person in people]
    kinds_of, chosen = channels.kinds_by_person(ids), preferences.by_person(ids)
    own_settings = preferences.settings_by_person(ids)
    deputy_ids = {row.deputy_id for row in own_settings.values() if row.deputy_id is not None}
    names = {row.id: row.name for row in _people(deputy_ids)}
    return [
        PersonCoverage(
            person,
            tuple(kinds_of.get(person.id, {}).values()),
            _reached(chosen.get(person.id, {}), kinds_of.get(person.id, {})),
            preferences.quiet_hours(own := own_settings.get(person.id)),
            names.get(own.deputy_id, "") if own and own.deputy_id is not None else "",
        )
        for person in people
    ]


def _people(staff_ids: set[int]) -> Sequence[Staff]:
    return session.scalars(select(Staff).where(Staff.id.in_(staff_ids))).all()


def _reached(
    chosen: Mapping[str, NotificationPreference], own_channels: Mapping[int, ChannelKind]
) -> frozenset[str]:
    return frozenset(
        kind for kind, row in chosen.items() if set(row.channel_ids) & own_channels.keys()
    )


def list_accounts_without(kind: str, member: Principal, *, now: datetime) -> list[Account]:
    """The accounts, of those a member manages alerts of, whose alerts of a kind reach nobody."""
    scope = member.scope(Permission.ALERTS_RESOLVE)
    rows = select(Account).where(scope.sql_filter(account=Account.id)).order_by(Account.name)
    chosen = {row.staff_id: row for row in preferences.list_for_kind(kind)}
    own_channels = channels.kinds_by_person(chosen)
    told = [
        person
        for person in _people(set(chosen))
        if person.state is StaffState.ACTIVE
        and kind in _reached({kind: chosen[person.id]}, own_channels.get(person.id, {}))
    ]
    principals = grants.principals_for(told, today=clock.local_day(now)).values()
    return [
        account
        for account in session.scalars(rows)
        if not any(
            principal.may(permission, account_id=account.id)
            for principal in principals
            for permission in alerts.READ_PERMISSIONS
        )
    ]
