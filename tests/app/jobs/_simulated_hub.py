"""The hub beside a simulated WeChat, and jobs done by hand."""

import hashlib
from typing import Any

from sqlalchemy import select

from app.jobs import account_checks
from config import clock, jobs
from config.alerts import Alert
from config.database import session, transaction
from config.jobs import Job, JobState
from keywords.rules import spec, store
from matrix import accounts, departments, media
from matrix.accounts import Account, connection_checks
from matrix.accounts.connection_checks import CheckKind, CheckState, ConnectionCheck
from matrix.accounts.jobs_and_alerts import AccountJob
from matrix.wechat import tokens
from matrix.wechat.gateway import MediaKind
from tests.helpers.hub import Hub
from tests.helpers.wechat import RunningSimulator, StartSimulator

MIRRORED_FIELDS = ("appid", "original_id", "name", "secret", "token", "aes_key")
PICTURE = b"\x89PNG\r\n\x1a\n" + b"a picture" * 20


class SimulatedHub:
    """The hub and its accounts at the simulated WeChat."""

    def __init__(self, hub: Hub, simulate: StartSimulator, **of_police: Any) -> None:
        tokens.reset()  # those of the last test's WeChat
        with transaction():
            rows = {code: accounts.get_by_appid(keys.appid) for code, keys in hub.keys.items()}
            self.ids = {code: row.id for code, row in rows.items()}
            mirrored = [
                {name: getattr(row, name) for name in MIRRORED_FIELDS}
                | (of_police if code == "police" else {})
                for code, row in rows.items()
            ]
        self.hub = hub
        self.wechat: RunningSimulator = simulate(mirrored)
        self.platform = self.wechat.platform

    def uploads(self) -> int:
        """How many files WeChat was given."""
        return len(self.platform.request_log.list_entries(what="api", path="/cgi-bin/media/upload"))

    def store_picture(self, body: bytes = PICTURE) -> None:
        """Keep the picture that the rules below send."""
        with transaction():
            digest = hashlib.sha256(body).hexdigest()
            media.save("大厅图", MediaKind.IMAGE, body, digest=digest, now=clock.now())

    def rule(self, department: str, replies: list[dict[str, str]]) -> None:
        """A rule that may send it."""
        rule = {
            "id": f"{department}.map",
            "department": department,
            "name": "大厅地图",
            "keywords": ["大厅地图"],
            "choice": "first",
            "replies": replies,
        }
        with transaction():
            owner = departments.get_by_slug(department)
            (rule_spec,) = spec.parse_rules({"rules": [rule]})
            store.upsert(rule_spec, department_id=owner.id, now=clock.now())


class Police:
    """The account that each test is about; the others are noise."""

    def __init__(self, simulated_hub: SimulatedHub) -> None:
        self.id = simulated_hub.ids["police"]
        self.appid = simulated_hub.hub.keys["police"].appid
        self._hub = simulated_hub

    def row(self) -> Account:
        with transaction():
            return accounts.get(self.id)

    def problems(self) -> dict[CheckKind, ConnectionCheck]:
        with transaction():
            return connection_checks.by_account([self.id]).get(self.id, {})

    def states(self) -> dict[CheckKind, CheckState]:
        return {kind: probe.state for kind, probe in self.problems().items()}

    def check(self) -> list[JobState | None]:
        with transaction():
            account_checks.request_check(accounts.get(self.id), now=clock.now())
        return run_waiting(AccountJob.CHECK_CONNECTION)

    def wechat_account(self, **settings: Any) -> None:
        """Change what WeChat knows of the account."""
        account = self._hub.platform.accounts.get(self.appid)
        for name, value in settings.items():
            setattr(account, name, value)


def run_waiting(name: str) -> list[JobState | None]:
    """Do what waits under a name."""
    with transaction():
        waiting = select(Job.id).where(Job.name == name, Job.state == JobState.WAITING)
        ids = list(session.scalars(waiting.order_by(Job.id)))
    return [jobs.run(job_id, now=clock.now()) for job_id in ids]


def alert_messages(kind: str) -> list[str]:
    with transaction():
        return list(session.scalars(select(Alert.message).where(Alert.kind == kind)))
