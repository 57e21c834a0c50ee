"""The wire: pushing at running web processes, as WeChat does, until each push is answered.

    letters ──> Load (threads) ──> Wire ──> web      no answer: the same letter again

Every letter has a citizen of its own, so one openid finds its row, its answer and what it caused.
"""

import itertools
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

from sqlalchemy import select

from config.alerts import Alert
from config.database import read_only, session
from matrix.followers import Follower
from matrix.inbox import InboxMessage
from matrix.outbound import OutboundMessage
from matrix.wechat.text_parts import split_text
from tests.helpers.hub import Hub, PushResponse

TIMEOUT = 90.0  # seconds; the machine may be busy with other things
OPENID_PREFIX = (
    "stranger-"  # how the openids of letters begin; no citizen of the simulator has such
)
LONG = "".join(f"第{number}条须知。" for number in range(1, 330))
LONG_PARTS = list(split_text(LONG))
RANDOM_REPLIES = [f"今天的签是第{number}签。" for number in range(1, 40)]

RULES: list[dict[str, Any]] = [
    {
        "id": "police.numbered",
        "department": "police",
        "name": "分条须知",
        "keywords": ["分条须知"],
        "reply": {"type": "text", "content": LONG},
    },
    *(
        {
            "id": f"police.lot{part}",
            "department": "police",
            "name": f"抽签{part}",
            "keywords": [f"抽签{part}"],
            "choice": "random",
            "replies": [{"type": "text", "content": lot} for lot in RANDOM_REPLIES[part::8][:5]],
        }
        for part in range(8)
    ),
]


class LoadClient(Hub):
    """The hub of the test, reached over the network at the address of a web process."""

    def __init__(self, hub: Hub, url: str) -> None:
        self.keys = hub.keys
        self._host = urlsplit(url).netloc

    def call(
        self, method: str, path: str, query: str, body: bytes = b"", **more: str
    ) -> PushResponse:
        """One request on a connection of its own. Raises OSError, HTTPException."""
        connection = HTTPConnection(self._host, timeout=10)
        try:
            connection.request(method, f"{path}?{query}", body, {"Content-Type": "text/xml"})
            response = connection.getresponse()
            return PushResponse(response.status, response.read().decode())
        finally:
            connection.close()

    def opened(self, to: str, body: str) -> dict[str, str]:
        """The fields of an answer that came as text."""
        return self._decrypt_reply(to, body)


@dataclass
class SentPush:
    """One push, however often it is delivered. `parts` follow by customer-service message."""

    openid: str
    xml: str
    parts: int = 0
    is_emergency: bool = False
    answers: list[dict[str, str]] = field(default_factory=list)


def generate_pushes(hub: Hub) -> Iterator[SentPush]:
    """Questions, questions with long answers, answers by chance, emergencies, new followers."""
    kinds = itertools.cycle(["lot", "plain", "long", "lot", "emergency", "follow"])
    for number, kind in enumerate(kinds, 1):
        openid = f"{OPENID_PREFIX}{number}"
        if kind == "lot":
            yield SentPush(openid, hub.text(openid, f"抽签{number % 8}"))
        elif kind == "plain":
            yield SentPush(openid, hub.text(openid, "身份证丢了咋办"))
        elif kind == "long":
            yield SentPush(openid, hub.text(openid, "分条须知"), parts=len(LONG_PARTS) - 1)
        elif kind == "emergency":
            yield SentPush(openid, hub.text(openid, "有人落水了快救人"), is_emergency=True)
        else:
            yield SentPush(openid, hub.event(openid, "subscribe"))


class LoadGenerator:
    """Threads that push letters to an account until told to finish.

    A letter that got no answer with status 200 is pushed again, signed anew, as WeChat does. One
    in three is pushed once more after its answer, as if that had been lost on the way.
    """

    def __init__(
        self,
        client: LoadClient,
        source: Iterator[SentPush],
        *,
        threads: int = 6,
        pause: float = 0.0,
    ) -> None:
        self.sent: list[SentPush] = []
        self.statuses: Counter[int] = Counter()
        self.errors: list[str] = []
        self._wire, self._source, self._pause = client, source, pause
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._work) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    @property
    def answered(self) -> int:
        """How many answers came so far."""
        return self.statuses[200]

    def finish(self) -> list[SentPush]:
        """Take no new letter, and wait until each that was begun is answered."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()
        assert not self.errors, self.errors[:3]
        return self.sent

    def _work(self) -> None:
        try:
            while not self._stopped.is_set():
                self._send_until_answered(self._next())
                self._stopped.wait(self._pause)
        except Exception as error:
            self.errors.append(repr(error))

    def _next(self) -> SentPush:
        with self._lock:
            letter = next(self._source)
            self.sent.append(letter)
            return letter

    def _send_until_answered(self, letter: SentPush) -> None:
        wanted = 2 if len(self.sent) % 3 == 0 else 1
        deadline = monotonic() + TIMEOUT
        while len(letter.answers) < wanted:
            if monotonic() > deadline:
                raise TimeoutError(f"no answer for {letter.openid}; so far {self.statuses}")
            if not self._send_once(letter):
                sleep(0.1)

    def _send_once(self, letter: SentPush) -> bool:
        try:
            answered = self._wire.push("police", letter.xml)
        except (OSError, HTTPException):
            self._count(0)
            return False
        self._count(answered.status)
        if answered.status == 200:
            letter.answers.append(answered.reply)
        return answered.status == 200

    def _count(self, status: int) -> None:
        with self._lock:
            self.statuses[status] += 1


def assert_each_handled_once(sent: list[SentPush]) -> int:
    """Each letter has one row, one answer however often it was asked for, and its effects once.

    Returns how many answers were written down and never reached anybody.
    """
    columns = select(
        InboxMessage.openid, InboxMessage.id, InboxMessage.answer, InboxMessage.deliveries
    )
    strangers = columns.where(InboxMessage.openid.startswith(OPENID_PREFIX))
    with read_only():
        listed = session.execute(strangers).all()
        caused = Counter(session.scalars(select(OutboundMessage.inbox_id)))
        # one alert for each conversation, and each letter has a citizen of its own
        alerted = select(Follower.openid, Alert.count).join(Alert, Alert.object_id == Follower.id)
        cried = dict(session.execute(alerted).all())
    rows = {row.openid: row for row in listed}
    assert len(listed) == len(rows) == len(sent)
    for letter in sent:
        row = rows[letter.openid]
        assert letter.answers
        for reply in letter.answers:
            assert reply == _fields(row.answer)
        assert caused[row.id] == letter.parts
        assert cried.get(letter.openid) == (1 if letter.is_emergency else None)
    return sum(rows[letter.openid].deliveries - len(letter.answers) for letter in sent)


def _fields(xml: str) -> dict[str, str]:
    return {each.tag: each.text or "" for each in ElementTree.fromstring(xml)}
