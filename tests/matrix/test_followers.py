"""Followers: windows open with what they do, and close by time, by count, by leaving."""

from datetime import timedelta

import pytest

from config.database import session
from matrix import followers
from matrix.followers import Follower
from tests.helpers import NOW
from tests.matrix.conftest import MakeAccount

pytestmark = pytest.mark.usefixtures("rolled_back")

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


@pytest.fixture
def account_id(make_account: MakeAccount) -> int:
    return make_account().id


@pytest.fixture(autouse=True)
def noise(make_account: MakeAccount) -> None:
    """The same openid at another account, who may be written to all the time."""
    other = make_account(9)
    followers.record_message(other.id, "o1", now=NOW)


def follower(account_id: int) -> Follower:
    session.expire_all()
    found = followers.find(account_id, "o1")
    assert found is not None
    return found


def left(account_id: int, after: timedelta = SECOND) -> int:
    return followers.window(follower(account_id), now=NOW + after).left


def test_a_message_opens_five_messages_for_two_days(account_id: int) -> None:
    followers.record_message(account_id, "o1", now=NOW)

    assert left(account_id) == 5
    assert left(account_id, 47 * HOUR) == 5
    assert left(account_id, 48 * HOUR) == 0


def test_following_opens_three_messages_for_a_minute(account_id: int) -> None:
    followers.record_follow(account_id, "o1", scene="hall", now=NOW)

    assert left(account_id) == 3
    assert left(account_id, 61 * SECOND) == 0
    assert follower(account_id).scene == "hall"


def test_a_click_does_not_shorten_the_window_of_a_message(account_id: int) -> None:
    followers.record_message(account_id, "o1", now=NOW)
    followers.record_event(account_id, "o1", now=NOW + HOUR)

    assert left(account_id, HOUR + SECOND) == 8
    assert left(account_id, 2 * HOUR) == 5


def test_no_more_is_reserved_than_the_windows_hold(account_id: int) -> None:
    followers.record_message(account_id, "o1", now=NOW)
    followers.record_event(account_id, "o1", now=NOW)
    key = follower(account_id).id

    taken = [followers.reserve_message(key, now=NOW + SECOND) for _ in range(10)]

    assert taken == [True] * 8 + [False] * 2
    assert left(account_id) == 0


def test_the_short_window_is_used_up_first(account_id: int) -> None:
    followers.record_message(account_id, "o1", now=NOW)
    followers.record_event(account_id, "o1", now=NOW)
    followers.reserve_message(follower(account_id).id, now=NOW + SECOND)

    assert left(account_id, HOUR) == 5


def test_writing_again_fills_the_window(account_id: int) -> None:
    followers.record_message(account_id, "o1", now=NOW)
    key = follower(account_id).id
    for _ in range(5):
        followers.reserve_message(key, now=NOW + SECOND)

    followers.record_message(account_id, "o1", now=NOW + HOUR)

    assert left(account_id, HOUR + SECOND) == 5


def test_nothing_is_sent_to_who_left(account_id: int) -> None:
    followers.record_message(account_id, "o1", now=NOW)
    followers.record_unfollow(account_id, "o1", now=NOW + SECOND)

    assert left(account_id, 2 * SECOND) == 0
    assert not followers.reserve_message(follower(account_id).id, now=NOW + 2 * SECOND)

    followers.record_follow(account_id, "o1", scene=None, now=NOW + HOUR)
    assert left(account_id, HOUR + SECOND) == 3


def test_a_window_that_wechat_calls_closed_stays_closed_until_the_next_message(
    account_id: int,
) -> None:
    followers.record_message(account_id, "o1", now=NOW)
    followers.close_windows(follower(account_id).id)
    assert left(account_id) == 0

    followers.record_message(account_id, "o1", now=NOW + HOUR)
    assert left(account_id, HOUR + SECOND) == 5
