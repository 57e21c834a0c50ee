"""Pushes: the engine posts what was prepared, and the judge tells right replies from wrong."""

import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.types import StartResponse, WSGIEnvironment
from xml.etree import ElementTree

import pytest

from bench.load import pushes
from bench.load.protocol import PushCipher, derive_accounts, signature
from bench.load.scripts import Script

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(
        not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="the engine is written in C"
    ),
]

ACCOUNT = derive_accounts(1)[0]
SCRIPTS = [Script("身份证", "带身份证来"), Script("护照", "带护照来")]
RIGHT = {script.text: script.reply for script in SCRIPTS}
COUNT = 40


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """The tests need no log."""


def bot(say: Callable[[str], str], seen: list[str]) -> Callable[..., Iterable[bytes]]:
    """A small WeChat bot; `seen` collects ids of messages."""
    box = PushCipher(ACCOUNT)

    def application(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        stamp = parse_qs(environ["QUERY_STRING"])["timestamp"][0]
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        sealed = ElementTree.fromstring(body).findtext("Encrypt") or ""
        message = ElementTree.fromstring(box.decrypt(sealed))
        seen.append(message.findtext("MsgId") or "")
        answer = box.encrypt(
            f"<xml><ToUserName>{message.findtext('FromUserName')}</ToUserName>"
            f"<FromUserName>{ACCOUNT.original_id}</FromUserName><CreateTime>1</CreateTime>"
            f"<MsgType>text</MsgType><Content>{say(message.findtext('Content') or '')}</Content>"
            "</xml>"
        )
        start("200 OK", [("Content-Type", "text/xml")])
        signed = signature(ACCOUNT.token, stamp, "n", answer)
        return [
            f"<xml><Encrypt>{answer}</Encrypt><MsgSignature>{signed}</MsgSignature>"
            f"<TimeStamp>{stamp}</TimeStamp><Nonce>n</Nonce></xml>".encode()
        ]

    return application


@contextmanager
def serving(application: Callable[..., Iterable[bytes]]) -> Iterator[int]:
    """The port of a server in a thread."""
    with make_server("127.0.0.1", 0, application, handler_class=_Silent) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def prepared_pushes(tmp_path: Path) -> pushes.Pushes:
    """Pushes of two texts."""
    return pushes.prepare(pushes.campaign([ACCOUNT], SCRIPTS), COUNT, tmp_path)


def test_right_replies_are_found_right(prepared_pushes: pushes.Pushes) -> None:
    seen: list[str] = []
    with serving(bot(lambda text: str(RIGHT[text]), seen)) as port:
        shot = pushes.run_load(prepared_pushes, port, connections=2)

    assert (shot.requests, shot.ok, shot.failed) == (COUNT, COUNT, 0)
    assert pushes.check_replies(shot) == pushes.CheckResult(checked=COUNT, wrong={})
    assert len(set(seen)) == COUNT


def test_wrong_replies_are_counted(prepared_pushes: pushes.Pushes) -> None:
    asked = [SCRIPTS[sent.script].text for sent in prepared_pushes.sent]
    with serving(bot(lambda text: "带身份证来", [])) as port:
        verdict = pushes.check_replies(pushes.run_load(prepared_pushes, port, connections=2))

    assert verdict == pushes.CheckResult(checked=COUNT, wrong={"content": asked.count("护照")})
    assert 0 < asked.count("护照") < COUNT


def test_an_error_page_counts_as_wrong(prepared_pushes: pushes.Pushes) -> None:
    def broken(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        start("503 Service Unavailable", [("Content-Type", "text/plain")])
        return [b""]

    with serving(broken) as port:
        verdict = pushes.check_replies(
            pushes.run_load(prepared_pushes, port, connections=2), at_most=1
        )

    assert verdict.wrong == {"http 503": COUNT}


def test_a_server_that_is_not_there_counts_as_no_answer(
    prepared_pushes: pushes.Pushes, free_port: int
) -> None:
    shot = pushes.run_load(prepared_pushes, free_port, connections=2)

    assert pushes.check_replies(shot).wrong == {"no answer": COUNT}


def test_a_second_shot_goes_on_where_the_first_ended(prepared_pushes: pushes.Pushes) -> None:
    seen: list[str] = []
    with serving(bot(lambda text: str(RIGHT[text]), seen)) as port:
        first = pushes.run_load(prepared_pushes, port, count=15, connections=2)
        second = pushes.run_load(
            prepared_pushes, port, first=first.requests, rate=2000, connections=2
        )

    assert (first.requests, second.requests) == (15, COUNT - 15)
    assert len(set(seen)) == COUNT
    assert not pushes.check_replies(second).wrong
