"""Listing: only one's own accounts, in order, in pages; and a search that is bounded."""

from datetime import date

import pytest

from config import alarms
from config.database import session
from config.errors import Invalid
from config.tenancy import Area, Member, Right
from matrix import blocks, talks
from matrix.inbox import EMERGENCY, Outcome
from matrix.talks import Filters, listing
from tests.fixtures import NOW
from tests.matrix.talks.conftest import DAY, MINUTE, Town

TODAY = date(2026, 3, 10)


@pytest.fixture(autouse=True)
def noise(town: Town) -> None:
    """Somebody else's talk, which no list of the police may show."""
    theirs = {"account": town.hrss, "outcome": Outcome.EMERGENCY}
    town.hears("x1", "身份证 求助", at=NOW - DAY, **theirs)


def words(town: Town, filters: Filters = Filters(), member: Member | None = None) -> list[str]:  # noqa: B008 - frozen, so shared without harm
    page = talks.talks_for_staff(member or town.agent, filters, now=NOW)
    return [line.talk.words for line in page.lines]


def test_the_newest_talk_stands_first_and_others_accounts_are_not_there(town: Town) -> None:
    for number in range(3):
        town.hears(f"o{number}", f"话{number}")
    town.hears("o0", "又来")
    town.gather()

    assert words(town) == ["又来", "话2", "话1"]
    assert words(town, member=town.stranger) == ["身份证 求助"]
    assert words(town, member=Member(1, "无权", {})) == []
    everything = Member(1, "总", {Right.TALKS_READ: Area(everywhere=True)})
    assert len(words(town, member=everything)) == 4


def test_filters_narrow_the_list(town: Town) -> None:
    town.hears("o1", "昨天", at=NOW - DAY)
    town.hears("o2", "有答复", outcome=Outcome.RULE)
    urgent = town.hears("o3", "救命", outcome=Outcome.EMERGENCY)
    alarms.raise_alarm(EMERGENCY, urgent, "紧急", now=NOW)
    town.gather()

    assert words(town, Filters(waiting=True)) == ["救命", "昨天"]
    assert words(town, Filters(outcome=Outcome.RULE)) == ["有答复"]
    assert words(town, Filters(alarmed=True)) == ["救命"]
    assert words(town, Filters(last_day=TODAY - DAY)) == ["昨天"]
    assert words(town, Filters(first_day=TODAY)) == ["救命", "有答复"]
    assert words(town, Filters(first_day=TODAY + DAY)) == []
    assert words(town, Filters(account_id=town.hrss.id)) == []


def test_a_closed_alarm_is_none(town: Town) -> None:
    urgent = town.hears("o3", "救命", outcome=Outcome.EMERGENCY)
    alarms.raise_alarm(EMERGENCY, urgent, "紧急", now=NOW)
    town.gather()
    (alarm,) = session.scalars(alarms.select(alarms.Alarm)).all()
    alarms.close(alarm.id, by="值班", now=NOW)

    assert words(town, Filters(alarmed=True)) == []


def test_a_line_says_what_a_person_must_know(town: Town) -> None:
    town.hears("o1", "在吗")
    town.gather()
    blocks.block(town.agent, town.follower("o1").id, reason="骚扰", also_at_wechat=False, now=NOW)

    (line,) = talks.talks_for_staff(town.agent, Filters(), now=NOW + MINUTE).lines
    assert line.account_name == "华阴公安"
    assert line.window.left == 5
    assert line.is_blocked
    assert not line.is_handled


