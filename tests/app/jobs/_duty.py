"""People on duty with group robots, and the jobs that tell them, done by hand."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.jobs import notifications
from config import alerts, clock, jobs
from config.alerts import Alert
from config.database import session, transaction
from config.jobs import Job, JobState
from config.permissions import Principal
from matrix import accounts, departments
from matrix.inbox import InboxAlert
from matrix.notifications import channels, preferences
from matrix.notifications.channels import ChannelKind, ChannelSpec
from matrix.notifications.deliveries import NotificationAttempt, NotificationDelivery
from matrix.staff import grants, members
from matrix.staff.grants import GrantSpec
from matrix.staff.members import Staff
from matrix.staff.roles import Role
from simulator.messaging.robots import Robot
from tests.helpers.hub import Hub
from tests.helpers.wechat import RunningSimulator

EMERGENCY = InboxAlert.EMERGENCY
WECOM, DINGTALK = "/cgi-bin/webhook/send", "/robot/send"
SECRET = "SECofthetests0000000"
KEY_PREFIX = "key-of-"


def hire(name: str, code: str = "police", role: Role = Role.AGENT) -> Staff:
    """Somebody with a role in a department."""
    now = clock.now()
    with transaction():
        owner = departments.get_by_slug(code).id
        made = members.create(sign_in_name=name, name=name, department_id=owner, now=now)
        grants.create(made.id, GrantSpec(role=role, department_id=owner), by=None, now=now)
    return made


def principal_of(person: Staff) -> Principal:
    """The person with today's permissions. Within the caller's transaction."""
    today = clock.local_day(clock.now())
    return grants.principals_for([members.get(person.id)], today=today)[person.id]


def add_channel(person: Staff, group: str, kind: ChannelKind, *, origin: str) -> int:
    """A robot of a group at the simulator's address, which tells of emergencies. Its id."""
    is_signed = kind is ChannelKind.DINGTALK
    path = f"{DINGTALK}?access_token=" if is_signed else f"{WECOM}?key="
    address = f"{origin}{path}{KEY_PREFIX}{group}"
    secret = SECRET if is_signed else ""
    spec = ChannelSpec(kind=kind, name=group, address=address, secret=secret)
    with transaction():
        made = channels.add(principal_of(person), spec, now=clock.now())
        preferences.subscribe(person.id, made.id, {EMERGENCY.value: 5})
        return made.id


@dataclass
class Duty:
    """The hub of the test, and the groups of its robots as the simulator plays them."""

    hub: Hub
    wechat: RunningSimulator

    def hire(self, name: str, code: str = "police", role: Role = Role.AGENT) -> Staff:
        """Somebody with a role in a department."""
        return hire(name, code, role)

    def principal(self, person: Staff) -> Principal:
        """The person with today's permissions. Within the caller's transaction."""
        return principal_of(person)

    def channel(self, person: Staff, group: str, kind: ChannelKind = ChannelKind.WECOM) -> int:
        """A robot in a group of its own, which tells the person of emergencies. Its id."""
        is_signed = kind is ChannelKind.DINGTALK
        secret, keyword = (SECRET, "提醒") if is_signed else ("", "")
        robot = Robot(kind.value, f"{KEY_PREFIX}{group}", group, secret, keyword)
        self.wechat.platform.robots.add(robot)
        return add_channel(person, group, kind, origin=self.wechat.url)

    def settings(self, person: Staff, **wish: Any) -> None:
        """Other quiet hours, deputy or minutes; the kinds stay as they are."""
        with transaction():
            row = preferences.find_settings(person.id)
            known = preferences.by_person([person.id]).get(person.id, {}).values()
            kinds = tuple(
                preferences.KindPreference(
                    kind=each.kind,
                    channel_ids=tuple(each.channel_ids),
                    repeat_minutes=each.repeat_minutes,
                )
                for each in known
            )
            spec = preferences.PreferencesSpec(kinds=kinds, **wish)
            version = row.version if row else 0
            preferences.save(self.principal(person), spec, version=version)

    def danger(self, openid: str = "o1", words: str = "有人落水了快救人") -> int:
        """A citizen writes to the police. The id of the alert."""
        self.hub.push("police", self.hub.text(openid, words))
        with transaction():
            newest = select(Alert.id).order_by(Alert.last_raised_at.desc(), Alert.id.desc())
            return session.scalars(newest.limit(1)).one()

    def raise_alert(self, **more: Any) -> int:
        """An alert of the police's account at an instant of the test's choice. Its id."""
        with transaction():
            account = accounts.get_by_appid(self.hub.keys["police"].appid)
            alerts.raise_alert(
                EMERGENCY,
                "another",
                "华阴police收到疑似紧急求助",
                **{"urgent": True, "account_id": account.id} | more,
            )
            return session.scalars(select(Alert.id).order_by(Alert.id.desc()).limit(1)).one()

    def told(self, group: str = "") -> list[str]:
        """The first lines of what the groups were told, or of what one was."""
        shown = self.wechat.platform.robots.list_messages()
        return [one.text.splitlines()[0] for one in shown if group in ("", one.robot)]

    def texts(self) -> list[str]:
        """Whole messages, oldest first."""
        return [one.text for one in self.wechat.platform.robots.list_messages()]

    def fault(self, kind: str, path: str = WECOM, **more: Any) -> None:
        """Let the robots of one kind fail."""
        self.wechat.platform.faults.add({"kind": kind, "path": path, **more})


def run_all(*, now: datetime | None = None) -> list[JobState | None]:
    """Do what is due, as scheduler and worker would, until nothing is left. What became of it."""
    now = now or clock.now()
    done: list[JobState | None] = []
    notifications.request_due(now=now)
    while ids := waiting_jobs():
        done += [jobs.run(job_id, now=max(now, clock.now())) for job_id in ids]
    return done


def waiting_jobs(name: str = "notifications.") -> list[int]:
    """The ids of jobs that wait, by the beginning of their name."""
    with transaction():
        rows = select(Job.id).where(Job.name.startswith(name), Job.state == JobState.WAITING)
        return list(session.scalars(rows.order_by(Job.id)))


def deliveries() -> list[NotificationDelivery]:
    """All deliveries, oldest first."""
    with transaction():
        rows = session.scalars(select(NotificationDelivery).order_by(NotificationDelivery.id))
        return list(rows)


def attempts() -> list[tuple[str, str]]:
    """Channel and result of all attempts, oldest first."""
    with transaction():
        row = NotificationAttempt
        rows = session.execute(select(row.channel, row.result).order_by(row.id))
        return [(channel.split("“")[1].strip("”"), result.value) for channel, result in rows]
