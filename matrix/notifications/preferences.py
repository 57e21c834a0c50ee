"""Preferences: which kinds of alert a person is told of, by which channels, and when not.

For each kind a person chooses channels and how often it is repeated until somebody takes the alert.
In quiet hours only urgent alerts come through. A deputy is told when nobody took the alert within
some minutes.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Annotated

from pydantic import Field
from sqlalchemy import ForeignKey, delete, select
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.orm.attributes import flag_modified

from config import audit, clock
from config.database import Base, find_for_update, session
from config.database.optimistic_locking import Versioned, check_version
from config.errors import Invalid
from config.permissions import Principal
from config.validation import ErrorMessage, Spec
from config.validation.references import RefersTo
from matrix.notifications import channels
from matrix.notifications.channels import NotificationAction
from matrix.staff import members
from matrix.staff.members import Staff, StaffState

MAX_MINUTES = 1440
DEFAULT_HANDOVER_MINUTES = 15
# staff must be alerted of danger within five minutes (policy.md 11): who does not answer is told
# again after as long
URGENT_REPEAT_MINUTES = 5


class NotificationSettings(Versioned, Base):
    """What holds for all kinds of alert of one person. Times are those of the city."""

    __tablename__ = "notification_settings"

    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    quiet_from: Mapped[time | None]
    quiet_to: Mapped[time | None]
    deputy_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    handover_minutes: Mapped[int]


class NotificationPreference(Base):
    """One kind of alert that one person is told of.

    `repeat_minutes` 0 means once. `channel_ids` are those of the person's channels that are used; a
    channel that is deleted stays in the list and counts no more.
    """

    __tablename__ = "notification_preferences"

    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True, index=True)
    channel_ids: Mapped[list[int]]
    repeat_minutes: Mapped[int]


_Minutes = Annotated[
    int, Field(ge=0, le=MAX_MINUTES), ErrorMessage(f"应是 0 到 {MAX_MINUTES} 的整数")
]


class KindPreference(Spec):
    """How a person wants to be told of one kind of alert."""

    kind: str
    channel_ids: Annotated[tuple[int, ...], RefersTo("channel")] = ()
    repeat_minutes: _Minutes = 0


class PreferencesSpec(Spec):
    """Everything a person wants, apart from the channels themselves."""

    quiet_from: time | None = None
    quiet_to: time | None = None
    deputy_id: Annotated[int | None, RefersTo("staff")] = None
    handover_minutes: _Minutes = DEFAULT_HANDOVER_MINUTES
    kinds: tuple[KindPreference, ...] = ()


@dataclass(frozen=True)
class QuietHours:
    """From when to when a person is told of nothing that can wait; may span midnight."""

    start: time
    end: time

    def end_after(self, now: datetime) -> datetime | None:
        """When the quiet hours that hold now are over; None outside of them."""
        local = clock.local(now)
        at = local.time().replace(tzinfo=None)
        spans_midnight = self.end <= self.start
        is_quiet = (
            at >= self.start or at < self.end if spans_midnight else self.start <= at < self.end
        )
        if not is_quiet:
            return None
        day = local.date() + timedelta(days=1 if spans_midnight and at >= self.start else 0)
        return datetime.combine(day, self.end, local.tzinfo)


def quiet_hours(row: NotificationSettings | None) -> QuietHours | None:
    """The quiet hours of a person; None without any."""
    if row is None or row.quiet_from is None or row.quiet_to is None:
        return None
    return QuietHours(row.quiet_from, row.quiet_to)


# ---- queries ----


def find_settings(staff_id: int) -> NotificationSettings | None:
    """What holds for all kinds of a person's alerts; None when they never saved anything."""
    return session.get(NotificationSettings, staff_id)


def settings_by_person(staff_ids: Collection[int]) -> dict[int, NotificationSettings]:
    """The settings of several people by staff id."""
    rows = select(NotificationSettings).where(NotificationSettings.staff_id.in_(staff_ids))
    return {row.staff_id: row for row in session.scalars(rows)}


def by_person(staff_ids: Collection[int]) -> dict[int, dict[str, NotificationPreference]]:
    """The preferences of several people by staff id and kind."""
    rows = select(NotificationPreference).where(NotificationPreference.staff_id.in_(staff_ids))
    found: dict[int, dict[str, NotificationPreference]] = {}
    for row in session.scalars(rows):
        found.setdefault(row.staff_id, {})[row.kind] = row
    return found


