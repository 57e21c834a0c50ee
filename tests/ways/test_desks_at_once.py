"""Staff who press the same button at the same moment, at two web processes."""

import itertools
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from sqlalchemy import func, select

from app import live
from config import clock
from config.audit import Entry
from config.database import reading, session, transaction
from keywords import versions
from keywords.drafts import RuleDraft
from keywords.history import RuleVersion, State
from keywords.replies import Text
from keywords.rules import Keyword
from matrix import sendings
from matrix.staff import links
from matrix.staff.links import Purpose
from matrix.staff.people import Staff
from tests.app.console.talking import hear
from tests.fixtures import ports
from tests.fixtures.console import PASSWORD, Desk
from tests.fixtures.processes import Processes, answers

pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]

AT_ONCE = 6
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
_KEY = re.compile(r'name="key"[^>]*value="([^"]+)"')
# a press of a button: its form to hand in
Press = Callable[[], requests.Response]


@pytest.fixture
def sites(desk: Desk, processes: Processes) -> Iterator[str]:
    """The addresses of two web processes, in turn and without end."""
    live.forget()
    second = ports.free()
    other = processes.start("web", PORT=str(second))
    processes.web()
    other.wait_until(lambda: answers(f"http://127.0.0.1:{second}/healthz"))
    return itertools.cycle([processes.url, f"http://127.0.0.1:{second}"])


class Seat:
    """Somebody's browser at one of the web processes, without a window."""

    def __init__(self, site: str, cookie: tuple[str, str] | None = None) -> None:
        self.site = site
        self.browser = requests.Session()
        if cookie is not None:
            self.browser.cookies.set(*cookie, domain="127.0.0.1")
        self.page = ""

    def open(self, path: str) -> str:
        """Look at a page."""
        answer = self.browser.get(f"{self.site}{path}", timeout=30)
        assert answer.status_code == 200, answer.text
        self.page = answer.text
        return self.page

    def press(self, path: str, form: dict[str, str]) -> Press:
        """A form of the page that was opened, ready to be handed in."""
        token = _TOKEN.search(self.page)
        assert token
        sent = {"csrf_token": token[1], **form}
        return lambda: self.browser.post(
            f"{self.site}{path}", sent, timeout=30, allow_redirects=False
        )


def at_once(presses: list[Press]) -> Counter[int]:
    """Press all buttons at the same moment. Returns how often each status came."""
    together = threading.Barrier(len(presses))

    def one(press: Press) -> int:
        together.wait()
        return press().status_code

    with ThreadPoolExecutor(len(presses)) as pool:
        return Counter(pool.map(one, presses))


def proposed(desk: Desk, editor: Staff, word: str, *, priority: int, sample: str) -> RuleVersion:
    """A rule of the police that waits for review."""
    draft = RuleDraft(
        code=f"police.{word.encode().hex()}.{priority}",
        name=word,
        keywords=(Keyword(word),),
        replies=(Text("请到派出所。"),),
        priority=priority,
        samples=(sample,),
    )
    owner, now = desk.department_id("police"), clock.now()
    with transaction():
        version = versions.save(
            draft,
            rule_id=None,
            base=None,
            department_id=owner,
            account_id=None,
            author_id=editor.id,
            now=now,
        )
        return versions.submit(version.id, by=editor.id, now=now)


def approvals(seat: Seat, version: RuleVersion) -> Press:
    seat.open(f"/console/rules/versions/{version.id}")
    path = f"/console/rules/versions/{version.id}/approve"
    return seat.press(path, {"sha256": version.sha256, "comment": "", "waiver": ""})


def count(action: str) -> int:
    with reading():
        found = session.scalar(select(func.count()).where(Entry.action == action))
        return found or 0


def test_a_version_that_many_approve_at_once_is_published_once(
    desk: Desk, sites: Iterator[str]
) -> None:
    version = proposed(
        desk, desk.person("editor", "police"), "居住证", priority=50, sample="居住证"
    )
    people = [desk.person("reviewer_office", "police") for _ in range(AT_ONCE)]
    presses = [approvals(Seat(next(sites), desk.cookie(one)), version) for one in people]

    assert at_once(presses) == {303: 1, 409: AT_ONCE - 1}
    with reading():
        states = session.scalars(select(RuleVersion.state).filter_by(rule_id=version.rule_id))
        assert states.all() == [State.PUBLISHED]
    assert count("rule_version.publish") == 1


def test_of_two_rules_that_take_each_others_sample_only_one_is_published(
    desk: Desk, sites: Iterator[str]
) -> None:
    editor, reviewer = desk.person("editor", "police"), desk.person("reviewer_office", "police")
    for word in ("居住证", "暂住证", "养犬证"):
        quiet = proposed(desk, editor, word, priority=50, sample=f"{word}怎么办")
        loud = proposed(desk, editor, word, priority=90, sample=word)
        presses = [
            approvals(Seat(next(sites), desk.cookie(reviewer)), each) for each in (quiet, loud)
        ]
        assert at_once(presses) == {303: 1, 409: 1}, word


def test_an_answer_that_is_sent_many_times_at_once_goes_out_once(
    desk: Desk, sites: Iterator[str]
) -> None:
    key = hear(desk, "居住证在哪办")
    agent = desk.person("agent", "police")
    seat = Seat(next(sites), desk.cookie(agent))
    form_key = _KEY.search(seat.open(f"/console/talks/{key}"))
    assert form_key
    said = {"content": "请到派出所。", "key": form_key[1], "seen": ""}
    presses = []
    for _ in range(AT_ONCE):
        other = Seat(next(sites), desk.cookie(agent))
        other.open(f"/console/talks/{key}")
        presses.append(other.press(f"/console/talks/{key}/answer", said))

    assert at_once(presses) == {200: AT_ONCE}
    with reading():
        assert len(sendings.of_follower(key)) == 1


def test_a_link_that_is_used_many_times_at_once_makes_one_administrator(
    desk: Desk, sites: Iterator[str]
) -> None:
    with transaction():
        secret = links.make(Purpose.FIRST, None, now=clock.now())
    presses = []
    for number in range(AT_ONCE):
        seat = Seat(next(sites))
        seat.open(f"/console/links/{secret}")
        form = {
            "sign_in_name": f"admin{number}",
            "name": "管理员",
            "password": PASSWORD,
            "again": PASSWORD,
        }
        presses.append(seat.press(f"/console/links/{secret}", form))

    assert at_once(presses)[303] == 1
    with reading():
        made = session.scalars(select(Staff.sign_in_name).where(Staff.name == "管理员"))
        assert len(made.all()) == 1
