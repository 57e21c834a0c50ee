"""The thread: everything in order, covered, page by page; and one message shown for a reason."""

import pytest
from sqlalchemy import select

from config.audit import Entry
from config.database import session
from config.errors import Invalid, NotFound
from matrix import enclosures, sendings, talks
from matrix.enclosures import Enclosure
from matrix.inbox import Outcome
from matrix.talks import Line, Said, Side, Thread, thread
from matrix.wechat import gateway, replies
from tests.fixtures import NOW
from tests.matrix.talks.conftest import LATER, MINUTE, SECOND, Town

PICTURE = b"\xff\xd8\xff" + b"a picture"


@pytest.fixture(autouse=True)
def noise(town: Town) -> None:
    """The same openid at another account, and another follower of ours."""
    town.hears("o1", "别处", account=town.hrss)
    town.hears("o2", "别人")


def read(town: Town, **where: int) -> Thread:
    return talks.read(town.agent, town.follower("o1").id, **where)


def said(lines: tuple[Line, ...]) -> list[tuple[str, str]]:
    return [(line.side.value, line.text) for line in lines]


def xml(reply: replies.Reply) -> str:
    return replies.render(reply, to="o1", account="gh_1", at=NOW)


def test_both_sides_stand_in_order_of_time(town: Town) -> None:
    town.hears("o1", "", kind="followed", content={"scene": "大厅"}, outcome=Outcome.WELCOME)
    town.hears(
        "o1",
        "身份证",
        at=NOW + SECOND,
        outcome=Outcome.RULE,
        rule_code="police.id_card",
        answer=xml(replies.Text('请看<a href="weixin://bizmsgmenu?msgmenuid=1">指南</a>')),
    )
    sendings.queue(town.follower("o1"), replies.Text("后半段"), now=NOW + SECOND)
    last = town.hears("o1", "还有", at=NOW + MINUTE)
    talks.answer_text(
        town.agent, town.follower("o1").id, "请讲", said=Said("k" * 22, last), now=LATER
    )

    lines = read(town).lines
    assert said(lines) == [
        ("event", "大厅"),
        ("citizen", "身份证"),
        ("hub", "请看指南"),
        ("hub", "后半段"),
        ("citizen", "还有"),
        ("staff", "请讲"),
    ]
    assert lines[2].rule_code == "police.id_card"
    assert (lines[5].author, lines[5].state) == ("客服agent1", sendings.State.QUEUED)


@pytest.mark.parametrize(
    ("reply", "kind", "text"),
    [
        (replies.Image("m"), "image", ""),
        (replies.News((replies.Article("标题", "摘要", "https://hub.example"),)), "news", "标题"),
        (
            replies.News(
                tuple(replies.Article(f"标题{n}", "", "https://hub.example") for n in (1, 2))
            ),
            "news",
            "标题1",
        ),
        (replies.Transfer(), "transfer_customer_service", ""),
    ],
)
def test_replies_of_every_kind_can_be_read(
    town: Town, reply: replies.Reply, kind: str, text: str
) -> None:
    town.hears("o1", "话", outcome=Outcome.RULE, answer=xml(reply))

    line = read(town).lines[-1]
    assert (line.side, line.kind, line.text) == (Side.HUB, kind, text)


def test_a_stored_answer_that_cannot_be_read_hides_no_other(town: Town) -> None:
    town.hears("o1", "话", answer="<xml><unfinished>")

    assert [line.kind for line in read(town).lines] == ["text", "unknown"]


@pytest.mark.parametrize(
    ("kind", "content", "text"),
    [
        ("location", {"latitude": 34.5, "longitude": 110.1, "label": "玉泉路"}, "玉泉路"),
        ("link", {"title": "网页", "url": "https://a.example"}, "网页 https://a.example"),
        ("image", {"media_id": "m1", "url": "https://wx.example/1"}, ""),
    ],
)
def test_messages_of_other_kinds_say_what_they_hold(
    town: Town, kind: str, content: dict[str, object], text: str
) -> None:
    town.hears("o1", "", kind=kind, content=content)

    (line,) = read(town).lines
    assert (line.side, line.kind, line.text) == (Side.CITIZEN, kind, text)


def test_numbers_of_persons_are_covered_on_both_sides(town: Town) -> None:
    last = town.hears("o1", "电话13812345678")
    talks.answer_text(
        town.agent, town.follower("o1").id, "打13812345678", said=Said("k" * 22, last), now=NOW
    )

    lines = read(town).lines
    assert [line.text for line in lines] == ["电话138****5678", "打138****5678"]
    assert all(line.is_masked for line in lines)


def test_pages_go_backwards_and_bring_what_was_sent_between(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thread, "PAGE", 2)
    for number in range(5):
        at = NOW + number * MINUTE
        town.hears("o1", f"问{number}", at=at)
        sendings.queue(town.follower("o1"), replies.Text(f"答{number}"), now=at + SECOND)

    newest = read(town)
    assert [line.text for line in newest.lines] == ["问3", "答3", "问4", "答4"]
    assert newest.before is not None
    middle = read(town, before=newest.before)
    assert [line.text for line in middle.lines] == ["问1", "答1", "问2", "答2"]
    assert middle.before is not None
    oldest = read(town, before=middle.before)
    assert [line.text for line in oldest.lines] == ["问0", "答0"]
    assert oldest.before is None