def list_for_kind(kind: str) -> Sequence[NotificationPreference]:
    """The preferences of everybody who is told of a kind of alert."""
    rows = select(NotificationPreference).where(NotificationPreference.kind == kind)
    return session.scalars(rows.order_by(NotificationPreference.staff_id)).all()


def list_deputies(principal: Principal) -> list[Staff]:
    """The colleagues whom a member may name as deputy: those of the same department, by name."""
    rows = select(Staff).where(
        Staff.department_id == principal.department_id
        if principal.department_id is not None
        else Staff.department_id.is_(None),
        Staff.state == StaffState.ACTIVE,
        Staff.id != principal.staff_id,
    )
    return list(session.scalars(rows.order_by(Staff.name, Staff.id)))


# ---- verbs ----


def save(principal: Principal, spec: PreferencesSpec, *, version: int) -> None:
    """Save what the principal wants; `version` is that of the form, 0 when nothing was saved yet.

    Raises Invalid, and Stale when it was changed elsewhere since.
    """
    _check(principal, spec)
    row = find_for_update(NotificationSettings, principal.staff_id)
    check_version(row, version, "通知设置", staff=principal.staff_id)
    before = _audit_facts(row, by_person([principal.staff_id]).get(principal.staff_id, {}))
    values = {name: getattr(spec, name) for name in PreferencesSpec.model_fields if name != "kinds"}
    if row is None:
        row = NotificationSettings(staff_id=principal.staff_id, **values)
        session.add(row)
    for name, value in values.items():
        setattr(row, name, value)
    # its version stands for the kinds as well, which are rows of their own
    flag_modified(row, "handover_minutes")
    _replace_kinds(principal.staff_id, spec.kinds)
    audit.record(
        NotificationAction.UPDATE,
        owner=members.get(principal.staff_id),
        object_id=principal.staff_id,
        label=principal.name,
        before=before,
        after=_audit_facts(row, by_person([principal.staff_id]).get(principal.staff_id, {})),
    )


def _check(principal: Principal, spec: PreferencesSpec) -> None:
    if (spec.quiet_from is None) != (spec.quiet_to is None):
        raise Invalid(field="quiet_to", problem="免打扰的开始和结束要同时填写")
    if spec.quiet_from is not None and spec.quiet_from == spec.quiet_to:
        raise Invalid(field="quiet_to", problem="开始和结束不能相同")
    if spec.deputy_id is not None and spec.deputy_id not in {
        person.id for person in list_deputies(principal)
    }:
        raise Invalid(field="deputy_id", problem="只能选择本单位在岗的同事")
    own = {channel.id for channel in channels.list_for_person(principal.staff_id)}
    if any(set(each.channel_ids) - own for each in spec.kinds):
        raise Invalid(field="kinds", problem="通知方式已被删除，请刷新后重试")


def _replace_kinds(staff_id: int, kinds: Sequence[KindPreference]) -> None:
    session.execute(
        delete(NotificationPreference).where(NotificationPreference.staff_id == staff_id)
    )
    for each in kinds:
        if each.channel_ids:
            session.add(
                NotificationPreference(
                    staff_id=staff_id,
                    kind=each.kind,
                    channel_ids=list(each.channel_ids),
                    repeat_minutes=each.repeat_minutes,
                )
            )
    session.flush()


def subscribe(staff_id: int, channel_id: int, kinds: Mapping[str, int]) -> None:
    """Use a new channel for some kinds, given with their repetition where there is none yet."""
    known = by_person([staff_id]).get(staff_id, {})
    for kind, repeat_minutes in kinds.items():
        row = known.get(kind)
        if row is None:
            row = NotificationPreference(
                staff_id=staff_id, kind=kind, channel_ids=[], repeat_minutes=repeat_minutes
            )
            session.add(row)
        # a new list: SQLAlchemy does not notice a change inside the old one
        row.channel_ids = [*row.channel_ids, channel_id]


def _audit_facts(
    row: NotificationSettings | None, kinds: Mapping[str, NotificationPreference]
) -> dict[str, object]:
    quiet = quiet_hours(row)
    return {
        "quiet_hours": f"{quiet.start:%H:%M}–{quiet.end:%H:%M}" if quiet else None,
        "deputy": row.deputy_id if row else None,
        "handover_minutes": row.handover_minutes if row else None,
        "alerts": [
            f"{kind}：{len(each.channel_ids)} 种方式，{each.repeat_minutes} 分钟"
            for kind, each in sorted(kinds.items())
        ],
    }
