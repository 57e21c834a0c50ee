"""Staff who press the same button at the same moment, at two web processes."""

import itertools
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from sqlalchemy import func, select

from app import snapshots
from config import clock
from config.audit import AuditEntry
from config.database import read_only, session, transaction
from keywords.publishing import workflow
from keywords.rules.replies import Text
from keywords.rules.spec import RuleSpec
from keywords.rules.values import Keyword
from keywords.rules.versions import RuleVersion, VersionState
from matrix import outbound
from matrix.staff.members import Staff
from matrix.staff.sign_in import one_time_links
from matrix.staff.sign_in.one_time_links import LinkPurpose
from tests.helpers import ports
from tests.helpers.console import PASSWORD, Console
from tests.helpers.conversations import receive
from tests.helpers.processes import Processes, is_answering

pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]

CONCURRENCY = 6
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
_REPORT = re.compile(r'name="report" value="([^"]+)"')
_KEY = re.compile(r'name="key"[^>]*value="([^"]+)"')
# a press of a button: its form to hand in
FormPost = Callable[[], requests.Response]


@pytest.fixture
def sites(console: Console, processes: Processes) -> Iterator[str]:
    """The addresses of two web processes, in turn and without end."""
    snapshots.reset()
    second = ports.free()
    other = processes.start("web", PORT=str(second))
    processes.web()
    other.wait_until(lambda: is_answering(f"http://127.0.0.1:{second}/healthz"))
    return itertools.cycle([processes.url, f"http://127.0.0.1:{second}"])


class BrowserSession:
    """Somebody's browser at one of the web processes, without a window."""

    def __init__(self, site: str, cookie: tuple[str, str] | None = None) -> None:
        self.site = site
        self.browser = requests.Session()
        if cookie is not None:
            self.browser.cookies.set(*cookie, domain="127.0.0.1")
        self.page = ""

    def open(self, path: str) -> str:
        """Look at a page."""
        self.page = self.get(path)
        return self.page

    def get(self, path: str) -> str:
        """Ask for something that is not a page of its own."""
        answer = self.browser.get(f"{self.site}{path}", timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.text

    def press(self, path: str, form: dict[str, str]) -> FormPost:
        """A form of the page that was opened, ready to be handed in."""
        token = _TOKEN.search(self.page)
        assert token
        sent = {"csrf_token": token[1], **form}
        return lambda: self.browser.post(
            f"{self.site}{path}", sent, timeout=30, allow_redirects=False
        )


def post_concurrently(posts: list[FormPost]) -> Counter[int]:
    """Press all buttons at the same moment. Returns how often each status came."""
    together = threading.Barrier(len(posts))

    def one(press: FormPost) -> int:
        together.wait()
        return press().status_code

    with ThreadPoolExecutor(len(posts)) as pool:
        return Counter(pool.map(one, posts))


def proposed(
    console: Console, editor: Staff, word: str, *, priority: int, sample: str
) -> RuleVersion:
    """A rule of the police that waits for review."""
    spec = RuleSpec(
        slug=f"police.{word.encode().hex()}.{priority}",
        name=word,
        keywords=(Keyword(word),),
        replies=(Text("请到派出所。"),),
        priority=priority,
        samples=(sample,),
    )
    owner, now = console.department_id("police"), clock.now()
    with transaction():
        version = workflow.save_draft(
            spec,
            rule_id=None,
            base_lock_version=None,
            department_id=owner,
            account_id=None,
            author_id=editor.id,
            now=now,
        )
        return workflow.submit(version.id, submitter_id=editor.id, now=now)


def approvals(browser_session: BrowserSession, version: RuleVersion) -> FormPost:
    browser_session.open(f"/console/rules/versions/{version.id}")
    form = {"sha256": version.sha256, "report": sample_report(browser_session, version)}
    return browser_session.press(f"/console/rules/versions/{version.id}/approve", form)


def sample_report(browser_session: BrowserSession, version: RuleVersion) -> str:
    """The signed report of the sample check; the page asks again until its process has it."""
    for _ in range(20):
        part = browser_session.get(f"/console/rules/versions/{version.id}/samples")
        if found := _REPORT.search(part):
            return found[1]
        time.sleep(0.5)
    raise AssertionError("no process checked the samples")


def count(action: str) -> int:
    with read_only():
        found = session.scalar(select(func.count()).where(AuditEntry.action == action))
        return found or 0


def test_a_version_that_many_approve_at_once_is_published_once(
    console: Console, sites: Iterator[str]
) -> None:
    version = proposed(
        console, console.person("editor", "police"), "居住证", priority=50, sample="居住证"
    )
    people = [console.person("reviewer_office", "police") for _ in range(CONCURRENCY)]
    posts = [approvals(BrowserSession(next(sites), console.cookie(one)), version) for one in people]

    assert post_concurrently(posts) == {303: 1, 409: CONCURRENCY - 1}
    with read_only():
        states = session.scalars(select(RuleVersion.state).filter_by(rule_id=version.rule_id))
        assert states.all() == [VersionState.PUBLISHED]
    assert count("rule_version.publish") == 1


def test_of_two_rules_that_take_each_others_sample_only_one_is_published(
    console: Console, sites: Iterator[str]
) -> None:
    editor, reviewer = (
        console.person("editor", "police"),
        console.person("reviewer_office", "police"),
    )
    for word in ("居住证", "暂住证", "养犬证"):
        quiet = proposed(console, editor, word, priority=50, sample=f"{word}怎么办")
        loud = proposed(console, editor, word, priority=90, sample=word)
        posts = [
            approvals(BrowserSession(next(sites), console.cookie(reviewer)), each)
            for each in (quiet, loud)
        ]
        assert post_concurrently(posts) == {303: 1, 409: 1}, word


def test_an_answer_that_is_sent_many_times_at_once_goes_out_once(
    console: Console, sites: Iterator[str]
) -> None:
    key = receive(console, "居住证在哪办")
    agent = console.person("agent", "police")
    browser_session = BrowserSession(next(sites), console.cookie(agent))
    form_key = _KEY.search(browser_session.open(f"/console/talks/{key}"))
    assert form_key
    said = {"content": "请到派出所。", "key": form_key[1], "seen": ""}
    posts = []
    for _ in range(CONCURRENCY):
        other = BrowserSession(next(sites), console.cookie(agent))
        other.open(f"/console/talks/{key}")
        posts.append(other.press(f"/console/talks/{key}/answer", said))

    assert post_concurrently(posts) == {200: CONCURRENCY}
    with read_only():
        assert len(outbound.list_for_follower(key)) == 1


def test_a_link_that_is_used_many_times_at_once_makes_one_administrator(
    console: Console, sites: Iterator[str]
) -> None:
    with transaction():
        secret = one_time_links.create(LinkPurpose.FIRST, None, now=clock.now())
    posts = []
    for number in range(CONCURRENCY):
        browser_session = BrowserSession(next(sites))
        browser_session.open(f"/console/links/{secret}")
        form = {
            "sign_in_name": f"admin{number}",
            "name": "管理员",
            "password": PASSWORD,
            "again": PASSWORD,
        }
        posts.append(browser_session.press(f"/console/links/{secret}", form))

    assert post_concurrently(posts)[303] == 1
    with read_only():
        made = session.scalars(select(Staff.sign_in_name).where(Staff.name == "管理员"))
        assert len(made.all()) == 1