def test_a_reader_asks_what_came_since(town: Town) -> None:
    first = town.hears("o1", "一")
    seen = read(town, since=first)
    town.hears("o1", "二")

    now = read(town, since=first)
    assert [line.text for line in now.lines] == ["一", "二"]
    assert now.mark != seen.mark
    assert now.mark == read(town, since=first).mark


def test_who_only_clicked_has_an_empty_thread_or_events(town: Town) -> None:
    assert talks.read(town.agent, town.follower("o2").id).lines[0].text == "别人"
    with pytest.raises(NotFound):
        talks.read(town.stranger, town.follower("o2").id)
    with pytest.raises(NotFound):
        talks.read(town.agent, 10**9)


# ---- looking beneath ----


def test_one_message_is_shown_for_a_reason_and_the_audit_does_not_hold_it(town: Town) -> None:
    key = town.hears("o1", "电话13812345678")

    words = talks.reveal(town.chief, town.follower("o1").id, f"m{key}", reason=" 回访电话 ")

    assert words == "电话13812345678"
    entry = session.scalars(select(Entry).where(Entry.action == "talk.reveal")).one()
    assert (entry.reason, entry.after) == ("回访电话", {"message": f"m{key}"})
    assert entry.department_id == town.police.department_id
    assert "13812345678" not in repr(vars(entry))


def test_an_answer_can_be_shown_as_well(town: Town) -> None:
    town.hears("o1", "在吗")
    sending = sendings.queue(town.follower("o1"), replies.Text("打13812345678"), now=NOW)

    shown = talks.reveal(town.chief, town.follower("o1").id, f"s{sending.id}", reason="核对回复")
    assert shown == "打13812345678"


def test_without_the_right_or_a_reason_nothing_is_shown(town: Town) -> None:
    key = town.hears("o1", "电话13812345678")
    follower = town.follower("o1").id

    with pytest.raises(NotFound):
        talks.reveal(town.agent, follower, f"m{key}", reason="我想看看")
    with pytest.raises(NotFound):
        talks.reveal(town.stranger, follower, f"m{key}", reason="我想看看")
    with pytest.raises(Invalid) as refused:
        talks.reveal(town.chief, follower, f"m{key}", reason=" 看 ")
    assert refused.value.field == "reason"
    assert session.scalars(select(Entry).where(Entry.action == "talk.reveal")).all() == []


@pytest.mark.parametrize("ref", ["", "m", "x1", "m-1", "m²", "m" + "9" * 30, "s99"])
def test_a_message_that_is_not_there_cannot_be_shown(town: Town, ref: str) -> None:
    with pytest.raises(NotFound):
        talks.reveal(town.chief, town.follower("o2").id, ref, reason="核对号码")


def test_a_message_of_another_talk_cannot_be_shown_through_this_one(town: Town) -> None:
    key = town.hears("o1", "电话13812345678")
    with pytest.raises(NotFound):
        talks.reveal(town.chief, town.follower("o2").id, f"m{key}", reason="核对号码")


# ---- what citizens enclosed ----


def enclosed(town: Town) -> int:
    return town.hears("o1", "", kind="image", content={"media_id": "m1"})


def test_a_picture_is_fetched_when_somebody_asks(town: Town) -> None:
    key, follower = enclosed(town), town.follower("o1").id
    enclosures.ask(town.agent, follower, key, now=NOW)
    enclosures.ask(town.agent, follower, key, now=NOW)

    assert enclosures.wanted(key) == enclosures.Wanted(town.police.id, "m1")
    enclosures.arrived(key, gateway.Download(PICTURE, "text/html"))
    kept = enclosures.access_enclosure(town.agent, follower, key)
    assert (kept.state, kept.mime, kept.body) == (enclosures.State.KEPT, "image/jpeg", PICTURE)
    assert enclosures.wanted(key) is None
    (line,) = read(town).lines
    assert line.enclosure is not None
    asked = session.scalars(select(Entry).where(Entry.action == "talk.fetch")).all()
    assert len(asked) == 1


@pytest.mark.parametrize(
    "came",
    [
        gateway.Download(b"<html>", "image/jpeg"),
        gateway.Download(PICTURE + b"0" * enclosures.LARGEST, "image/jpeg"),
        gateway.VideoLink("https://film.example"),
    ],
)
def test_what_is_no_picture_is_not_kept(
    town: Town, came: gateway.Download | gateway.VideoLink
) -> None:
    key, follower = enclosed(town), town.follower("o1").id
    enclosures.ask(town.agent, follower, key, now=NOW)
    enclosures.arrived(key, came)

    lost = enclosures.access_enclosure(town.agent, follower, key)
    assert (lost.state, lost.body) == (enclosures.State.LOST, None)
    assert lost.problem
    enclosures.ask(town.agent, follower, key, now=NOW)
    assert enclosures.access_enclosure(town.agent, follower, key).state is enclosures.State.WANTED


def test_enclosures_of_others_are_not_there(town: Town) -> None:
    key, follower = enclosed(town), town.follower("o1").id
    with pytest.raises(NotFound):
        enclosures.ask(town.stranger, follower, key, now=NOW)
    with pytest.raises(NotFound):
        enclosures.ask(town.agent, town.follower("o2").id, key, now=NOW)
    with pytest.raises(NotFound):
        enclosures.access_enclosure(town.agent, follower, key)
    with pytest.raises(Invalid):
        enclosures.ask(town.agent, follower, town.hears("o1", "字"), now=NOW)
    assert session.scalars(select(Enclosure)).all() == []
