"""The callback and whatever strangers send: a 4xx, a reason in the log, and nothing else.

A push that nobody signed reaches no database: these tests have none. What is signed and odd is
recorded or refused, and never breaks.
"""

import base64
import gc
import io
import json
import logging
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlencode

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from sqlalchemy import func, select

from app import callback, live
from app.live import Live
from config import logs, settings
from config.database import reading, session
from keywords.book import Book
from matrix.accounts import Connection, Kind
from matrix.departments import Tree
from matrix.inbox import Inbound
from matrix.wechat.envelope import Envelope, Mode
from matrix.wechat.messages import MAX_BYTES
from simulator import envelope
from tests.fixtures.hub import Hub, Keys
from tests.fixtures.sources import ROOT

ALLOWED = {200, 400, 403, 404, 405, 411, 413}
REFUSED = ALLOWED - {200}
MODES = {"safe": Mode.SAFE, "compatible": Mode.COMPATIBLE, "plain": Mode.PLAIN}
PAYLOADS = sorted((ROOT / "tests/payloads").glob("*.xml"))
often = hypothesis(max_examples=300, deadline=None)
with_hub = hypothesis(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class Strangers(Hub):
    """Three accounts, one of each mode, in memory only."""

    def __init__(self) -> None:
        super().__init__()
        for number, mode in enumerate(MODES, 1):
            self.keys[mode] = Keys(
                f"wx{number:016x}", f"gh_{number:012d}", f"token{number}", f"{number:0>42}A", mode
            )

    def live(self) -> Live:
        """What a web process would have in memory."""
        accounts = {
            keys.appid: Connection(
                id=number,
                appid=keys.appid,
                original_id=keys.original_id,
                name=mode,
                department_id=1,
                kind=Kind.SERVICE,
                verified=True,
                paused=False,
                welcome="",
                envelope=Envelope(
                    appid=keys.appid,
                    original_id=keys.original_id,
                    mode=MODES[mode],
                    token=keys.token,
                    aes_key=keys.aes_key,
                ),
            )
            for number, (mode, keys) in enumerate(self.keys.items(), 1)
        }
        return Live({}, accounts, Book(), {}, {}, Tree({}))


HUB = Strangers()
SECRETS = [part for keys in HUB.keys.values() for part in (keys.token, keys.aes_key)]


@pytest.fixture(scope="module", autouse=True)
def only_memory() -> Iterator[None]:
    """The accounts above, and no database behind them."""
    live.forget()
    live._Kept.now = HUB.live()
    yield
    live.forget()


def is_refused(method: str, path: str, query: str, body: bytes = b"", **more: str) -> int:
    """Push something; it must be refused and the answer must say nothing."""
    answered = HUB.call(method, path, query, body, **more)
    assert answered.status in REFUSED, answered
    assert len(answered.body) < 40
    assert "<" not in answered.body
    assert not [secret for secret in SECRETS if secret in answered.body]
    return answered.status


def path_of(mode: str) -> str:
    return f"/wechat/{HUB.keys[mode].appid}"


# ---- anything at all ----

methods = st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "BREW", ""])
modes = st.sampled_from(list(MODES))
paths = st.one_of(modes.map(path_of), st.text(max_size=60).map(lambda rest: f"/wechat/{rest}"))
lengths = st.one_of(
    st.none(),
    st.sampled_from(["", "-1", "+3", "1e3", "0x10", " 5", "٣", "²", "9" * 30, "9" * 6000]),
    st.text(max_size=8),
)
names = st.sampled_from(
    ["signature", "msg_signature", "timestamp", "nonce", "encrypt_type", "echostr", "openid", "x"]
)
values = st.one_of(
    st.text(max_size=80), st.just(str(int(time.time()))), st.just("aes"), st.just("0" * 40)
)
queries = st.one_of(
    st.text(max_size=300),
    st.lists(st.tuples(names, values), max_size=40).map(lambda pairs: urlencode_loosely(pairs)),
)


def urlencode_loosely(pairs: list[tuple[str, str]]) -> str:
    return "&".join(f"{name}={quote(value, errors='replace')}" for name, value in pairs)


@often
@given(methods, paths, queries, st.binary(max_size=400), lengths)
def test_any_request_is_refused(
    method: str, path: str, query: str, body: bytes, length: str | None
) -> None:
    is_refused(method, path, query, body, **({} if length is None else {"CONTENT_LENGTH": length}))


@pytest.mark.parametrize(
    "length", ["-1", "1e3", "0x10", "٣", "²", "9" * 30, "9" * 5000], ids=lambda text: text[:8]
)
def test_a_length_that_is_none_is_refused(length: str) -> None:
    query, body = text_push("safe")
    is_refused("POST", path_of("safe"), query, body, CONTENT_LENGTH=length)


@often
@given(modes, st.binary(max_size=2000))
def test_any_signed_bytes_are_refused(mode: str, body: bytes) -> None:
    """The signature of plain mode does not cover the body; whoever saw one may try any body."""
    query, _ = HUB.request(mode, "<xml/>", plain=True)
    is_refused("POST", path_of(mode), query, body)


