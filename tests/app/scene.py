"""The hub beside a simulated WeChat, and jobs done by hand."""

import hashlib
from typing import Any

from sqlalchemy import select

from config import clock, jobs
from config.alarms import Alarm
from config.database import session, transaction
from config.jobs import Job, State
from keywords import drafts, stored
from matrix import accounts, departments, media
from matrix.wechat import tokens
from matrix.wechat.gateway import MediaKind
from tests.fixtures.hub import Hub
from tests.fixtures.simulated import Simulate, Simulated

MIRRORED = ("appid", "original_id", "name", "secret", "token", "aes_key")
PICTURE = b"\x89PNG\r\n\x1a\n" + b"a picture" * 20


class Scene:
    """The hub and its accounts at the simulated WeChat."""

    def __init__(self, hub: Hub, simulate: Simulate, **of_police: Any) -> None:
        tokens.forget()  # those of the last test's WeChat
        with transaction():
            rows = {code: accounts.by_appid(keys.appid) for code, keys in hub.keys.items()}
            self.ids = {code: row.id for code, row in rows.items()}
            mirrored = [
                {name: getattr(row, name) for name in MIRRORED}
                | (of_police if code == "police" else {})
                for code, row in rows.items()
            ]
        self.hub = hub
        self.wechat: Simulated = simulate(mirrored)
        self.world = self.wechat.world

    def uploads(self) -> int:
        """How many files WeChat was given."""
        return len(self.world.journal.lines(what="api", path="/cgi-bin/media/upload"))

    def keep_picture(self, body: bytes = PICTURE) -> None:
        """Keep the picture that the rules below send."""
        with transaction():
            digest = hashlib.sha256(body).hexdigest()
            media.keep("大厅图", MediaKind.IMAGE, body, digest=digest, now=clock.now())

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
            owner = departments.by_code(department)
            (draft,) = drafts.parse({"rules": [rule]})
            stored.put(draft, department_id=owner.id, now=clock.now())


def do_all(name: str) -> list[State | None]:
    """Do what waits under a name."""
    with transaction():
        waiting = select(Job.id).where(Job.name == name, Job.state == State.WAITING)
        ids = list(session.scalars(waiting.order_by(Job.id)))
    return [jobs.run(job_id, now=clock.now()) for job_id in ids]


def alarms(kind: str) -> list[str]:
    with transaction():
        return list(session.scalars(select(Alarm.message).where(Alarm.kind == kind)))
