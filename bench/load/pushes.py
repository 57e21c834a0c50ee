"""Thousands of prepared pushes, posted by the C engine, and checks of their replies.

    prepare ─> Pushes ─ run_load ─> LoadRun (figures, saved replies) ─ check_replies ─> CheckResult

Every push has its own MsgId and nonce; one file serves several servers, because the body of a
push does not depend on its URL. Only 127.0.0.1 is ever posted to.
"""

import json
import os
import random
import shutil
import struct
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

from bench.load.protocol import Account, Message, PushCipher, WrongReply, check_reply, push
from bench.load.scripts import Script

_SOURCE = Path(__file__).with_name("hl.c")
# small enough that all cores are busy until the end
_PREPARED_AT_ONCE = 5000
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# replies that are kept of one run, to be checked
_SAVED = 8000


class NoCompiler(Exception):
    """There is no C compiler for the engine."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """Accounts, texts and URL of a run; `path` may contain {appid}, `tag` is part of openids."""

    accounts: Sequence[Account]
    scripts: Sequence[Script]
    started: int
    first_message_id: int
    tag: str
    path: str = "/wechat/{appid}"
    citizens: int = 1000
    is_safe: bool = True


@dataclass(frozen=True, slots=True)
class Sent:
    """One prepared push: the numbers of its account and script, and the sender."""

    account: int
    script: int
    openid: str


@dataclass(frozen=True, slots=True)
class Pushes:
    """Prepared requests in a file, in order."""

    campaign: Campaign
    file: Path
    sent: list[Sent]


@dataclass(frozen=True, slots=True)
class LoadRun:
    """The figures of the engine, times in milliseconds; `first` is the first push it posted."""

    pushes: Pushes
    replies: Path
    first: int
    requests: int
    ok: int
    failed: int
    seconds: float
    rps: float
    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class CheckResult:
    """How many replies were checked, and how many were wrong, by what was wrong."""

    checked: int
    wrong: dict[str, int]


def campaign(accounts: Sequence[Account], scripts: Sequence[Script]) -> Campaign:
    """A campaign whose MsgIds and openids no earlier one had."""
    now = int(time.time())
    return Campaign(
        accounts=accounts,
        scripts=scripts,
        started=now,
        # a repeated MsgId would be answered from memory as a repeat, which is faster than a new
        # message
        first_message_id=now * 10**9 + random.randrange(10**6) * 1000,
        tag="".join(random.choices(_ALPHABET, k=6)),
    )


def engine() -> Path:
    """The compiled engine; compiled when it is missing or older than its source."""
    # outside the project and by user: compiled once for all runs, and nobody else's program is
    # started
    folder = Path(tempfile.gettempdir()) / f"hub-bench-{os.getuid()}"
    program = folder / "hl"
    if program.exists() and program.stat().st_mtime >= _SOURCE.stat().st_mtime:
        return program
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise NoCompiler("a C compiler is needed (apt-get install gcc)")
    folder.mkdir(mode=0o700, exist_ok=True)
    # written under another name and renamed: two benchmarks that start together must not run half a
    # file
    draft = folder / f"hl.{os.getpid()}"
    subprocess.run([compiler, "-O2", "-o", draft, _SOURCE, "-lm"], check=True)
    draft.replace(program)
    return program


def prepare(campaign: Campaign, count: int, folder: Path) -> Pushes:
    """Write `count` pushes into a file of `folder`, on all cores."""
    edges = [*range(0, count, _PREPARED_AT_ONCE), count]
    parts = [(campaign, start, end) for start, end in pairwise(edges)]
    file = folder / f"requests-{campaign.tag}.bin"
    sent: list[Sent] = []
    # forked, so that the workers need not import everything anew
    with file.open("wb") as requests, get_context("fork").Pool(os.cpu_count()) as pool:
        for raw, some in pool.imap(_prepare_part, parts):
            requests.write(raw)
            sent += some
    return Pushes(campaign, file, sent)


def _prepare_part(part: tuple[Campaign, int, int]) -> tuple[bytes, list[Sent]]:
    campaign, start, end = part
    # by the part's start, so that the pushes do not depend on how many cores prepare them
    rng = random.Random(f"{campaign.tag}/{start}")
    boxes = _boxes(campaign)
    raw, sent = [], []
    for number in range(start, end):
        which = Sent(
            account=number % len(campaign.accounts),
            script=rng.randrange(len(campaign.scripts)),
            openid=f"o{campaign.tag}{rng.randrange(campaign.citizens):021d}",
        )
        account = campaign.accounts[which.account]
        message = Message(
            openid=which.openid,
            text=campaign.scripts[which.script].text,
            message_id=campaign.first_message_id + number,
            created=campaign.started,
        )
        nonce = str(rng.randrange(10**9, 10**10))
        request = _request(campaign, account, *push(account, boxes[which.account], message, nonce))
        raw.append(struct.pack("<I", len(request)) + request)
        sent.append(which)
    return b"".join(raw), sent


def _boxes(campaign: Campaign) -> list[PushCipher | None]:
    return [PushCipher(account) if campaign.is_safe else None for account in campaign.accounts]


def _request(campaign: Campaign, account: Account, query: str, xml: str) -> bytes:
    body = xml.encode()
    head = (
        f"POST {campaign.path.format(appid=account.appid)}?{query} HTTP/1.1",
        "Host: 127.0.0.1",
        # as seen on WeChat's pushes (see simulator/messaging/callbacks.py), for every peer alike
        "User-Agent: Mozilla/4.0",
        "Accept: */*",
        "Content-Type: text/xml",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def run_load(
    pushes: Pushes,
    port: int,
    *,
    first: int = 0,
    count: int | None = None,
    seconds: float = 60,
    connections: int = 32,
    rate: float | None = None,
    patience: float = 5,
    wrap: Sequence[str] = (),
) -> LoadRun:
    """Post pushes from number `first` on, until `count` are done or `seconds` are over.

    Without a `rate` each connection posts its next push when the last one is answered (closed
    loop). With a `rate`, pushes arrive at random at so many per second and latency counts from
    the planned arrival, so that a slow server cannot hide it by slowing the generator. An answer
    after more than `patience` seconds counts as none; WeChat waits five. `wrap` is a prefix of the
    engine's command (taskset, perf).
    """
    count = len(pushes.sent) - first if count is None else min(count, len(pushes.sent) - first)
    replies = pushes.file.with_name(f"{pushes.file.stem}-{port}-{first}.replies")
    command = [*wrap, str(engine()), "-p", str(port), "-i", str(pushes.file), "-o", str(replies)]
    command += ["-c", str(connections), "-s", str(first), "-n", str(count), "-d", str(seconds)]
    # spread over the whole run, since errors often come only after a while
    command += ["-k", str(max(1, count // _SAVED)), "-T", str(int(patience * 1000))]
    if rate is not None:
        command += ["-r", str(rate)]
    figures = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    failures = ("err_connect", "err_reset", "err_timeout", "err_parse")
    return LoadRun(
        pushes=pushes,
        replies=replies,
        first=first,
        requests=figures["requests"],
        ok=figures["http_200"],
        failed=sum(figures[name] for name in failures),
        seconds=figures["seconds"],
        rps=figures["rps"],
        p50=figures["p50_ms"],
        p99=figures["p99_ms"],
    )


def check_replies(shot: LoadRun, at_most: int | None = None) -> CheckResult:
    """Decrypt and check the replies of a run, or a sample spread over it.

    A status other than 200 counts as wrong, as does a missing answer.
    """
    wrong: Counter[str] = Counter({"no answer": shot.failed} if shot.failed else {})
    replies = list(_replies(shot.replies))
    step = max(1, len(replies) // at_most) if at_most else 1
    boxes = _boxes(shot.pushes.campaign)
    checked = 0
    for place, (number, status, body) in enumerate(replies):
        # answers with another status are all looked at, also where only a sample is checked
        if status == 200 and place % step:
            continue
        checked += 1
        try:
            _check(shot.pushes, boxes, number, status, body)
        except WrongReply as error:
            wrong[str(error)] += 1
    return CheckResult(checked, dict(wrong))


def _check(
    pushes: Pushes, boxes: Sequence[PushCipher | None], number: int, status: int, body: bytes
) -> None:
    if status != 200:
        raise WrongReply(f"http {status}")
    sent, campaign = pushes.sent[number], pushes.campaign
    expected = campaign.scripts[sent.script].reply
    check_reply(body, campaign.accounts[sent.account], boxes[sent.account], sent.openid, expected)


def _replies(file: Path) -> Iterator[tuple[int, int, bytes]]:
    """Number of the push, HTTP status and body of each saved reply."""
    raw, place = file.read_bytes(), 0
    while place < len(raw):
        number, status, length = struct.unpack_from("<III", raw, place)
        place += 12
        yield number, status, raw[place : place + length]
        place += length
