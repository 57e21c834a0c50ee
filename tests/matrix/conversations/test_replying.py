"""Replying: once, in time, seen by all, and waiting again when it was not delivered."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from config.audit import AuditEntry
from config.database import session
from config.errors import Invalid, NotFound
from config.jobs import Job
from matrix import accounts, conversations, followers, media, outbound
from matrix.conversations import AgentReply, ConversationJob, ReplyForm
from matrix.media import MediaFile
from matrix.outbound import OutboundMessage, OutboundState
from matrix.wechat.gateway import MediaKind, TemporaryMedia
from tests.helpers import NOW
from tests.matrix.conversations.conftest import LATER, MINUTE, City

KEY, OTHER = "k" * 22, "o" * 22
PICTURE = b"\x89PNG\r\n\x1a\n" + b"a picture"


@pytest.fixture
def last(city: City) -> int:
    """A citizen waits; so does one of another account."""
    city.receive("x1", "有人吗", account=city.hrss)
    last = city.receive("o1", "有人吗")
    city.project()
    return last


def answer(city: City, seen_id: int, content: str = "您好，请讲。", key: str = KEY) -> AgentReply:
    follower = city.follower("o1")
    return conversations.reply_text(
        city.agent, follower.id, content, form=ReplyForm(key, seen_id), now=LATER
    )


def sent(city: City) -> list[OutboundMessage]:
    return outbound.list_for_follower(city.follower("o1").id)


def is_waiting(city: City, openid: str = "o1") -> bool:
    talk = city.conversation(openid)
    assert talk is not None
    return talk.waiting_since is not None


def test_an_answer_is_queued_and_the_conversation_no_longer_waits(city: City, last: int) -> None:
    given = answer(city, last, "  您好，请讲。\n")

    (sending,) = sent(city)
    assert (sending.content["content"], sending.state) == ("您好，请讲。", OutboundState.QUEUED)
    assert (given.outbound_id, given.staff_name) == (sending.id, "客服agent1")
    assert not is_waiting(city)
    talk = city.conversation("o1")
    assert talk is not None
    assert (talk.handled_by, talk.handled_at) == ("客服agent1", LATER)
    entry = session.scalars(
        select(AuditEntry).where(AuditEntry.action == "conversation.reply")
    ).one()
    assert "您好" not in str(entry.after)


def test_a_second_click_sends_nothing_more(city: City, last: int) -> None:
    first = answer(city, last)
    again = answer(city, last, "您好，请讲。")

    assert again.id == first.id
    assert len(sent(city)) == 1


def test_two_forms_are_two_answers(city: City, last: int) -> None:
    answer(city, last)
    answer(city, last, key=OTHER)

    assert len(sent(city)) == 2


def test_a_key_of_somebody_else_is_refused(city: City, last: int) -> None:
    answer(city, last)
    with pytest.raises(Invalid):
        conversations.reply_text(
            city.chief, city.follower("o1").id, "另一位", form=ReplyForm(KEY, last), now=LATER
        )
    with pytest.raises(Invalid):
        answer(city, last, key="short")


def test_what_came_after_the_form_was_opened_still_waits(city: City, last: int) -> None:
    city.receive("o1", "还有一件事", at=NOW + MINUTE)
    city.project()
    answer(city, last)

    assert is_waiting(city)


def test_who_is_faster_than_the_list_is_not_overruled_by_it(city: City, last: int) -> None:
    newer = city.receive("o1", "还有一件事", at=NOW + MINUTE)
    answer(city, newer)
    city.project()

    assert not is_waiting(city)


def test_nobody_can_have_dealt_with_what_is_still_to_come(city: City, last: int) -> None:
    answer(city, 10**15)
    city.receive("o1", "还有一件事", at=NOW + MINUTE)
    city.project()

    assert is_waiting(city)


@pytest.mark.parametrize("content", ["", " \n", "字" * 667])
def test_nothing_and_too_much_are_refused(city: City, last: int, content: str) -> None:
    with pytest.raises(Invalid) as refused:
        answer(city, last, content)
    assert refused.value.field == "content"
    assert sent(city) == []


def test_when_the_window_is_closed_nothing_is_queued(city: City, last: int) -> None:
    follower = city.follower("o1")
    with pytest.raises(conversations.WindowClosed):
        conversations.reply_text(
            city.agent,
            follower.id,
            "晚了",
            form=ReplyForm(KEY, last),
            now=NOW + timedelta(hours=48),
        )
    for _ in range(5):
        followers.reserve_message(follower.id, now=NOW)
    with pytest.raises(conversations.WindowClosed):
        answer(city, last)
    assert is_waiting(city)


def test_a_paused_account_sends_nothing(city: City, last: int) -> None:
    accounts.pause(city.police.id)
    with pytest.raises(conversations.CannotSend):
        answer(city, last)


def test_others_accounts_are_not_there(city: City, last: int) -> None:
    follower = city.follower("o1")
    for deed in (
        lambda: conversations.reply_text(
            city.other_agent, follower.id, "您好", form=ReplyForm(KEY, last), now=LATER
        ),
        lambda: conversations.reply_image(
            city.other_agent, follower.id, 1, form=ReplyForm(KEY, last), now=NOW
        ),
        lambda: conversations.dismiss(city.other_agent, follower.id, seen_id=last, now=NOW),
    ):
        with pytest.raises(NotFound):
            deed()


def test_a_conversation_may_be_closed_without_an_answer(city: City, last: int) -> None:
    assert conversations.dismiss(city.agent, city.follower("o1").id, seen_id=last, now=LATER)
    assert not is_waiting(city)
    assert is_waiting_elsewhere(city)
    city.receive("o1", "还在", at=NOW + MINUTE)
    city.project()
    assert is_waiting(city)
    assert not conversations.dismiss(city.agent, city.follower("o1").id, seen_id=last, now=LATER)


def is_waiting_elsewhere(city: City) -> bool:
    talk = session.get_one(conversations.Conversation, city.follower("x1", city.hrss).id)
    return talk.waiting_since is not None


# ---- when it does not arrive ----


def finish_message(sending_id: int, state: OutboundState) -> None:
    session.get_one(OutboundMessage, sending_id).state = state
    session.flush()
    conversations.record_delivery(sending_id)


def test_a_refused_answer_makes_the_conversation_wait_again(city: City, last: int) -> None:
    given = answer(city, last)
    assert given.outbound_id is not None
    finish_message(given.outbound_id, OutboundState.REFUSED)

    assert is_waiting(city)


@pytest.mark.parametrize("state", [OutboundState.SENT, OutboundState.UNCONFIRMED])
def test_an_answer_that_went_settles_the_conversation(
    city: City, last: int, state: OutboundState
) -> None:
    given = answer(city, last)
    assert given.outbound_id is not None
    finish_message(given.outbound_id, state)

    assert not is_waiting(city)


def test_a_refused_answer_does_not_undo_a_later_one(city: City, last: int) -> None:
    first = answer(city, last)
    conversations.reply_text(
        city.agent, city.follower("o1").id, "再答", form=ReplyForm(OTHER, last), now=LATER + MINUTE
    )
    assert first.outbound_id is not None
    finish_message(first.outbound_id, OutboundState.REFUSED)

    assert not is_waiting(city)


def test_other_outbound_messages_do_not_touch_the_conversation(city: City, last: int) -> None:
    other = outbound.enqueue(city.follower("o1"), outbound.passive_replies.Text("后半段"), now=NOW)
    conversations.dismiss(city.agent, city.follower("o1").id, seen_id=last, now=LATER)
    finish_message(other.id, OutboundState.REFUSED)

    assert not is_waiting(city)


# ---- pictures ----


def store_file(name: str = "大厅图", kind: MediaKind = MediaKind.IMAGE) -> int:
    return media.save(name, kind, PICTURE, digest="d", now=NOW).id


def picture(city: City, file_id: int, last: int) -> AgentReply:
    follower = city.follower("o1")
    return conversations.reply_image(
        city.agent, follower.id, file_id, form=ReplyForm(KEY, last), now=LATER
    )


def uploaded(file_id: int, account_id: int) -> None:
    made = TemporaryMedia(f"m{account_id}", LATER + MINUTE)
    media.record_upload(account_id, file_id, made, digest="d")


def test_a_picture_that_the_account_has_goes_at_once(city: City, last: int) -> None:
    file_id = store_file()
    uploaded(file_id, city.hrss.id)
    uploaded(file_id, city.police.id)
    picture(city, file_id, last)

    assert [sending.content["media_id"] for sending in sent(city)] == [f"m{city.police.id}"]


def test_a_picture_that_the_account_lacks_is_uploaded_first(city: City, last: int) -> None:
    file_id = store_file()
    given = picture(city, file_id, last)

    assert sent(city) == []
    jobs = session.scalars(select(Job).where(Job.name == ConversationJob.SEND_IMAGE)).all()
    assert [job.payload for job in jobs] == [{"agent_reply_id": given.id}]
    assert conversations.find_image_to_upload(given.id) == (city.police.id, file_id)
    uploaded(file_id, city.police.id)
    conversations.send_image(given.id, now=LATER)
    conversations.send_image(given.id, now=LATER)
    assert len(sent(city)) == 1
    assert conversations.find_image_to_upload(given.id) is None


def test_a_picture_that_wechat_refuses_makes_the_conversation_wait_again(
    city: City, last: int
) -> None:
    given = picture(city, store_file(), last)
    conversations.mark_image_failed(given.id, "图片太大")

    assert is_waiting(city)
    assert conversations.find_image_to_upload(given.id) is None
    conversations.send_image(given.id, now=LATER)
    assert sent(city) == []


def test_only_pictures_can_be_picked(city: City, last: int) -> None:
    thumb = store_file("缩略图", MediaKind.THUMB)
    for file_id in (thumb, 10**6):
        with pytest.raises(Invalid):
            picture(city, file_id, last)
    assert session.scalars(select(AgentReply)).all() == []


def test_a_picture_of_another_department_is_not_there(city: City, last: int) -> None:
    own, citys, others = (store_file(name) for name in ("本单位", "全市", "别的单位"))
    session.get_one(MediaFile, own).department_id = city.police.department_id
    session.get_one(MediaFile, others).department_id = city.hrss.department_id
    session.flush()

    assert set(conversations.images_for_staff(city.agent)) == {own, citys}
    with pytest.raises(Invalid):
        picture(city, others, last)
    assert picture(city, own, last).id
