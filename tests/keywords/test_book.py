"""The book: every account answers with its own rules and points to the others'."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from keywords import stored
from keywords.book import Book
from keywords.drafts import RuleDraft
from keywords.replies import Text
from keywords.rules import Keyword, Kind, Occasion, Reach, Scope
from keywords.texts import Texts
from tests.fixtures import NOW as MOMENT
from tests.keywords import rule

NOW = datetime(2026, 6, 2, 3, tzinfo=UTC)
CITY = Reach(1, own=(1, 2, 3))
POLICE = Reach(2, own=(2,), ancestors=(1,))
WATER = Reach(3, own=(3,), ancestors=(1,))
RULES = (
    rule("police.id", "身份证", "临时身份证", name="身份证办理", department_id=2),
    rule("police.move", "户口迁移", name="户口迁移", department_id=2),
    rule("water.fee", "水费", "阶梯水价", name="水费", department_id=3),
    rule("water.own", "抄表", name="抄表时间", account_id=3),
)


@pytest.fixture(scope="module")
def book() -> Book:
    return Book().compiled(RULES, [CITY, POLICE, WATER], Texts(emergency_words=("井喷",)))


def test_each_account_answers_with_its_own_rules_and_the_head_with_all(book: Book) -> None:
    asked = Occasion("身份证丢了咋办")
    assert book.match(2, asked, now=NOW) == RULES[0]
    assert book.match(1, asked, now=NOW) == RULES[0]
    assert book.match(3, asked, now=NOW) is None
    assert book.match(99, asked, now=NOW) is None


def test_who_asks_the_wrong_department_is_pointed_to_the_right_one(book: Book) -> None:
    assert book.suggest(3, "身份证丢了咋办", now=NOW) == (RULES[0],)


def test_a_near_miss_gets_the_accounts_own_suggestion(book: Book) -> None:
    assert book.suggest(2, "户口的事想迁走", now=NOW)[:1] in [(RULES[1],), ()]
    assert book.suggest(3, "水价是阶梯的么", now=NOW) == (RULES[2],)


@pytest.mark.parametrize("text", ["你好", "今天天气真不错", "加我微信办身份证", "哈哈", "？"])
def test_small_talk_and_adverts_get_no_suggestion(book: Book, text: str) -> None:
    for account in (1, 2, 3):
        assert book.suggest(account, text, now=NOW) == ()


def test_a_rule_of_one_account_is_not_suggested_elsewhere(book: Book) -> None:
    assert book.match(3, Occasion("抄表是几号"), now=NOW) == RULES[3]
    assert book.suggest(2, "抄表是几号", now=NOW) == ()


def test_an_explanation_agrees_with_the_answer(book: Book) -> None:
    told = book.explain(2, Occasion("身份证丢了咋办"), now=NOW)
    assert told.rule == RULES[0]
    assert told.candidates[0].rule == RULES[0]
    assert told.suggestions == ()

    told = book.explain(3, Occasion("身份证丢了咋办"), now=NOW)
    assert told.rule is None
    assert told.suggestions == (RULES[0],)


def test_an_emergency_goes_before_every_rule(book: Book) -> None:
    told = book.explain(2, Occasion("身份证着火了救命"), now=NOW)
    assert told.emergency
    assert told.rule is None
    assert told.suggestions == ()
    assert book.emergency("矿上井喷") == "井喷"
    assert book.emergency("身份证丢了咋办") is None


def test_menu_keys_are_explained_without_suggestions(book: Book) -> None:
    told = book.explain(2, Occasion("身份证", Kind.CLICK), now=NOW)
    assert told.rule is None
    assert told.emergency is None
    assert told.suggestions == ()


def test_matchers_are_kept_while_their_rules_stay(book: Book) -> None:
    changed = (*RULES[:2], replace(RULES[2], priority=90), RULES[3])
    later = book.compiled(changed, [CITY, POLICE, WATER])
    assert later._matchers[2] is book._matchers[2]
    assert later._matchers[3] is not book._matchers[3]
    assert book.match(3, Occasion("水费"), now=NOW) == RULES[2]
    assert later.match(3, Occasion("水费"), now=NOW) == changed[2]


@pytest.mark.usefixtures("rolled_back")
def test_a_book_is_read_from_the_database(make_department: Callable[[str], int]) -> None:
    police, water = make_department("police"), make_department("water")
    draft = RuleDraft("police.id", "身份证", (Keyword("身份证"),), (Text("答复"),))
    stored.create(draft, department_id=police, now=MOMENT)
    stored.create(replace(draft, code="city", scope=Scope.MANDATORY), now=MOMENT)

    book = Book().refreshed([Reach(1, own=(police,)), Reach(2, own=(water,))])

    assert [each.code for each in book.rules_of(1)] == ["city", "police.id"]
    assert [each.code for each in book.rules_of(2)] == ["city"]
    found = book.rule("police.id")
    assert found is not None
    assert found.department_id == police
    assert book.fallback(1)
    assert book.emergency_text
