"""Messages without words: each is told what happens to it, and none counts as a question."""

from typing import Any

import pytest
from sqlalchemy import func, select

from app.jobs import conversation_updates, inbox_statistics
from config import clock
from config.database import session, transaction
from keywords.rules.standard_texts import BUILTIN_TEXTS, StandardText
from keywords.statistics.unanswered import Cluster
from matrix.conversations import Conversation
from matrix.inbox import InboxMessage, Outcome, cursors
from tests.app.callback._dialogue import rows, say, send
from tests.helpers.hub import Hub

UNSUPPORTED = "[收到不支持的消息类型，暂无法显示]"


def push(hub: Hub, kind: str, number: int = 1, **fields: Any) -> str:
    """The XML of a message of any kind, also without the fields it should have."""
    common = {
        "ToUserName": hub.keys["police"].original_id,
        "FromUserName": "o1",
        "CreateTime": "1760003710",
        "MsgType": kind,
        "MsgId": f"2519384712001{number:04d}",
    }
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in (common | fields).items())
    return f"<xml>{inner}</xml>"


KINDS: list[tuple[str, dict[str, str], StandardText]] = [
    ("image", {"PicUrl": "http://a.example/1", "MediaId": "m"}, StandardText.IMAGE),
    ("image", {}, StandardText.IMAGE),
    ("voice", {"MediaId": "m", "Format": "amr"}, StandardText.VOICE),
    ("voice", {"MediaId": "m", "Recognition": ""}, StandardText.VOICE),
    ("voice", {"MediaId": "m", "MediaId16K": "m16", "Recognition": " "}, StandardText.VOICE),
    ("voice", {}, StandardText.VOICE),
    ("video", {"MediaId": "m", "ThumbMediaId": "t"}, StandardText.VIDEO),
    ("shortvideo", {"MediaId": "m"}, StandardText.VIDEO),
    ("location", {"Location_X": "34.5", "Location_Y": "110"}, StandardText.LOCATION),
    ("location", {"Label": "太华路"}, StandardText.LOCATION),
    ("link", {"Title": "通知", "Url": "https://a.example"}, StandardText.LINK),
    ("link", {}, StandardText.LINK),
    ("file", {"Title": "说明.pdf", "FileTotalLen": "2048"}, StandardText.FILE),
    ("miniprogrampage", {"Title": "缴费", "AppId": "wx1"}, StandardText.MINI_PROGRAM_CARD),
]


def test_each_kind_is_told_what_happens_to_it(hub: Hub) -> None:
    answers = [send(hub, push(hub, kind, n, **fields)) for n, (kind, fields, _) in enumerate(KINDS)]

    assert [each.text for each in answers] == [BUILTIN_TEXTS[occasion] for *_, occasion in KINDS]
    assert {row.outcome for row in rows()} == {Outcome.FOR_STAFF}


def test_a_voice_message_hears_that_no_machine_reads_it_and_danger_is_typed(hub: Hub) -> None:
    heard = send(hub, push(hub, "voice", MediaId="m", Recognition="")).text or ""

    assert all(words in heard for words in ("听不懂", "打成文字", "110", "119", "120", "工作人员"))
    assert "110" in say(hub, "救命")
    assert [row.outcome for row in rows()] == [Outcome.FOR_STAFF, Outcome.EMERGENCY]


def test_three_stickers_in_a_row_get_one_answer(hub: Hub) -> None:
    other_brackets = UNSUPPORTED.replace("[", "【").replace("]", "】")
    answers = [say(hub, words) for words in (UNSUPPORTED, other_brackets, "[Unsupported Message]")]
    say(hub, "身份证")
    later = say(hub, UNSUPPORTED)

    friendly = BUILTIN_TEXTS[StandardText.UNSUPPORTED]
    assert [*answers, later] == [friendly, "", "", friendly]
    assert {row.outcome for row in rows() if row.kind == "unsupported"} == {Outcome.NOT_SHOWN}


def test_a_message_with_a_field_missing_is_answered_and_never_refused(hub: Hub) -> None:
    whole = push(hub, "text", 1, Content="身份证")
    without_id = whole.replace("<MsgId>25193847120010001</MsgId>", "")
    without_time = push(hub, "text", 2, Content="身份证").replace(
        "<CreateTime>1760003710</CreateTime>", ""
    )

    assert send(hub, without_id).text == send(hub, without_time).text == "请到派出所办理。"
    assert send(hub, without_id).text == "请到派出所办理。"
    assert send(hub, push(hub, "text", 3)).text == BUILTIN_TEXTS[StandardText.UNSUPPORTED]
    assert send(hub, push(hub, "hologram", 4, Shape="cube")).text
    assert [row.deliveries for row in rows()] == [2, 1, 1, 1]


def test_none_of_them_counts_as_a_question_that_nothing_answered(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cursors, "SETTLE_DELAY", -cursors.SETTLE_DELAY)
    for number, (kind, fields, _) in enumerate(KINDS):
        send(hub, push(hub, kind, number, **fields))
    for words in (UNSUPPORTED, "谢谢", "?", "菜单", "公安局", "人工"):
        say(hub, words)
    say(hub, "量子纠缠怎么报名")

    inbox_statistics.update_statistics(now=clock.now())

    with transaction():
        assert list(session.scalars(select(Cluster.samples))) == [["量子纠缠怎么报名"]]
        refused = InboxMessage.outcome.in_((Outcome.FALLBACK, Outcome.SUGGESTION))
        assert session.scalar(select(func.count(InboxMessage.id)).where(refused)) == 1


def test_a_file_reaches_the_conversation_and_waits(hub: Hub) -> None:
    send(hub, push(hub, "file", Title="说明.pdf", FileTotalLen="2048"))
    conversation_updates.update_conversations(now=clock.now())

    with transaction():
        (talk,) = session.scalars(select(Conversation))
        assert (talk.kind, talk.preview) == ("file", "说明.pdf（2 KB）")
        assert talk.waiting_since is not None
