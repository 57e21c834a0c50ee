"""Measures the console's pages over one database, in a process of its own; see bench/pages.py.

python -m bench.pages_worker ACCOUNTS RULES MESSAGES ROUNDS
"""

import json
import sys
from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from flask import Flask, url_for
from flask.testing import FlaskClient
from sqlalchemy import select

from app import create_app, migrate, snapshots
from app.jobs.inbox_statistics import InboxJob
from bench import seed
from bench.common.json_object import JsonObject
from bench.pages import time_page
from config import clock, jobs
from config.database import engine, session, transaction
from config.jobs import Job, JobName, JobState
from matrix import conversations, qrcodes
from matrix.health.statistics import HealthJob
from matrix.staff import grants, members
from matrix.staff.grants import GrantSpec
from matrix.staff.roles import Role
from matrix.staff.sign_in import sessions
from matrix.staff.sign_in.sessions import ClientInfo, SessionStage

# values of URL parameters: the first row of everything, except the second of staff
_PARTS = {"kind": "svg", "extension": "png", "staff_id": 2}
_ASKED = {"rule_tools.export": {"owner": "a1", "format": "yaml"}}
# jobs that read the inbox and prepare what pages show
_PREPARING = (
    conversations.ConversationJob.REFRESH,
    InboxJob.UPDATE_STATISTICS,
    qrcodes.QrCodeJob.COUNT_SCANS,
    HealthJob.COMPUTE,
)


def main() -> None:
    """Fill the database, run the jobs, open every page, print figures as JSON."""
    accounts, rules, messages, rounds = map(int, sys.argv[1:])
    now = clock.now()
    migrate.upgrade()
    app = create_app()
    client = _signed_in_client(app)
    # after signing in: the first staff member is the one whose own imports the pages list
    seed.seed(seed.Size(accounts, rules, messages), now=now)
    _run_background_jobs()
    snapshots.refresh()
    figures: JsonObject = {}
    for endpoint, address in _pages(app):
        figures[endpoint] = time_page(partial(client.get, address), rounds, engine())
        status = figures[endpoint]["status"]
        # an error page is fast; its time would look like a success
        if status >= 400:
            raise SystemExit(f"{endpoint} {address} answered {status}: nothing was measured")
    print(json.dumps(figures))


def _run_background_jobs() -> None:
    """Run the jobs that read the inbox until they find nothing more."""
    for name in _PREPARING:
        _drain_jobs(name)


def _drain_jobs(name: JobName) -> None:
    """Run a job until it no longer enqueues itself."""
    with transaction():
        jobs.enqueue(name, key=name)
    # a bound, because a job that always enqueues itself again would never end
    for _ in range(10_000):
        with transaction():
            due = session.scalar(
                select(Job.id).where(Job.state == JobState.WAITING, Job.name == name).limit(1)
            )
        if due is None:
            return
        jobs.run(due, now=clock.now() + timedelta(minutes=5))


def _signed_in_client(app: Flask) -> FlaskClient:
    now = clock.now()
    with transaction():
        person = members.create(sign_in_name="bench", name="某甲", department_id=None, now=now)
        # the role demands a second factor: without one every page would be a redirect
        person.totp_at = now
        grants.create(person.id, GrantSpec(role=Role.MATRIX_ADMIN), by=None, now=now)
        origin = ClientInfo("127.0.0.1", "bench")
        secret = sessions.start(person.id, SessionStage.FULL, origin, now=now, confirmed=True)
    client = app.test_client()
    with client.session_transaction() as kept:
        kept["sid"] = secret
    return client


def _pages(app: Flask) -> Iterator[tuple[str, str]]:
    """Endpoint and URL of every page that staff can read."""
    for rule in app.url_map.iter_rules():
        mark = getattr(app.view_functions[rule.endpoint], "needs", "public")
        if mark != "public" and "GET" in (rule.methods or ()):
            parts = {name: _PARTS.get(name, 1) for name in rule.arguments}
            with app.test_request_context():
                yield (
                    rule.endpoint,
                    url_for(rule.endpoint, **parts, **_ASKED.get(rule.endpoint, {})),
                )


if __name__ == "__main__":
    main()
