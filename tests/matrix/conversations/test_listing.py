"""Listing: only one's own accounts, in order, in pages; and a search that is bounded."""

from datetime import date

import pytest

from config import alerts
from config.database import session
from config.errors import Invalid
from config.permissions import Permission, PermissionScope, Principal
from matrix import blocklist, conversations
from matrix.conversations import ConversationFilter, listing
from matrix.inbox import InboxAlert, Outcome
from tests.helpers import NOW
from tests.matrix.conversations.conftest import DAY, MINUTE, City

TODAY = date(2026, 3, 10)
NO_FILTER = ConversationFilter()


def raise_emergency(city: City, openid: str) -> None:
    key = city.follower(openid).id
    alerts.raise_alert(InboxAlert.EMERGENCY, key, "紧急", now=NOW, object_id=key)


@pytest.fixture(autouse=True)
def noise(city: City) -> None:
    """Somebody else's talk, which no list of the police may show."""
    theirs = {"account": city.hrss, "outcome": Outcome.EMERGENCY}
    city.receive("x1", "身份证 求助", at=NOW - DAY, **theirs)


def words(
    city: City, filters: ConversationFilter = NO_FILTER, member: Principal | None = None
) -> list[str]:
    page = conversations.list_for_staff(member or city.agent, filters, now=NOW)
    return [line.conversation.preview for line in page.lines]


def test_the_newest_conversation_stands_first_and_others_accounts_are_not_there(city: City) -> None:
    for number in range(3):
        city.receive(f"o{number}", f"话{number}")
    city.receive("o0", "又来")
    city.project()

    assert words(city) == ["又来", "话2", "话1"]
    assert words(city, member=city.other_agent) == ["身份证 求助"]
    assert words(city, member=Principal(1, "无权", {})) == []
    everything = Principal(
        1, "总", {Permission.CONVERSATIONS_READ: PermissionScope(everywhere=True)}
    )
    assert len(words(city, member=everything)) == 4


def test_filters_narrow_the_list(city: City) -> None:
    city.receive("o1", "昨天", at=NOW - DAY)
    city.receive("o2", "有答复", outcome=Outcome.RULE)
    city.receive("o3", "救命", outcome=Outcome.EMERGENCY)
    city.project()
    raise_emergency(city, "o3")

    assert words(city, ConversationFilter(waiting=True)) == ["救命", "昨天"]
    assert words(city, ConversationFilter(outcome=Outcome.RULE)) == ["有答复"]
    assert words(city, ConversationFilter(alerted=True)) == ["救命"]
    assert words(city, ConversationFilter(last_day=TODAY - DAY)) == ["昨天"]
    assert words(city, ConversationFilter(first_day=TODAY)) == ["救命", "有答复"]
    assert words(city, ConversationFilter(first_day=TODAY + DAY)) == []
    assert words(city, ConversationFilter(account_id=city.hrss.id)) == []


def test_a_closed_alert_is_none(city: City) -> None:
    city.receive("o3", "救命", outcome=Outcome.EMERGENCY)
    city.project()
    raise_emergency(city, "o3")
    (alarm,) = session.scalars(alerts.select(alerts.Alert)).all()
    alerts.mark_resolved(alarm.id, by="值班", now=NOW)

    assert words(city, ConversationFilter(alerted=True)) == []


def test_an_alert_of_one_conversation_that_is_closed_hides_no_other(city: City) -> None:
    """Also when the citizen wrote other things since, and when the other alert is the older one."""
    for openid in ("o1", "o2"):
        city.receive(openid, "救命", outcome=Outcome.EMERGENCY)
    city.project()
    for openid in ("o1", "o2"):
        raise_emergency(city, openid)
    city.receive("o1", "还有人吗")
    city.project()
    newest = session.scalars(alerts.select(alerts.Alert.id).order_by(alerts.Alert.id.desc()))
    alerts.mark_resolved(next(newest), by="值班", now=NOW)

    assert words(city, ConversationFilter(alerted=True)) == ["还有人吗"]
    page = conversations.list_for_staff(city.agent, ConversationFilter(), now=NOW)
    assert [line.is_alerted for line in page.lines] == [True, False]


