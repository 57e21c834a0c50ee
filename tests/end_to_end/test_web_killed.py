"""A web process is killed again and again under load: nothing is lost and nothing happens twice."""

import logging
import random

import pytest

from tests.end_to_end._load_client import (
    LoadClient,
    LoadGenerator,
    assert_each_handled_once,
    generate_pushes,
)
from tests.helpers.hub import Hub
from tests.helpers.processes import Processes

pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]

KILLS = 4
_log = logging.getLogger(__name__)


def test_every_push_is_answered_once_however_often_the_web_process_is_killed(
    hub: Hub, load_client: LoadClient, processes: Processes
) -> None:
    web = processes.web()
    load = LoadGenerator(load_client, generate_pushes(hub))
    for _ in range(KILLS):
        goal = load.answered + random.randint(5, 60)
        web.wait_until(lambda goal=goal: load.answered >= goal)
        web.kill()
        web.start_again()

    sent = load.finish()

    lost = assert_each_handled_once(sent)
    _log.info("%s letters, %s kills, %s answers lost on the way", len(sent), KILLS, lost)
    assert set(load.statuses) <= {0, 200}, "a push was refused"