# ---- XML ----

tags = st.sampled_from(
    ["xml", "ToUserName", "FromUserName", "CreateTime", "MsgType", "Content", "MsgId", "Event"]
)
words = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["", "text", "event", "0", "-1", "9" * 25, "]]>", "&#0;", "&#xD800;", "&a;"]),
)
trees = st.recursive(
    words,
    lambda inner: st.lists(st.tuples(tags, inner), max_size=6).map(
        lambda pairs: "".join(f"<{name}>{body}</{name}>" for name, body in pairs)
    ),
    max_leaves=30,
)
heads = st.sampled_from(
    [
        "",
        '<?xml version="1.0"?>',
        '<?xml version="1.0" encoding="utf-16"?>',
        '<?xml version="1.0" encoding="gb18030"?>',
        '<!DOCTYPE xml [<!ENTITY a "b">]>',
        '<!DOCTYPE xml SYSTEM "file:///etc/passwd">',
        "\ufeff",
    ]
)


@often
@given(modes, heads, trees)
def test_xml_of_any_shape_is_refused(mode: str, head: str, tree: str) -> None:
    query, _ = HUB.request(mode, "<xml/>", plain=True)
    body = f"{head}<xml>{tree}</xml>".encode("utf-8", "surrogatepass")
    is_refused("POST", path_of(mode), query, body)


def bomb() -> str:
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 9))
    return f'<!DOCTYPE xml [<!ENTITY l0 "lol">{levels}]><xml><Content>&l8;</Content></xml>'


ODDITIES = {
    "entities": bomb(),
    "outside entity": '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><xml>&e;</xml>',
    "deep": "<xml>" + "<a>" * 5000 + "</a>" * 5000 + "</xml>",
    "many fields": "<xml>" + "<a>1</a>" * 5000 + "</xml>",
    "NUL": "<xml><Content>a\0b</Content></xml>",
    "lone surrogate": "<xml><Content>\ud83d</Content></xml>",
    "no fields": "<xml></xml>",
    "other root": "<html><body>hello</body></html>",
    "long name": f"<xml><{'a' * 30000}>1</{'a' * 30000}></xml>",
    "long attribute": f'<xml a="{"b" * 30000}"/>',
    "unfinished": "<xml><ToUserName>",
    "twice": "<xml/><xml/>",
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("oddity", ODDITIES)
@pytest.mark.parametrize("sealed", [False, True])
def test_odd_xml_is_refused_in_the_clear_and_inside(mode: str, oddity: str, sealed: bool) -> None:
    xml = ODDITIES[oddity]
    if sealed:
        whole = xml.encode("utf-8", "replace").decode()
        query, body = HUB.request(mode, whole)
    else:
        query, body = HUB.request(mode, xml, plain=True)
    is_refused("POST", path_of(mode), query, body)


@pytest.mark.parametrize("mode", MODES)
def test_two_megabytes_are_refused_unread(mode: str) -> None:
    query, _ = HUB.request(mode, "<xml/>")

    class Unread(io.BytesIO):
        def read(self, *_: Any) -> bytes:
            raise AssertionError("somebody read it")

    huge = b"<xml>" + b"a" * 2**21
    heard: list[str] = []
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path_of(mode),
        "QUERY_STRING": query,
        "CONTENT_LENGTH": str(len(huge)),
        "wsgi.input": Unread(huge),
    }
    door = callback.in_front_of(lambda *_: [])
    door(environ, lambda status, headers: heard.append(status))  # type: ignore[arg-type,return-value]
    assert heard == ["413 Content Too Large"]
    is_refused("POST", path_of(mode), query, b"a" * (MAX_BYTES + 1))


# ---- a good push that somebody touched ----


def text_push(mode: str) -> tuple[str, bytes]:
    return HUB.request(mode, HUB.text("o1", "身份证", to=mode))


@often
@given(st.data())
def test_a_sealed_push_that_was_touched_anywhere_is_refused(data: st.DataObject) -> None:
    mode = data.draw(st.sampled_from(["safe", "compatible"]))
    query, body = text_push(mode)
    start, end = body.index(b"<Encrypt>") + 9, body.index(b"</Encrypt>")
    place = data.draw(st.integers(start, end - 1))
    how = data.draw(st.sampled_from(["cut", "change", "insert", "drop"]))
    letter = data.draw(st.sampled_from(b"Az09+/=- \n")).to_bytes(1, "big")
    if how == "change" and body[place : place + 1] == letter:
        letter = b"*"
    touched = {
        "cut": body[:place] + body[end:],
        "change": body[:place] + letter + body[place + 1 :],
        "insert": body[:place] + letter + body[place:],
        "drop": body[:place] + body[place + 1 :],
    }[how]
    is_refused("POST", path_of(mode), query, touched)


