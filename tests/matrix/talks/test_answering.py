"""Answering: once, in time, seen by all, and waiting again when it did not arrive."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from config.audit import Entry
from config.database import session
from config.errors import Invalid, NotFound
from config.jobs import Job
from matrix import accounts, followers, media, sendings, talks
from matrix.media import File
from matrix.sendings import Sending, State
from matrix.talks import Answer, Said
from matrix.wechat.gateway import MediaKind, TemporaryMedia
from tests.fixtures import NOW
from tests.matrix.talks.conftest import LATER, MINUTE, Town

KEY, OTHER = "k" * 22, "o" * 22
PICTURE = b"\x89PNG\r\n\x1a\n" + b"a picture"


@pytest.fixture
def last(town: Town) -> int:
    """A citizen waits; so does one of another account."""
    town.hears("x1", "有人吗", account=town.hrss)
    last = town.hears("o1", "有人吗")
    town.gather()
    return last


def answer(town: Town, seen_id: int, content: str = "您好，请讲。", key: str = KEY) -> Answer:
    follower = town.follower("o1")
    return talks.answer_text(town.agent, follower.id, content, said=Said(key, seen_id), now=LATER)


def sent(town: Town) -> list[Sending]:
    return sendings.of_follower(town.follower("o1").id)


def is_waiting(town: Town, openid: str = "o1") -> bool:
    talk = town.talk(openid)
    assert talk is not None
    return talk.waiting_since is not None


def test_an_answer_is_queued_and_the_talk_no_longer_waits(town: Town, last: int) -> None:
    given = answer(town, last, "  您好，请讲。\n")

    (sending,) = sent(town)
    assert (sending.content["content"], sending.state) == ("您好，请讲。", State.QUEUED)
    assert (given.sending_id, given.staff_name) == (sending.id, "客服agent1")
    assert not is_waiting(town)
    talk = town.talk("o1")
    assert talk is not None
    assert (talk.handled_by, talk.handled_at) == ("客服agent1", LATER)
    entry = session.scalars(select(Entry).where(Entry.action == "talk.answer")).one()
    assert "您好" not in str(entry.after)


def test_a_second_click_sends_nothing_more(town: Town, last: int) -> None:
    first = answer(town, last)
    again = answer(town, last, "您好，请讲。")

    assert again.id == first.id
    assert len(sent(town)) == 1


def test_two_forms_are_two_answers(town: Town, last: int) -> None:
    answer(town, last)
    answer(town, last, key=OTHER)

    assert len(sent(town)) == 2


def test_a_key_of_somebody_else_is_refused(town: Town, last: int) -> None:
    answer(town, last)
    with pytest.raises(Invalid):
        talks.answer_text(
            town.chief, town.follower("o1").id, "另一位", said=Said(KEY, last), now=LATER
        )
    with pytest.raises(Invalid):
        answer(town, last, key="short")


def test_what_came_after_the_form_was_opened_still_waits(town: Town, last: int) -> None:
    town.hears("o1", "还有一件事", at=NOW + MINUTE)
    town.gather()
    answer(town, last)

    assert is_waiting(town)


def test_who_is_faster_than_the_list_is_not_overruled_by_it(town: Town, last: int) -> None:
    newer = town.hears("o1", "还有一件事", at=NOW + MINUTE)
    answer(town, newer)
    town.gather()

    assert not is_waiting(town)


def test_nobody_can_have_dealt_with_what_is_still_to_come(town: Town, last: int) -> None:
    answer(town, 10**15)
    town.hears("o1", "还有一件事", at=NOW + MINUTE)
    town.gather()

    assert is_waiting(town)


@pytest.mark.parametrize("content", ["", " \n", "字" * 667])
def test_nothing_and_too_much_are_refused(town: Town, last: int, content: str) -> None:
    with pytest.raises(Invalid) as refused:
        answer(town, last, content)
    assert refused.value.field == "content"
    assert sent(town) == []


def test_when_the_window_is_closed_nothing_is_queued(town: Town, last: int) -> None:
    follower = town.follower("o1")
    with pytest.raises(talks.WindowClosed):
        talks.answer_text(
            town.agent, follower.id, "晚了", said=Said(KEY, last), now=NOW + timedelta(hours=48)
        )
    for _ in range(5):
        followers.reserve(follower.id, now=NOW)
    with pytest.raises(talks.WindowClosed):
        answer(town, last)
    assert is_waiting(town)


def test_a_paused_account_sends_nothing(town: Town, last: int) -> None:
    accounts.pause(town.police.id)
    with pytest.raises(talks.CannotSend):
        answer(town, last)


def test_others_accounts_are_not_there(town: Town, last: int) -> None:
    follower = town.follower("o1")
    for deed in (
        lambda: talks.answer_text(
            town.stranger, follower.id, "您好", said=Said(KEY, last), now=LATER
        ),
        lambda: talks.answer_picture(town.stranger, follower.id, 1, said=Said(KEY, last), now=NOW),
        lambda: talks.dismiss(town.stranger, follower.id, seen_id=last, now=NOW),
    ):
        with pytest.raises(NotFound):
            deed()


def test_a_talk_may_be_closed_without_an_answer(town: Town, last: int) -> None:
    assert talks.dismiss(town.agent, town.follower("o1").id, seen_id=last, now=LATER)
    assert not is_waiting(town)
    assert is_waiting_elsewhere(town)
    town.hears("o1", "还在", at=NOW + MINUTE)
    town.gather()
    assert is_waiting(town)
    assert not talks.dismiss(town.agent, town.follower("o1").id, seen_id=last, now=LATER)


def is_waiting_elsewhere(town: Town) -> bool:
    talk = session.get_one(talks.Talk, town.follower("x1", town.hrss).id)
    return talk.waiting_since is not None


# ---- when it does not arrive ----


def settle(sending_id: int, state: State) -> None:
    session.get_one(Sending, sending_id).state = state
    session.flush()
    talks.delivered(sending_id)


def test_a_refused_answer_makes_the_talk_wait_again(town: Town, last: int) -> None:
    given = answer(town, last)
    assert given.sending_id is not None
    settle(given.sending_id, State.REFUSED)

    assert is_waiting(town)


@pytest.mark.parametrize("state", [State.SENT, State.UNCONFIRMED])
def test_an_answer_that_went_settles_the_talk(town: Town, last: int, state: State) -> None:
    given = answer(town, last)
    assert given.sending_id is not None
    settle(given.sending_id, state)

    assert not is_waiting(town)


def test_a_refused_answer_does_not_undo_a_later_one(town: Town, last: int) -> None:
    first = answer(town, last)
    talks.answer_text(
        town.agent, town.follower("o1").id, "再答", said=Said(OTHER, last), now=LATER + MINUTE
    )
    assert first.sending_id is not None
    settle(first.sending_id, State.REFUSED)

    assert not is_waiting(town)


def test_other_sendings_do_not_touch_the_talk(town: Town, last: int) -> None:
    other = sendings.queue(town.follower("o1"), sendings.replies.Text("后半段"), now=NOW)
    talks.dismiss(town.agent, town.follower("o1").id, seen_id=last, now=LATER)
    settle(other.id, State.REFUSED)

    assert not is_waiting(town)


# ---- pictures ----


def keep(name: str = "大厅图", kind: MediaKind = MediaKind.IMAGE) -> int:
    return media.keep(name, kind, PICTURE, digest="d", now=NOW).id


def picture(town: Town, file_id: int, last: int) -> Answer:
    follower = town.follower("o1")
    return talks.answer_picture(town.agent, follower.id, file_id, said=Said(KEY, last), now=LATER)


def uploaded(file_id: int, account_id: int) -> None:
    made = TemporaryMedia(f"m{account_id}", LATER + MINUTE)
    media.uploaded(account_id, file_id, made, digest="d")


def test_a_picture_that_the_account_has_goes_at_once(town: Town, last: int) -> None:
    file_id = keep()
    uploaded(file_id, town.hrss.id)
    uploaded(file_id, town.police.id)
    picture(town, file_id, last)

    assert [sending.content["media_id"] for sending in sent(town)] == [f"m{town.police.id}"]


def test_a_picture_that_the_account_lacks_is_uploaded_first(town: Town, last: int) -> None:
    file_id = keep()
    given = picture(town, file_id, last)

    assert sent(town) == []
    jobs = session.scalars(select(Job).where(Job.name == talks.SEND_PICTURE)).all()
    assert [job.facts for job in jobs] == [{"answer_id": given.id}]
    assert talks.picture_for(given.id) == (town.police.id, file_id)
    uploaded(file_id, town.police.id)
    talks.send_picture(given.id, now=LATER)
    talks.send_picture(given.id, now=LATER)
    assert len(sent(town)) == 1
    assert talks.picture_for(given.id) is None


def test_a_picture_that_wechat_refuses_makes_the_talk_wait_again(town: Town, last: int) -> None:
    given = picture(town, keep(), last)
    talks.fail_picture(given.id, "图片太大")

    assert is_waiting(town)
    assert talks.picture_for(given.id) is None
    talks.send_picture(given.id, now=LATER)
    assert sent(town) == []


def test_only_pictures_can_be_picked(town: Town, last: int) -> None:
    thumb = keep("缩略图", MediaKind.THUMB)
    for file_id in (thumb, 10**6):
        with pytest.raises(Invalid):
            picture(town, file_id, last)
    assert session.scalars(select(Answer)).all() == []


def test_a_picture_of_another_department_is_not_there(town: Town, last: int) -> None:
    own, citys, others = (keep(name) for name in ("本单位", "全市", "别的单位"))
    session.get_one(File, own).department_id = town.police.department_id
    session.get_one(File, others).department_id = town.hrss.department_id
    session.flush()

    assert set(talks.pictures(town.agent)) == {own, citys}
    with pytest.raises(Invalid):
        picture(town, others, last)
    assert picture(town, own, last).id
