"""What runs beside one database to measure the console's pages; see bench/pages.py.

python -m bench.pages_inside ACCOUNTS RULES MESSAGES ROUNDS
"""

import json
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from flask import Flask, url_for
from flask.testing import FlaskClient
from sqlalchemy import select

from app import create_app, gathering, live, schema
from bench import city
from bench.pages import timed
from config import clock, jobs
from config.database import engine, session, transaction
from config.jobs import Job, State
from matrix import codes, surveys, talks
from matrix.staff import grants, people, sessions
from matrix.staff.grants import Wish
from matrix.staff.roles import Role
from matrix.staff.sessions import Origin, Stage

# what stands in a page's address: the first row of everything, and of people the second
_PARTS = {"kind": "svg", "ending": "png", "staff_id": 2}
_ASKED = {"studio.export": {"owner": "a1", "format": "yaml"}}
# jobs that read the inbox and prepare what pages show
_PREPARING = (talks.GATHER, gathering.GATHER, codes.COUNT, surveys.SURVEY)


def main() -> None:
    """Fill, catch up, open every page, print figures as JSON."""
    accounts, rules, messages, rounds = map(int, sys.argv[1:])
    now = clock.now()
    schema.upgrade()
    app = create_app()
    client = _signed_in(app)
    city.fill(city.Size(accounts, rules, messages), now=now)
    _catch_up()
    live.refresh()
    figures: dict[str, Any] = {}
    for endpoint, address in _pages(app):
        figures[endpoint] = timed(lambda address=address: client.get(address), rounds, engine())
        status = figures[endpoint]["status"]
        if status >= 400:
            raise SystemExit(f"{endpoint} {address} answered {status}: nothing was measured")
    print(json.dumps(figures))


def _catch_up() -> None:
    """Run the jobs that read the inbox until they find nothing more."""
    for name in _PREPARING:
        _run_dry(name)


def _run_dry(name: str) -> None:
    """One job again and again, until it asks for no more of itself."""
    with transaction():
        jobs.enqueue(name, key=name)
    for _ in range(10_000):
        with transaction():
            due = session.scalar(
                select(Job.id).where(Job.state == State.WAITING, Job.name == name).limit(1)
            )
        if due is None:
            return
        jobs.run(due, now=clock.now() + timedelta(minutes=5))


def _signed_in(app: Flask) -> FlaskClient:
    now = clock.now()
    with transaction():
        person = people.add(sign_in_name="bench", name="某甲", department_id=None, now=now)
        person.totp_at = now
        grants.give(person.id, Wish(Role.MATRIX_ADMIN), by=None, now=now)
        origin = Origin("127.0.0.1", "bench")
        secret = sessions.start(person.id, Stage.FULL, origin, now=now, confirmed=True)
    client = app.test_client()
    with client.session_transaction() as kept:
        kept["sid"] = secret
    return client


def _pages(app: Flask) -> Iterator[tuple[str, str]]:
    """Endpoint and address of every page that staff read."""
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
