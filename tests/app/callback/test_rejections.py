"""What a refusal leaves behind: a reason in the log, no secret, and no memory."""

import gc
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from app import snapshots
from config import logs, settings
from tests.app.callback._memory_hub import HUB, SECRETS, assert_rejected, path_of, text_push


@pytest.fixture(autouse=True)
def only_memory() -> Iterator[None]:
    """The accounts above, and no database behind them."""
    snapshots.reset()
    snapshots._State.snapshot = HUB.snapshot()
    yield
    snapshots.reset()


@contextmanager
def log_in(folder: Path) -> Iterator[Path]:
    """Log lines go to a file as JSON, and nowhere else: pytest would keep each in memory."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    path = folder / "log"
    with path.open("w", encoding="utf-8") as sink, pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOG_FORMAT", "json")
        patch.setattr(sys, "stderr", sink)
        settings.reset()
        logs.configure()
        yield path
    root.handlers[:], root.level = before


def test_each_refusal_says_why_in_the_log_and_keeps_the_secrets(tmp_path: Path) -> None:
    query, body = text_push("safe")
    path = path_of("safe")
    broken = body.replace(b"<Encrypt>", b"<Encrypt>A")
    requests = {
        "method": ("PUT", path, query, body),
        "appid": ("POST", "/wechat/wxnobody", query, body),
        "signature": ("POST", path, query, broken),
        "missing:timestamp": ("POST", path, "", body),
        "not_xml": ("POST", path, query, b"hello"),
        "plaintext": ("POST", path, query, b"<xml><Content>secret words</Content></xml>"),
    }
    with log_in(tmp_path) as log:
        for request in requests.values():
            assert_rejected(*request)

    lines = log.read_text(encoding="utf-8")
    assert [json.loads(line)["reason"] for line in lines.splitlines()] == list(requests)
    for secret in (*SECRETS, *parse_qs(query)["msg_signature"], "secret words"):
        assert secret not in lines


def test_twenty_thousand_bad_requests_leave_nothing_behind(tmp_path: Path) -> None:
    query, body = text_push("safe")
    bad = [
        ("POST", "/wechat/{n}", query, body),
        ("POST", path_of("safe"), "signature={n}&timestamp={n}&nonce={n}", body),
        ("POST", path_of("safe"), query, body[:-40] + b"%d"),
        ("POST", path_of("plain"), "a{n}=b", b"<xml><a%d>1</a%d></xml>"),
        ("GET", path_of("safe"), "signature={n}&echostr={n}", b""),
    ]

    def send(numbers: range) -> int:
        """Send that many, and count what is in memory afterwards."""
        for number in numbers:
            method, path, asked, sent = bad[number % len(bad)]
            text = str(number)
            path, asked = path.replace("{n}", text), asked.replace("{n}", text)
            assert_rejected(method, path, asked, sent.replace(b"%d", text.encode()))
        gc.collect()
        return sys.getallocatedblocks()

    with log_in(tmp_path):
        before = send(range(2000))
        after = send(range(2000, 20_000))
    assert after - before < 2000
