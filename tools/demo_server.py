"""A demo server for screenshots: a hub with the demo content, some staff and some conversations.

    with serve_demo() as hub:  hub.address, hub.cookie_name, hub.cookies["editor"]

Everything lives in a temporary folder and ends with it: SQLite, the application and a simulated
WeChat behind sockets of this process. Citizens write the messages of bench/data through the
callback, encrypted as ever, and the jobs that follow are done.
"""

import io
import itertools
import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import Flask
from sqlalchemy import select
from werkzeug.serving import make_server

import simulator
from app import content, create_app, migrate, scheduler, snapshots
from config import clock, jobs, settings
from config.database import read_only, session, transaction
from config.jobs import Job, JobState
from matrix import conversations, departments
from matrix.accounts import Account, callback_stats
from matrix.staff import grants, members
from matrix.staff.grants import GrantSpec
from matrix.staff.roles import ROLES_REQUIRING_TWO_FACTOR, Role
from matrix.staff.sign_in import sessions
from matrix.staff.sign_in.sessions import ClientInfo
from matrix.staff.sign_in.sessions import SessionStage as SignIn
from simulator.messaging import envelope, pushes

ROOT = Path(__file__).parents[1]
_MESSAGES = ROOT / "bench" / "data" / "citizen-messages.jsonl"
# enough that lists have a second page
_CONVERSATIONS = 240
PEOPLE = {
    "admin": ("矩阵管理员", "matrix_admin", None),
    "editor": ("公安编辑", "editor", "police"),
    "reviewer": ("公安审核", "reviewer_office", "police"),
    "agent": ("公安客服", "agent", "police"),
    "manager": ("公安管理员", "department_admin", "police"),
}


@dataclass
class DemoServer:
    """A hub that answers at `address`, and the cookies of its staff by their sign-in name."""

    address: str
    app: Flask
    cookies: dict[str, str]

    @property
    def cookie_name(self) -> str:
        """What the session's cookie is called."""
        name: str = self.app.config["SESSION_COOKIE_NAME"]
        return name


@contextmanager
def serve_demo() -> Iterator[DemoServer]:
    """Build the demo, serve it while the block runs, and remove its folder afterwards."""
    with tempfile.TemporaryDirectory(prefix="stage-") as folder:
        os.environ |= {
            "VAR_DIR": folder,
            "DATABASE_URL": f"sqlite:///{folder}/hub.sqlite3",
            # nothing listens there: the hub works without Redis, and pictures need none
            "REDIS_URL": f"unix://{folder}/nobody.sock",
            "SECRET_KEY": "a secret of the stage and of nothing else",
            "LOG_LEVEL": "ERROR",
        }
        accounts_file = ROOT / "config" / "demo" / "accounts.yaml"
        # nothing comes back from there: what citizens write is given to the callback directly
        wechat = simulator.create(accounts_file, callback_base="http://127.0.0.1:9")
        with simulator.run(wechat) as url:
            os.environ |= {"WECHAT_API_URL": url, "WECHAT_OPEN_URL": url}
            # settings were read when the modules were imported, before the addresses were known
            settings.reset()
            yield from _serve()


def _serve() -> Iterator[DemoServer]:
    app = _build()
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield DemoServer(f"http://127.0.0.1:{server.server_port}", app, _add_people(app))
    finally:
        server.shutdown()
        thread.join()


def _build() -> Flask:
    migrate.upgrade()
    with transaction():
        content.load(sorted((ROOT / "config" / "demo").glob("*.yaml")), now=clock.now())
    app = create_app()
    snapshots.refresh()
    _add_conversations(app)
    run_background_jobs()
    snapshots.refresh()
    return app


def run_background_jobs() -> None:
    """Run the jobs that are due, and each scheduled job once, as of five minutes from now.

    Some jobs leave the newest pushes to their next turn.
    """
    callback_stats.flush()
    # some jobs read only pushes older than 90 seconds, since ids are given out before transactions
    # commit
    later = clock.now() + timedelta(minutes=5)
    with transaction():
        for name in (*scheduler.CRON_JOBS, conversations.ConversationJob.REFRESH):
            jobs.enqueue(name, key=name)
    # a bound, because some jobs enqueue themselves again
    for _ in range(1000):
        with read_only():
            due = session.scalar(select(Job.id).where(Job.state == JobState.WAITING).limit(1))
        if due is None:
            return
        jobs.run(due, now=later)


def _add_people(app: Flask) -> dict[str, str]:
    signer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]  # Flask's own interface has it
    cookies = {}
    now = clock.now()
    with transaction():
        for sign_in_name, (name, role, code) in PEOPLE.items():
            owner = departments.get_by_slug(code).id if code else None
            person = members.create(
                sign_in_name=sign_in_name, name=name, department_id=owner, now=now
            )
            person.password_at = now
            # without a second factor these roles see only the page that sets one up
            person.totp_at = now if Role(role) in ROLES_REQUIRING_TWO_FACTOR else None
            grants.create(
                person.id, GrantSpec(role=Role(role), department_id=owner), by=None, now=now
            )
            origin = ClientInfo("127.0.0.1", "Chrome")
            secret = sessions.start(person.id, SignIn.FULL, origin, now=now, confirmed=True)
            cookies[sign_in_name] = signer.dumps({"sid": secret})
    return cookies


# ---- citizens ----


def _add_conversations(app: Flask) -> None:
    with read_only():
        by_department = {
            code: account
            for account, code in session.execute(
                select(Account, departments.Department.slug).join(
                    departments.Department, departments.Department.id == Account.department_id
                )
            )
        }
    lines = _MESSAGES.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(itertools.islice(lines, _CONVERSATIONS)):
        said = json.loads(line)
        account = by_department.get(said["department"])
        if account is not None:
            push_message(app, account, f"o{number % 60:027d}", said["text"])


def push_message(app: Flask, account: Account, openid: str, words: str) -> int:
    """A citizen writes to an account, sealed as WeChat does. Returns the callback's status."""
    xml = pushes.message(account.appid, account.original_id, openid, "c", "text", Content=words).xml
    timestamp, nonce = str(int(time.time())), "1234567890"
    query = {
        "signature": envelope.sign(account.token, timestamp, nonce),
        "timestamp": timestamp,
        "nonce": nonce,
    }
    body = xml
    if account.mode.value != "plain":
        sealed = envelope.encrypt(xml, aes_key=account.aes_key, appid=account.appid)
        query["encrypt_type"] = "aes"
        query["msg_signature"] = envelope.sign(account.token, timestamp, nonce, sealed)
        body = (
            f"<xml><ToUserName>{account.original_id}</ToUserName><Encrypt>{sealed}</Encrypt></xml>"
        )
    heard: dict[str, Any] = {}
    request_body = body.encode()
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": f"/wechat/{account.appid}",
        "QUERY_STRING": urlencode(query),
        "CONTENT_LENGTH": str(len(request_body)),
        "wsgi.input": io.BytesIO(request_body),
    }
    # below Flask's test client, because the callback answers before Flask
    app.wsgi_app(environ, lambda status, headers: heard.update(status=status))  # type: ignore[arg-type]  # all that is asked of it
    return int(heard["status"][:3])
