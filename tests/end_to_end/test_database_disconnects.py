"""PostgreSQL drops every connection under load: pushes are answered again at once."""

import logging

import psycopg
import pytest
from sqlalchemy.engine import make_url

from tests.end_to_end._counts import sent_messages, unfinished_jobs
from tests.end_to_end._load_client import (
    LONG_PARTS,
    LoadClient,
    LoadGenerator,
    assert_each_handled_once,
    generate_pushes,
)
from tests.end_to_end._simulator_client import SimulatorClient
from tests.helpers.hub import Hub
from tests.helpers.processes import Processes

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(240),
    # SQLite has no connections that somebody else could cut
    pytest.mark.parametrize("database_server", ["postgresql"], indirect=True),
]

_log = logging.getLogger(__name__)
CUTS = 10
THREADS = 4
CUT = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def terminate_connections(url: str) -> int:
    """End all connections to the database. Returns how many there were."""
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection:
        row = connection.execute(CUT).fetchone()
    assert row is not None
    return int(row[0])


def test_pushes_go_on_when_the_database_cuts_its_connections(
    hub: Hub,
    load_client: LoadClient,
    simulator: SimulatorClient,
    processes: Processes,
    own_database: str,
) -> None:
    appid = hub.keys["police"].appid
    (citizen,) = simulator.citizens(1)
    web, worker = processes.web(), processes.start("worker", JOB_LEASE="5")
    scheduler = processes.start("scheduler")
    worker.wait_for_log("worker.started")
    simulator.act(citizen, appid, "follow")
    load = LoadGenerator(load_client, generate_pushes(hub), threads=THREADS)
    for _ in range(CUTS):
        goal = load.answered + 20
        web.wait_until(lambda goal=goal: load.answered > goal)
        assert terminate_connections(own_database) > 0
    assert simulator.act(citizen, appid, "text", text="分条须知")["outcome"] == "replied"
    terminate_connections(own_database)

    sent_letters = load.finish()
    assert_each_handled_once(sent_letters)
    _log.info("%s letters, %s cuts, statuses %s", len(sent_letters), CUTS, dict(load.statuses))
    assert set(load.statuses) <= {200, 503}
    assert load.statuses[503] <= CUTS * THREADS
    assert load_client.push("police", hub.text("o-last", "身份证")).status == 200, "at once"
    scheduler.wait_until(lambda: unfinished_jobs() == 0)
    assert sent_messages() == len(LONG_PARTS) - 1
    # one whose sending was cut before it was written down may come twice
    assert list(dict.fromkeys(simulator.customer_service_texts(citizen, appid))) == LONG_PARTS[1:]
    assert all(process.is_running for process in (web, worker, scheduler))
