"""The thread: everything in order, covered, page by page; and one message shown for a reason."""

import pytest
from sqlalchemy import select

from config.audit import AuditEntry
from config.database import session
from config.errors import Invalid, NotFound
from matrix import conversations, outbound
from matrix.conversations import ReplyForm, Speaker, Thread, ThreadLine, thread
from matrix.inbox import Outcome, attachments
from matrix.inbox.attachments import Attachment
from matrix.wechat import gateway, passive_replies
from tests.helpers import NOW
from tests.matrix.conversations.conftest import LATER, MINUTE, SECOND, City

PICTURE = b"\xff\xd8\xff" + b"a picture"


@pytest.fixture(autouse=True)
def noise(city: City) -> None:
    """The same openid at another account, and another follower of ours."""
    city.receive("o1", "别处", account=city.hrss)
    city.receive("o2", "别人")


def read(city: City, **where: int) -> Thread:
    return conversations.read(city.agent, city.follower("o1").id, **where)


def texts(lines: tuple[ThreadLine, ...]) -> list[tuple[str, str]]:
    return [(line.speaker.value, line.text) for line in lines]


def xml(reply: passive_replies.Reply) -> str:
    return passive_replies.render(reply, openid="o1", original_id="gh_1", created_at=NOW)


def test_both_sides_stand_in_order_of_time(city: City) -> None:
    city.receive("o1", "", kind="followed", content={"scene": "大厅"}, outcome=Outcome.WELCOME)
    city.receive(
        "o1",
        "身份证",
        at=NOW + SECOND,
        outcome=Outcome.RULE,
        rule_code="police.id_card",
        answer=xml(passive_replies.Text('请看<a href="weixin://bizmsgmenu?msgmenuid=1">指南</a>')),
    )
    outbound.enqueue(city.follower("o1"), passive_replies.Text("后半段"), now=NOW + SECOND)
    last = city.receive("o1", "还有", at=NOW + MINUTE)
    conversations.reply_text(
        city.agent, city.follower("o1").id, "请讲", form=ReplyForm("k" * 22, last), now=LATER
    )

    lines = read(city).lines
    assert texts(lines) == [
        ("event", "大厅"),
        ("citizen", "身份证"),
        ("hub", "请看指南"),
        ("hub", "后半段"),
        ("citizen", "还有"),
        ("staff", "请讲"),
    ]
    assert lines[2].rule_slug == "police.id_card"
    assert (lines[5].author, lines[5].state) == ("客服agent1", outbound.OutboundState.QUEUED)


@pytest.mark.parametrize(
    ("reply", "kind", "text"),
    [
        (passive_replies.Image("m"), "image", ""),
        (
            passive_replies.News((passive_replies.Article("标题", "摘要", "https://hub.example"),)),
            "news",
            "标题",
        ),
        (
            passive_replies.News(
                tuple(
                    passive_replies.Article(f"标题{n}", "", "https://hub.example") for n in (1, 2)
                )
            ),
            "news",
            "标题1",
        ),
        (passive_replies.Transfer(), "transfer_customer_service", ""),
    ],
)
def test_replies_of_every_kind_can_be_read(
    city: City, reply: passive_replies.Reply, kind: str, text: str
) -> None:
    city.receive("o1", "话", outcome=Outcome.RULE, answer=xml(reply))

    line = read(city).lines[-1]
    assert (line.speaker, line.kind, line.text) == (Speaker.HUB, kind, text)


def test_a_stored_answer_that_cannot_be_read_hides_no_other(city: City) -> None:
    city.receive("o1", "话", answer="<xml><unfinished>")

    assert [line.kind for line in read(city).lines] == ["text", "unknown"]


@pytest.mark.parametrize(
    ("kind", "content", "text"),
    [
        ("location", {"latitude": 34.5, "longitude": 110.1, "label": "玉泉路"}, "玉泉路"),
        ("link", {"title": "网页", "url": "https://a.example"}, "网页 https://a.example"),
        ("image", {"media_id": "m1", "url": "https://wx.example/1"}, ""),
    ],
)
def test_messages_of_other_kinds_say_what_they_hold(
    city: City, kind: str, content: dict[str, object], text: str
) -> None:
    city.receive("o1", "", kind=kind, content=content)

    (line,) = read(city).lines
    assert (line.speaker, line.kind, line.text) == (Speaker.CITIZEN, kind, text)


def test_numbers_of_persons_are_covered_on_both_sides(city: City) -> None:
    last = city.receive("o1", "电话13812345678")
    conversations.reply_text(
        city.agent, city.follower("o1").id, "打13812345678", form=ReplyForm("k" * 22, last), now=NOW
    )

    lines = read(city).lines
    assert [line.text for line in lines] == ["电话138****5678", "打138****5678"]
    assert all(line.is_masked for line in lines)


def test_pages_go_backwards_and_bring_what_was_sent_between(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thread, "PAGE_SIZE", 2)
    for number in range(5):
        at = NOW + number * MINUTE
        city.receive("o1", f"问{number}", at=at)
        outbound.enqueue(city.follower("o1"), passive_replies.Text(f"答{number}"), now=at + SECOND)

    newest = read(city)
    assert [line.text for line in newest.lines] == ["问3", "答3", "问4", "答4"]
    assert newest.before is not None
    middle = read(city, before=newest.before)
    assert [line.text for line in middle.lines] == ["问1", "答1", "问2", "答2"]
    assert middle.before is not None
    oldest = read(city, before=middle.before)
    assert [line.text for line in oldest.lines] == ["问0", "答0"]
    assert oldest.before is None


