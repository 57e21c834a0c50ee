"""Texts: the fallback nearest to an account, and the city's emergency prompt."""

from collections.abc import Callable

import pytest

from config import revisions
from config.errors import Invalid, NotFound
from config.tenancy import Area, Member, Right
from keywords import texts
from keywords.rules import Reach
from keywords.texts import TextChanged, Texts
from tests.fixtures import NOW

pytestmark = pytest.mark.usefixtures("rolled_back")


def test_the_nearest_fallback_is_said(make_department: Callable[[str], int]) -> None:
    city, police = make_department("city"), make_department("police")
    reach = Reach(account_id=1, own=(police,), ancestors=(city,))
    assert texts.current().fallback(reach) == texts.FALLBACK

    texts.set_fallback("全市", now=NOW)
    assert texts.current().fallback(reach) == "全市"
    texts.set_fallback("上级", department_id=city, now=NOW)
    assert texts.current().fallback(reach) == "上级"
    texts.set_fallback("本局", department_id=police, now=NOW)
    assert texts.current().fallback(reach) == "本局"
    assert texts.current().fallback(Reach(2, own=(city, police))) == "上级"


def test_an_account_may_have_its_own_fallback() -> None:
    said = Texts({"fallback": "全市", "fallback/account/7": "本号"})
    assert said.fallback(Reach(7, own=())) == "本号"
    assert said.fallback(Reach(8, own=())) == "全市"


def test_the_city_sets_its_prompt_and_adds_words_of_danger() -> None:
    assert texts.current() == Texts()
    assert texts.set_emergency("请拨打 110", ["井喷", "井喷"], now=NOW)
    assert texts.current().emergency == "请拨打 110"
    assert texts.current().emergency_words == ("井喷",)


def test_saying_the_same_again_changes_nothing() -> None:
    texts.set_fallback("全市", now=NOW)
    numbers = revisions.current()
    assert not texts.set_fallback("全市", now=NOW)
    assert revisions.current() == numbers


def test_empty_texts_and_words_are_refused() -> None:
    for wrong in (
        lambda: texts.set_fallback(" ", now=NOW),
        lambda: texts.set_emergency("请拨打 110", ["！"], now=NOW),
        lambda: texts.set_emergency("x" * 2001, [], now=NOW),
    ):
        with pytest.raises(Invalid):
            wrong()
    assert texts.current() == Texts()


def test_a_text_that_another_changed_is_not_written_over(
    make_department: Callable[[str], int],
) -> None:
    police = make_department("police")
    texts.set_fallback("一", department_id=police, seen="", now=NOW)
    for late in (
        lambda: texts.set_fallback("二", department_id=police, seen="", now=NOW),
        lambda: texts.clear_fallback(department_id=police, seen="零"),
        lambda: texts.set_emergency("请拨打 110", [], seen="别的", now=NOW),
    ):
        with pytest.raises(TextChanged):
            late()
    texts.clear_fallback(department_id=police, seen="一")
    assert texts.current() == Texts()


def test_staff_reach_the_texts_of_their_area_and_the_city_those_of_everybody(
    make_department: Callable[[str], int],
) -> None:
    police, water = make_department("police"), make_department("water")
    texts.set_fallback("公安", department_id=police, now=NOW)
    texts.set_fallback("水务", department_id=water, now=NOW)
    texts.set_fallback("全市", now=NOW)
    texts.set_emergency("请拨打 110", ["井喷"], now=NOW)
    area = Area(departments=frozenset({police}))
    editor = Member(1, "", {Right.RULES_WRITE: area, Right.RULES_READ: area})
    chief = Member(2, "", dict.fromkeys(Right, Area(everywhere=True)))

    own = texts.access_fallback(editor, department_id=police, right=Right.RULES_WRITE)
    assert own is not None
    assert own.text == "公安"
    for outside in ({"department_id": water}, {}):
        with pytest.raises(NotFound):
            texts.access_fallback(editor, **outside, right=Right.RULES_WRITE)
    with pytest.raises(NotFound):
        texts.access_emergency(editor, Right.RULES_WRITE)
    emergency = texts.access_emergency(chief, Right.RULES_WRITE)
    assert texts.seen_of(emergency) == "请拨打 110\n井喷"
    assert [row.text for row in texts.for_staff(editor)] == ["公安"]
    assert len(texts.for_staff(chief)) == 3