def test_pages_follow_each_other_without_gap_or_repeat(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE", 2)
    for number in range(5):
        town.hears(f"o{number}", str(number))
    town.gather()

    seen, before = [], None
    while True:
        page = talks.talks_for_staff(town.agent, Filters(), now=NOW, before=before)
        seen += [line.talk.words for line in page.lines]
        before = page.before
        if before is None:
            break
    assert seen == ["4", "3", "2", "1", "0"]


def test_the_mark_moves_when_the_page_would_look_another_way(town: Town) -> None:
    town.hears("o1", "在吗")
    town.gather()

    def mark() -> str:
        return talks.mark_of(talks.talks_for_staff(town.agent, Filters(), now=NOW))

    first = mark()
    assert mark() == first
    follower = town.follower("o1")
    talk = town.talk("o1")
    assert talk is not None
    talks.dismiss(town.agent, follower.id, seen_id=talk.last_id, now=NOW)
    session.expire_all()
    assert mark() != first


# ---- searching ----


def found(town: Town, words: str, filters: Filters = Filters()) -> list[str]:  # noqa: B008 - frozen, so shared without harm
    return [hit.text for hit in talks.find(town.agent, words, filters).hits]


def test_a_search_finds_messages_of_ones_own_accounts_newest_first(town: Town) -> None:
    town.hears("o1", "补办身份证")
    town.hears("o1", "社保")
    town.hears("o2", "身份证丢了")
    town.gather()

    assert found(town, " 身份证 ") == ["身份证丢了", "补办身份证"]
    assert found(town, "公积金") == []


def test_signs_of_patterns_are_signs(town: Town) -> None:
    town.hears("o1", "打 9_5% 折")
    town.hears("o1", "打 985 折 ABC")
    town.gather()

    assert found(town, "9_5%") == ["打 9_5% 折"]
    assert found(town, "%") == ["打 9_5% 折"]
    assert found(town, "abc") == ["打 985 折 ABC"]
    assert found(town, "' OR 1=1 --") == []


def test_covered_digits_cannot_be_searched_for(town: Town) -> None:
    town.hears("o1", "电话13812345678")
    town.gather()

    assert found(town, "1234") == []
    assert found(town, "13812345678") == []
    assert found(town, "5678") == ["电话138****5678"]


def test_a_search_keeps_to_its_days(town: Town) -> None:
    town.hears("o1", "身份证昨天", at=NOW - DAY)
    town.hears("o1", "身份证今天")
    town.gather()

    assert found(town, "身份证", Filters(first_day=TODAY)) == ["身份证今天"]
    assert found(town, "身份证", Filters(last_day=TODAY - DAY)) == ["身份证昨天"]


def test_a_search_looks_at_one_stretch_and_says_how_far_it_came(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "STRETCH", 3)
    town.hears("o1", "很久以前的身份证", at=NOW - DAY)
    for number in range(4):
        town.hears("o2", f"别的{number}", at=NOW + number * MINUTE)
    town.gather()

    first = talks.find(town.agent, "身份证", Filters())
    assert first.hits == ()
    assert first.looked_back_to == NOW + MINUTE
    then = talks.find(town.agent, "身份证", Filters(), before=first.before)
    assert [hit.text for hit in then.hits] == ["很久以前的身份证"]
    assert then.before is None


def test_many_hits_come_in_pages(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE", 2)
    for number in range(3):
        town.hears("o1", f"身份证{number}")
    town.gather()

    first = talks.find(town.agent, "身份证", Filters())
    assert [hit.text for hit in first.hits] == ["身份证2", "身份证1"]
    then = talks.find(town.agent, "身份证", Filters(), before=first.before)
    assert [hit.text for hit in then.hits] == ["身份证0"]


@pytest.mark.parametrize("words", ["", "  ", "字" * 51])
def test_a_search_for_nothing_is_refused(town: Town, words: str) -> None:
    with pytest.raises(Invalid) as refused:
        talks.find(town.agent, words, Filters())
    assert refused.value.field == "words"


def test_messages_lead_to_their_followers(town: Town) -> None:
    first = town.hears("o1", "一")
    other = town.hears("o1", "一", account=town.hrss)

    assert talks.followers_of([first, other]) == {
        first: town.follower("o1").id,
        other: town.follower("o1", town.hrss).id,
    }
