"""Danger leaves the house within seconds: the first channel down, the worker just killed."""

import logging
import os
import signal
from time import monotonic

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app import snapshots
from config import settings
from config.database import read_only, session
from matrix.notifications.channels import ChannelKind
from matrix.notifications.deliveries import AttemptResult, NotificationAttempt
from tests.app.jobs._duty import DINGTALK, WECOM, add_channel, hire
from tests.end_to_end._simulator_client import SimulatorClient
from tests.helpers.console import Console
from tests.helpers.hub import Hub
from tests.helpers.processes import Processes, Running

pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]

CITIZEN = "c1"
ACCEPTED = 10.0  # seconds within which somebody must have been told
SEEN = 3.0  # seconds within which a person on another page must have seen it
_log = logging.getLogger(__name__)


@pytest.fixture
def duty(
    hub: Hub,
    simulator: SimulatorClient,
    processes: Processes,
    monkeypatch: pytest.MonkeyPatch,
) -> SimulatorClient:
    """An agent of the police with two groups; the second one is tried when the first is down."""
    monkeypatch.setenv("ROBOT_ORIGINS", processes.simulator_url)
    settings.reset()
    agent = hire("agent")
    for kind, group in ((ChannelKind.WECOM, "first"), (ChannelKind.DINGTALK, "second")):
        add_channel(agent, group, kind, origin=processes.simulator_url)
        simulator.add_robot(kind.value, group)
    return simulator


def start(processes: Processes) -> tuple[Running, Running]:
    """Two workers, a scheduler and the web process. The workers, ready."""
    processes.web()
    scheduler = processes.start("scheduler")
    workers = processes.start("worker"), processes.start("worker")
    for each in workers:
        each.wait_for_log("worker.started")
    scheduler.wait_for_log("scheduler.started")
    return workers


def cry(hub: Hub, simulator: SimulatorClient, words: str) -> float:
    """The citizen writes of danger. When."""
    began = monotonic()
    simulator.act(CITIZEN, hub.keys["police"].appid, "text", text=words)
    return began


def results() -> list[tuple[str, AttemptResult]]:
    with read_only():
        row = NotificationAttempt
        rows = session.execute(select(row.channel, row.result).order_by(row.id))
        return [(channel, result) for channel, result in rows]


def test_danger_is_told_while_the_first_channel_is_down_and_a_worker_was_just_killed(
    hub: Hub, processes: Processes, duty: SimulatorClient
) -> None:
    first, second = start(processes)
    duty.act(CITIZEN, hub.keys["police"].appid, "follow")
    # the first channel takes what it is given and never answers: the worker hangs in the call
    duty.fault("timeout_after_accepting", path=WECOM, seconds=20)
    # so that it is the first worker that hangs
    os.kill(second.pid, signal.SIGSTOP)
    began = cry(hub, duty, "有人落水了快救人")
    first.wait_until(results)
    first.kill()
    os.kill(second.pid, signal.SIGCONT)
    second.wait_until(lambda: duty.robot_texts("second"))
    took = monotonic() - began

    _log.info("told after %.1f s", took)
    assert took < ACCEPTED
    assert "有人落水了快救人" in duty.robot_texts("second")[0]
    second.wait_until(lambda: AttemptResult.SENT in {result for _, result in results()})


def test_danger_is_told_when_the_only_worker_was_killed_and_starts_again(
    hub: Hub, processes: Processes, duty: SimulatorClient
) -> None:
    first, second = start(processes)
    second.stop()
    duty.act(CITIZEN, hub.keys["police"].appid, "follow")
    duty.fault("http_502", path=WECOM)
    duty.fault("slow", path=DINGTALK, seconds=1.5, count=1)
    began = cry(hub, duty, "有人跳河了，救命")
    # in the middle of the second channel's call
    first.wait_until(lambda: len(results()) == 2)
    first.kill()
    first.start_again()
    first.wait_until(lambda: duty.robot_texts("second"))
    took = monotonic() - began

    _log.info("told after %.1f s", took)
    assert took < ACCEPTED


def test_danger_is_told_beside_a_backlog(
    hub: Hub, processes: Processes, duty: SimulatorClient
) -> None:
    """Jobs that hang at WeChat hold all threads of the worker but those of the urgent ones."""
    appid = hub.keys["police"].appid
    workers = start(processes)
    workers[1].stop()
    duty.act(CITIZEN, appid, "follow")
    duty.fault("slow", path="/cgi-bin/message", seconds=9)
    people = duty.citizens(12)
    for each in people:
        duty.act(each, appid, "follow")
        duty.act(each, appid, "text", text="全部办理须知")
    began = cry(hub, duty, "有人落水了快救人")
    workers[0].wait_until(lambda: duty.robot_texts("first"))
    assert monotonic() - began < ACCEPTED


@pytest.mark.browser
@pytest.mark.one_engine
def test_a_person_on_another_page_sees_danger_in_three_seconds(
    console: Console, processes: Processes, simulator: SimulatorClient, page: Page
) -> None:
    snapshots.reset()
    processes.web()
    simulator.act(CITIZEN, console.hub.keys["police"].appid, "follow")
    staff = console.sign_in(page, processes.url, "agent", "police")
    page.goto(f"{processes.url}/console/rules/")
    expect(page.locator("[data-alert-count]").first).to_be_hidden()
    while not page.evaluate(f"localStorage.getItem('alerts.told.{staff.id}')"):
        page.wait_for_timeout(100)

    took = []
    # the best of three, because the machine may be busy with other things
    for words in ("有人落水了快救人", "有人落水了，救命", "快来救人，有人落水了"):
        began = cry(console.hub, simulator, words)
        expect(page.locator(".alert-toast", has_text=words)).to_be_visible(timeout=20_000)
        took.append(monotonic() - began)
    _log.info("seen after %s s", took)
    assert min(took) < SEEN
