"""The callback and whatever strangers send: a 4xx, a reason in the log, and nothing else.

A push that nobody signed reaches no database: these tests have none. What is signed and odd is
recorded or refused, and never breaks.
"""

import base64
import io
import re
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, quote, urlencode

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from sqlalchemy import func, select

from app import callback, snapshots
from config.database import read_only, session
from matrix.inbox import InboxMessage
from matrix.wechat.messages import MAX_BYTES
from simulator.messaging import envelope
from tests.app.callback._memory_hub import (
    HUB,
    MODES,
    REJECTED_STATUSES,
    assert_rejected,
    path_of,
    text_push,
)
from tests.helpers.hub import AccountKeys, Hub
from tests.helpers.source_tree import ROOT

PAYLOADS = sorted((ROOT / "tests/payloads").glob("*.xml"))
many_examples = hypothesis(max_examples=300, deadline=None)
with_hub = hypothesis(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(autouse=True)
def only_memory() -> Iterator[None]:
    """The accounts above, and no database behind them."""
    snapshots.reset()
    snapshots._State.snapshot = HUB.snapshot()
    yield
    snapshots.reset()


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


@many_examples
@given(methods, paths, queries, st.binary(max_size=400), lengths)
def test_any_request_is_refused(
    method: str, path: str, query: str, body: bytes, length: str | None
) -> None:
    assert_rejected(
        method, path, query, body, **({} if length is None else {"CONTENT_LENGTH": length})
    )


@pytest.mark.parametrize(
    "length", ["-1", "1e3", "0x10", "٣", "²", "9" * 30, "9" * 5000], ids=lambda text: text[:8]
)
def test_a_length_that_is_none_is_refused(length: str) -> None:
    query, body = text_push("safe")
    assert_rejected("POST", path_of("safe"), query, body, CONTENT_LENGTH=length)


@many_examples
@given(modes, st.binary(max_size=2000))
def test_any_signed_bytes_are_refused(mode: str, body: bytes) -> None:
    """The signature of plain mode does not cover the body; whoever saw one may try any body."""
    query, _ = HUB.request(mode, "<xml/>", plain=True)
    assert_rejected("POST", path_of(mode), query, body)


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


@many_examples
@given(modes, heads, trees)
def test_xml_of_any_shape_is_refused(mode: str, head: str, tree: str) -> None:
    query, _ = HUB.request(mode, "<xml/>", plain=True)
    body = f"{head}<xml>{tree}</xml>".encode("utf-8", "surrogatepass")
    assert_rejected("POST", path_of(mode), query, body)


def bomb() -> str:
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 9))
    return f'<!DOCTYPE xml [<!ENTITY l0 "lol">{levels}]><xml><Content>&l8;</Content></xml>'


ODD_CHARACTERS = {
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
@pytest.mark.parametrize("oddity", ODD_CHARACTERS)
@pytest.mark.parametrize("sealed", [False, True])
def test_odd_xml_is_refused_in_the_clear_and_inside(mode: str, oddity: str, sealed: bool) -> None:
    xml = ODD_CHARACTERS[oddity]
    if sealed:
        whole = xml.encode("utf-8", "replace").decode()
        query, body = HUB.request(mode, whole)
    else:
        query, body = HUB.request(mode, xml, plain=True)
    assert_rejected("POST", path_of(mode), query, body)


@pytest.mark.parametrize("mode", MODES)
def test_two_megabytes_are_refused_unread(mode: str) -> None:
    query, _ = HUB.request(mode, "<xml/>")

    class Unread(io.BytesIO):
        def read(self, *_: Any) -> bytes:
            raise AssertionError("somebody read it")

    huge = b"<xml>" + b"a" * 2**21
    heard: list[str] = []

    def start(status: str, headers: object, exc_info: object = None) -> Callable[[bytes], object]:
        heard.append(status)
        return heard.append

    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path_of(mode),
        "QUERY_STRING": query,
        "CONTENT_LENGTH": str(len(huge)),
        "wsgi.input": Unread(huge),
    }
    callback.wrap_wsgi(lambda *_: [])(environ, start)
    assert heard == ["413 Content Too Large"]
    assert_rejected("POST", path_of(mode), query, b"a" * (MAX_BYTES + 1))


# ---- a good push that somebody touched ----


@many_examples
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
    assert_rejected("POST", path_of(mode), query, touched)


@many_examples
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
    assert_rejected("POST", path_of(mode), urlencode(fields) + again, body)


@pytest.mark.parametrize("mode", ["safe", "compatible"])
def test_what_was_sealed_for_another_appid_or_by_another_key_is_refused(mode: str) -> None:
    keys = HUB.keys[mode]
    other = "wx" + "f" * 16
    for aes_key, appid in ((keys.aes_key, other), ("B" * 42 + "A", keys.appid), (keys.aes_key, "")):
        sealed = envelope.encrypt(HUB.text("o1", "身份证", to=mode), aes_key=aes_key, appid=appid)
        assert assert_rejected("POST", path_of(mode), *signed(keys, sealed)) == 403


@many_examples
@given(modes.filter(lambda mode: mode != "plain"), st.binary(max_size=200), st.booleans())
def test_any_signed_ciphertext_is_refused(mode: str, data: bytes, in_blocks: bool) -> None:
    data += b"." * (-len(data) % 16 if in_blocks else 0)
    sealed = base64.b64encode(data).decode()
    assert_rejected("POST", path_of(mode), *signed(HUB.keys[mode], sealed))


def signed(keys: AccountKeys, sealed: str) -> tuple[str, bytes]:
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


# ---- signed, and odd ----

odd_texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00\ufffe\uffff"),
    min_size=0,
    max_size=200,
)


def rows() -> int:
    with read_only():
        return session.scalar(select(func.count()).select_from(InboxMessage)) or 0


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

    assert answered.status in {200, *REJECTED_STATUSES}, xml
    assert rows() - before in ({0, 1} if answered.status == 200 else {0})