@often
@given(st.data())
def test_a_push_whose_parameters_were_touched_is_refused(data: st.DataObject) -> None:
    mode = data.draw(modes)
    query, body = text_push(mode)
    fields = {name: value[0] for name, value in parse_qs(query).items()}
    covered = {"safe": ["msg_signature"], "compatible": ["msg_signature"], "plain": ["signature"]}
    name = data.draw(st.sampled_from([*covered[mode], "timestamp", "nonce"]))
    how = data.draw(st.sampled_from(["gone", "other", "twice", "empty"]))
    if how == "other":
        fields[name] = data.draw(st.text(max_size=60).filter(lambda value: value != fields[name]))
        fields[name] = fields[name].encode("utf-8", "replace").decode()
    elif how == "empty":
        fields[name] = ""
    elif how == "gone":
        del fields[name]
    again = f"&{name}={fields[name]}" if how == "twice" else ""
    is_refused("POST", path_of(mode), urlencode(fields) + again, body)


@pytest.mark.parametrize("mode", ["safe", "compatible"])
def test_what_was_sealed_for_another_appid_or_by_another_key_is_refused(mode: str) -> None:
    keys = HUB.keys[mode]
    other = "wx" + "f" * 16
    for aes_key, appid in ((keys.aes_key, other), ("B" * 42 + "A", keys.appid), (keys.aes_key, "")):
        sealed = envelope.encrypt(HUB.text("o1", "身份证", to=mode), aes_key=aes_key, appid=appid)
        assert is_refused("POST", path_of(mode), *signed(keys, sealed)) == 403


@often
@given(modes.filter(lambda mode: mode != "plain"), st.binary(max_size=200), st.booleans())
def test_any_signed_ciphertext_is_refused(mode: str, data: bytes, in_blocks: bool) -> None:
    data += b"." * (-len(data) % 16 if in_blocks else 0)
    sealed = base64.b64encode(data).decode()
    is_refused("POST", path_of(mode), *signed(HUB.keys[mode], sealed))


def signed(keys: Keys, sealed: str) -> tuple[str, bytes]:
    timestamp, nonce = str(int(time.time())), "n1"
    query = {
        "timestamp": timestamp,
        "nonce": nonce,
        "encrypt_type": "aes",
        "signature": envelope.sign(keys.token, timestamp, nonce),
        "msg_signature": envelope.sign(keys.token, timestamp, nonce, sealed),
    }
    body = f"<xml><ToUserName>{keys.original_id}</ToUserName><Encrypt>{sealed}</Encrypt></xml>"
    return urlencode(query), body.encode()


# ---- the log ----


@contextmanager
def log_in(folder: Path) -> Iterator[Path]:
    """Log lines go to a file as JSON, and nowhere else: pytest would keep each in memory."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    path = folder / "log"
    with path.open("w", encoding="utf-8") as sink, pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOG_FORMAT", "json")
        patch.setattr(sys, "stderr", sink)
        settings.forget()
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
            is_refused(*request)

    lines = log.read_text(encoding="utf-8")
    assert [json.loads(line)["reason"] for line in lines.splitlines()] == list(requests)
    for secret in (*SECRETS, *parse_qs(query)["msg_signature"], "secret words"):
        assert secret not in lines


# ---- memory ----


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
            is_refused(method, path, asked, sent.replace(b"%d", text.encode()))
        gc.collect()
        return sys.getallocatedblocks()

    with log_in(tmp_path):
        before = send(range(2000))
        after = send(range(2000, 20_000))
    assert after - before < 2000


# ---- signed, and odd ----

odd_texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00\ufffe\uffff"),
    min_size=0,
    max_size=200,
)


def rows() -> int:
    with reading():
        return session.scalar(select(func.count()).select_from(Inbound)) or 0


@with_hub
@given(words=odd_texts)
def test_whatever_a_citizen_writes_is_answered_and_kept(hub: Hub, words: str) -> None:
    before = rows()

    answered = hub.push("police", hub.text("o1", words))

    assert answered.status == 200
    assert answered.text
    assert rows() == before + 1


@with_hub
@given(data=st.data())
def test_a_signed_push_with_odd_fields_is_kept_or_refused(hub: Hub, data: st.DataObject) -> None:
    xml = data.draw(st.sampled_from(PAYLOADS)).read_text(encoding="utf-8")
    xml = re.sub(r"(<ToUserName>).*?(</ToUserName>)", rf"\1{hub.keys['police'].original_id}\2", xml)
    field = data.draw(st.sampled_from(sorted(set(re.findall(r"<(\w+)>", xml)) - {"xml"})))
    value = data.draw(st.one_of(words, st.just("长" * 5000), st.just("<a>1</a>" * 3)))
    how = data.draw(st.sampled_from(["gone", "changed", "twice"]))
    pattern = rf"<{field}>.*?</{field}>"
    new = f"<{field}>{value}</{field}>"
    replaced = {"gone": "", "changed": new, "twice": new * 2}[how]
    xml = re.sub(pattern, lambda _: replaced, xml, count=1, flags=re.DOTALL)
    before = rows()

    answered = hub.push("police", xml.encode("utf-8", "replace").decode())

    assert answered.status in ALLOWED, xml
    assert rows() - before in ({0, 1} if answered.status == 200 else {0})
