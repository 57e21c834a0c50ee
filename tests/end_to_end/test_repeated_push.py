"""The same push three times at once, from four processes to two: one row, one answer."""

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.end_to_end._load_client import (
    LoadClient,
    SentPush,
    assert_each_handled_once,
    generate_pushes,
)
from tests.helpers import ports
from tests.helpers.hub import Hub
from tests.helpers.processes import ROOT, Processes, is_answering

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]

CLIENTS = 4
PUSHES = 60
SPREAD_SECONDS = 0.04  # seconds between two letters, so that the three of one letter meet


def test_a_push_that_comes_three_times_at_once_is_answered_and_acted_on_once(
    hub: Hub, load_client: LoadClient, processes: Processes
) -> None:
    second = ports.free()
    other = processes.start("web", PORT=str(second))
    processes.web()
    other.wait_until(lambda: is_answering(f"http://127.0.0.1:{second}/healthz"))
    hosts = itertools.cycle([f"127.0.0.1:{processes.port}", f"127.0.0.1:{second}"])
    sent = list(itertools.islice(generate_pushes(hub), PUSHES))

    clients = [start_client() for _ in range(CLIENTS)]
    begin = time.time() + 2
    errands: list[list[SentPush]] = [[] for _ in clients]
    for number, letter in enumerate(sent):
        for turn in range(3):
            client = (number + turn) % CLIENTS
            errand = hub.request("police", letter.xml)
            write(clients[client], begin + number * SPREAD_SECONDS, next(hosts), hub, errand)
            errands[client].append(letter)
    for client, mine in zip(clients, errands, strict=True):
        for letter, (status, body) in zip(mine, read_responses(client), strict=True):
            assert status == 200
            letter.answers.append(load_client.opened("police", body))

    assert all(len(letter.answers) == 3 for letter in sent)
    assert assert_each_handled_once(sent) == 0


def start_client() -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.end_to_end._push_client"]
    return subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def write(
    client: subprocess.Popen[str], at: float, host: str, hub: Hub, request: tuple[str, bytes]
) -> None:
    query, body = request
    path = f"/wechat/{hub.keys['police'].appid}?{query}"
    assert client.stdin is not None
    line = {"at": at, "host": host, "path": path, "body": body.decode()}
    client.stdin.write(json.dumps(line) + "\n")


def read_responses(client: subprocess.Popen[str]) -> Iterator[tuple[int, str]]:
    said, _ = client.communicate(timeout=120)
    assert client.returncode == 0
    for line in said.splitlines():
        status, body = json.loads(line)
        yield status, body