def test_a_reader_asks_what_came_since(city: City) -> None:
    first = city.receive("o1", "一")
    seen = read(city, since=first)
    city.receive("o1", "二")

    now = read(city, since=first)
    assert [line.text for line in now.lines] == ["一", "二"]
    assert now.etag != seen.etag
    assert now.etag == read(city, since=first).etag


def test_who_only_clicked_has_an_empty_thread_or_events(city: City) -> None:
    assert conversations.read(city.agent, city.follower("o2").id).lines[0].text == "别人"
    with pytest.raises(NotFound):
        conversations.read(city.other_agent, city.follower("o2").id)
    with pytest.raises(NotFound):
        conversations.read(city.agent, 10**9)


# ---- looking beneath ----


def test_one_message_is_shown_for_a_reason_and_the_audit_does_not_hold_it(city: City) -> None:
    key = city.receive("o1", "电话13812345678")

    words = conversations.reveal_message(
        city.chief, city.follower("o1").id, f"m{key}", reason=" 回访电话 "
    )

    assert words == "电话13812345678"
    entry = session.scalars(
        select(AuditEntry).where(AuditEntry.action == "conversation.reveal_message")
    ).one()
    assert (entry.reason, entry.after) == ("回访电话", {"message": f"m{key}"})
    assert entry.department_id == city.police.department_id
    assert "13812345678" not in repr(vars(entry))


def test_an_answer_can_be_shown_as_well(city: City) -> None:
    city.receive("o1", "在吗")
    sending = outbound.enqueue(city.follower("o1"), passive_replies.Text("打13812345678"), now=NOW)

    shown = conversations.reveal_message(
        city.chief, city.follower("o1").id, f"s{sending.id}", reason="核对回复"
    )
    assert shown == "打13812345678"


def test_without_the_right_or_a_reason_nothing_is_shown(city: City) -> None:
    key = city.receive("o1", "电话13812345678")
    follower = city.follower("o1").id

    with pytest.raises(NotFound):
        conversations.reveal_message(city.agent, follower, f"m{key}", reason="我想看看")
    with pytest.raises(NotFound):
        conversations.reveal_message(city.other_agent, follower, f"m{key}", reason="我想看看")
    with pytest.raises(Invalid) as refused:
        conversations.reveal_message(city.chief, follower, f"m{key}", reason=" 看 ")
    assert refused.value.field == "reason"
    assert (
        session.scalars(
            select(AuditEntry).where(AuditEntry.action == "conversation.reveal_message")
        ).all()
        == []
    )


@pytest.mark.parametrize("ref", ["", "m", "x1", "m-1", "m²", "m" + "9" * 30, "s99"])
def test_a_message_that_is_not_there_cannot_be_shown(city: City, ref: str) -> None:
    with pytest.raises(NotFound):
        conversations.reveal_message(city.chief, city.follower("o2").id, ref, reason="核对号码")


def test_a_message_of_another_conversation_cannot_be_shown_through_this_one(city: City) -> None:
    key = city.receive("o1", "电话13812345678")
    with pytest.raises(NotFound):
        conversations.reveal_message(
            city.chief, city.follower("o2").id, f"m{key}", reason="核对号码"
        )


# ---- what citizens enclosed ----


def attachments(city: City) -> int:
    return city.receive("o1", "", kind="image", content={"media_id": "m1"})


def test_a_picture_is_fetched_when_somebody_asks(city: City) -> None:
    key, follower = attachments(city), city.follower("o1").id
    attachments.request(city.agent, follower, key, now=NOW)
    attachments.request(city.agent, follower, key, now=NOW)

    assert attachments.find_requested(key) == attachments.AttachmentSource(city.police.id, "m1")
    attachments.store(key, gateway.Download(PICTURE, "text/html"))
    kept = attachments.access_attachment(city.agent, follower, key)
    assert (kept.state, kept.mime, kept.body) == (
        attachments.AttachmentState.STORED,
        "image/jpeg",
        PICTURE,
    )
    assert attachments.find_requested(key) is None
    (line,) = read(city).lines
    assert line.attachment is not None
    asked = session.scalars(
        select(AuditEntry).where(AuditEntry.action == "conversation.fetch_attachment")
    ).all()
    assert len(asked) == 1


@pytest.mark.parametrize(
    "came",
    [
        gateway.Download(b"<html>", "image/jpeg"),
        gateway.Download(PICTURE + b"0" * attachments.MAX_BYTES, "image/jpeg"),
        gateway.VideoLink("https://film.example"),
    ],
)
def test_what_is_no_picture_is_not_kept(
    city: City, came: gateway.Download | gateway.VideoLink
) -> None:
    key, follower = attachments(city), city.follower("o1").id
    attachments.request(city.agent, follower, key, now=NOW)
    attachments.store(key, came)

    lost = attachments.access_attachment(city.agent, follower, key)
    assert (lost.state, lost.body) == (attachments.AttachmentState.FAILED, None)
    assert lost.problem
    attachments.request(city.agent, follower, key, now=NOW)
    assert (
        attachments.access_attachment(city.agent, follower, key).state
        is attachments.AttachmentState.REQUESTED
    )


def test_attachments_of_others_are_not_there(city: City) -> None:
    key, follower = attachments(city), city.follower("o1").id
    with pytest.raises(NotFound):
        attachments.request(city.other_agent, follower, key, now=NOW)
    with pytest.raises(NotFound):
        attachments.request(city.agent, city.follower("o2").id, key, now=NOW)
    with pytest.raises(NotFound):
        attachments.access_attachment(city.agent, follower, key)
    with pytest.raises(Invalid):
        attachments.request(city.agent, follower, city.receive("o1", "字"), now=NOW)
    assert session.scalars(select(Attachment)).all() == []