def test_a_line_says_what_a_person_must_know(city: City) -> None:
    city.receive("o1", "在吗")
    city.project()
    blocklist.block(
        city.agent, city.follower("o1").id, reason="骚扰", also_at_wechat=False, now=NOW
    )

    (line,) = conversations.list_for_staff(city.agent, ConversationFilter(), now=NOW + MINUTE).lines
    assert line.account_name == "华阴公安"
    assert line.window.left == 5
    assert line.is_blocked
    assert not line.is_handled


def test_pages_follow_each_other_without_gap_or_repeat(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE_SIZE", 2)
    for number in range(5):
        city.receive(f"o{number}", str(number))
    city.project()

    seen, before = [], None
    while True:
        page = conversations.list_for_staff(
            city.agent, ConversationFilter(), now=NOW, before=before
        )
        seen += [line.conversation.preview for line in page.lines]
        before = page.before
        if before is None:
            break
    assert seen == ["4", "3", "2", "1", "0"]


def test_the_etag_changes_when_the_page_would_change(city: City) -> None:
    city.receive("o1", "在吗")
    city.project()

    def mark() -> str:
        return conversations.etag(
            conversations.list_for_staff(city.agent, ConversationFilter(), now=NOW)
        )

    first = mark()
    assert mark() == first
    follower = city.follower("o1")
    talk = city.conversation("o1")
    assert talk is not None
    conversations.dismiss(city.agent, follower.id, seen_id=talk.last_id, now=NOW)
    session.expire_all()
    assert mark() != first


# ---- searching ----


def found(city: City, words: str, filters: ConversationFilter = ConversationFilter()) -> list[str]:  # noqa: B008 - frozen, so shared without harm
    return [hit.text for hit in conversations.search(city.agent, words, filters).hits]


def test_a_search_finds_messages_of_ones_own_accounts_newest_first(city: City) -> None:
    city.receive("o1", "补办身份证")
    city.receive("o1", "社保")
    city.receive("o2", "身份证丢了")
    city.project()

    assert found(city, " 身份证 ") == ["身份证丢了", "补办身份证"]
    assert found(city, "公积金") == []


def test_signs_of_patterns_are_signs(city: City) -> None:
    city.receive("o1", "打 9_5% 折")
    city.receive("o1", "打 985 折 ABC")
    city.project()

    assert found(city, "9_5%") == ["打 9_5% 折"]
    assert found(city, "%") == ["打 9_5% 折"]
    assert found(city, "abc") == ["打 985 折 ABC"]
    assert found(city, "' OR 1=1 --") == []


def test_covered_digits_cannot_be_searched_for(city: City) -> None:
    city.receive("o1", "电话13812345678")
    city.project()

    assert found(city, "1234") == []
    assert found(city, "13812345678") == []
    assert found(city, "5678") == ["电话138****5678"]


def test_a_search_keeps_to_its_days(city: City) -> None:
    city.receive("o1", "身份证昨天", at=NOW - DAY)
    city.receive("o1", "身份证今天")
    city.project()

    assert found(city, "身份证", ConversationFilter(first_day=TODAY)) == ["身份证今天"]
    assert found(city, "身份证", ConversationFilter(last_day=TODAY - DAY)) == ["身份证昨天"]


def test_a_search_looks_at_one_batch_and_says_how_far_it_came(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "SEARCH_SPAN", 3)
    city.receive("o1", "很久以前的身份证", at=NOW - DAY)
    for number in range(4):
        city.receive("o2", f"别的{number}", at=NOW + number * MINUTE)
    city.project()

    first = conversations.search(city.agent, "身份证", ConversationFilter())
    assert first.hits == ()
    assert first.looked_back_to == NOW + MINUTE
    then = conversations.search(city.agent, "身份证", ConversationFilter(), before=first.before)
    assert [hit.text for hit in then.hits] == ["很久以前的身份证"]
    assert then.before is None


def test_many_hits_come_in_pages(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE_SIZE", 2)
    for number in range(3):
        city.receive("o1", f"身份证{number}")
    city.project()

    first = conversations.search(city.agent, "身份证", ConversationFilter())
    assert [hit.text for hit in first.hits] == ["身份证2", "身份证1"]
    then = conversations.search(city.agent, "身份证", ConversationFilter(), before=first.before)
    assert [hit.text for hit in then.hits] == ["身份证0"]


@pytest.mark.parametrize("words", ["", "  ", "字" * 51])
def test_a_search_for_nothing_is_refused(city: City, words: str) -> None:
    with pytest.raises(Invalid) as refused:
        conversations.search(city.agent, words, ConversationFilter())
    assert refused.value.field == "words"
