"""Forty guesses at one password at the same moment, at two web processes."""

import re
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from app import snapshots
from tests.helpers import ports
from tests.helpers.console import PASSWORD, Console
from tests.helpers.processes import Processes, is_answering

pytestmark = [
    pytest.mark.processes,
    pytest.mark.both_engines,
    pytest.mark.timeout(240),
]

GUESSES = 40
ALLOWED = 5
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


def test_parallel_guesses_pass_no_more_often_than_single_ones(
    console: Console, processes: Processes
) -> None:
    snapshots.reset()
    second = ports.free()
    other = processes.start("web", PORT=str(second))
    processes.web()
    other.wait_until(lambda: is_answering(f"http://127.0.0.1:{second}/healthz"))
    name = console.person(password=PASSWORD).sign_in_name
    sites = (processes.url, f"http://127.0.0.1:{second}")
    together = threading.Barrier(GUESSES)

    def guess(number: int) -> str:
        browser, site = requests.Session(), sites[number % 2]
        page = browser.get(f"{site}/console/sign-in", timeout=60)
        token = _TOKEN.search(page.text)
        assert token
        form = {"csrf_token": token[1], "name": name, "password": f"wrong password {number}"}
        together.wait()
        answer = browser.post(f"{site}/console/sign-in", form, timeout=60)
        return "refused" if "尝试次数过多" in answer.text else str(answer.status_code)

    with ThreadPoolExecutor(GUESSES) as pool:
        counted = Counter(pool.map(guess, range(GUESSES)))

    # on SQLite a request may lose the wait for the writer instead, and has compared nothing then
    assert counted["422"] <= ALLOWED
    assert counted["422"] + counted["refused"] + counted["503"] == GUESSES
    assert counted["refused"] > 0
