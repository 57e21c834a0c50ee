"""Texts: the fallback nearest to an account, and the city's emergency prompt."""

import re
from collections.abc import Callable

import pytest
import yaml

from config import cache_versions
from config.errors import Invalid, NotFound, Stale
from config.permissions import Permission, PermissionScope, Principal
from keywords.rules import default_replies
from keywords.rules.default_replies import DefaultReplies
from keywords.rules.inheritance import AccountPosition
from keywords.rules.standard_texts import BUILTIN_TEXTS, StandardText
from tests.helpers import NOW
from tests.helpers.source_tree import ROOT

# claims that somebody knows of a message or will act; a text that is sent at once cannot know
PROMISE = re.compile(
    "(?:工作人员|值班人员|我们).{0,3}(?:已|会|将)|已.{0,2}(?:收到|通知|提醒|转告|上报)"
)

pytestmark = pytest.mark.usefixtures("rolled_back")


def test_the_nearest_fallback_is_used(make_department: Callable[[str], int]) -> None:
    city, police = make_department("city"), make_department("police")
    reach = AccountPosition(account_id=1, own_and_below=(police,), ancestors=(city,))
    assert default_replies.load().fallback_for(reach) == default_replies.BUILTIN_FALLBACK

    default_replies.set_fallback("全市", now=NOW)
    assert default_replies.load().fallback_for(reach) == "全市"
    default_replies.set_fallback("上级", department_id=city, now=NOW)
    assert default_replies.load().fallback_for(reach) == "上级"
    default_replies.set_fallback("本局", department_id=police, now=NOW)
    assert default_replies.load().fallback_for(reach) == "本局"
    assert (
        default_replies.load().fallback_for(AccountPosition(2, own_and_below=(city, police)))
        == "上级"
    )


def test_an_account_may_have_its_own_fallback() -> None:
    said = DefaultReplies({"fallback": "全市", "fallback/account/7": "本号"})
    assert said.fallback_for(AccountPosition(7, own_and_below=())) == "本号"
    assert said.fallback_for(AccountPosition(8, own_and_below=())) == "全市"


def test_the_city_sets_its_prompt_and_adds_words_of_danger() -> None:
    assert default_replies.load() == DefaultReplies()
    assert default_replies.set_emergency("请拨打 110", ["井喷", "井喷"], now=NOW)
    assert default_replies.load().emergency == "请拨打 110"
    assert default_replies.load().emergency_words == ("井喷",)


def test_saving_the_same_again_changes_nothing() -> None:
    default_replies.set_fallback("全市", now=NOW)
    numbers = cache_versions.current()
    assert not default_replies.set_fallback("全市", now=NOW)
    assert cache_versions.current() == numbers


def test_empty_texts_and_words_are_refused() -> None:
    for wrong in (
        lambda: default_replies.set_fallback(" ", now=NOW),
        lambda: default_replies.set_emergency("请拨打 110", ["！"], now=NOW),
        lambda: default_replies.set_emergency("x" * 2001, [], now=NOW),
    ):
        with pytest.raises(Invalid):
            wrong()
    assert default_replies.load() == DefaultReplies()


def test_a_text_that_another_changed_is_not_written_over(
    make_department: Callable[[str], int],
) -> None:
    police = make_department("police")
    default_replies.set_fallback("一", department_id=police, expected="", now=NOW)
    for late in (
        lambda: default_replies.set_fallback("二", department_id=police, expected="", now=NOW),
        lambda: default_replies.clear_fallback(department_id=police, expected="零"),
        lambda: default_replies.set_emergency("请拨打 110", [], expected="别的", now=NOW),
    ):
        with pytest.raises(Stale):
            late()
    default_replies.clear_fallback(department_id=police, expected="一")
    assert default_replies.load() == DefaultReplies()


def test_staff_reach_the_texts_of_their_area_and_the_city_those_of_everybody(
    make_department: Callable[[str], int],
) -> None:
    police, water = make_department("police"), make_department("water")
    default_replies.set_fallback("公安", department_id=police, now=NOW)
    default_replies.set_fallback("水务", department_id=water, now=NOW)
    default_replies.set_fallback("全市", now=NOW)
    default_replies.set_emergency("请拨打 110", ["井喷"], now=NOW)
    area = PermissionScope(departments=frozenset({police}))
    editor = Principal(1, "", {Permission.RULES_WRITE: area, Permission.RULES_READ: area})
    chief = Principal(2, "", dict.fromkeys(Permission, PermissionScope(everywhere=True)))

    own = default_replies.access_fallback(
        editor, department_id=police, right=Permission.RULES_WRITE
    )
    assert own is not None
    assert own.text == "公安"
    for outside in ({"department_id": water}, {}):
        with pytest.raises(NotFound):
            default_replies.access_fallback(editor, **outside, right=Permission.RULES_WRITE)
    with pytest.raises(NotFound):
        default_replies.access_emergency(editor, Permission.RULES_WRITE)
    emergency = default_replies.access_emergency(chief, Permission.RULES_WRITE)
    assert default_replies.edit_token(emergency) == "请拨打 110\n井喷"
    assert [row.text for row in default_replies.list_for_staff(editor)] == ["公安"]
    assert len(default_replies.list_for_staff(chief)) == 3


def test_no_automatic_text_promises_what_nobody_has_done_yet() -> None:
    shown = yaml.safe_load((ROOT / "config/demo/keywords.yaml").read_text(encoding="utf-8"))
    texts = [
        default_replies.BUILTIN_FALLBACK,
        default_replies.BUILTIN_EMERGENCY,
        shown["fallback"]["text"],
        shown["emergency"]["text"],
        *(text for occasion, text in BUILTIN_TEXTS.items() if "emergency" in occasion),
    ]
    assert not [text for text in texts if PROMISE.search(text)]
    assert PROMISE.search("本账号不能替代紧急报警电话，工作人员已收到提醒。")


# ---- standard texts ----


def test_the_city_writes_a_standard_text_and_takes_it_back() -> None:
    thanks = StandardText.THANKS
    assert default_replies.set_texts({thanks: "客气了。"}, now=NOW)
    assert default_replies.load().text(thanks) == "客气了。"
    assert (
        default_replies.load().text(StandardText.GREETING) == BUILTIN_TEXTS[StandardText.GREETING]
    )
    assert default_replies.load().fallbacks == {}, "it is no fallback of anybody"

    numbers = cache_versions.current()
    assert default_replies.set_texts({thanks: ""}, now=NOW)
    assert default_replies.load().text(thanks) == BUILTIN_TEXTS[thanks]
    assert cache_versions.current() != numbers, "every process must learn of it"
    assert not default_replies.set_texts({thanks: BUILTIN_TEXTS[thanks]}, now=NOW)


def test_a_standard_text_that_is_too_long_names_its_occasion() -> None:
    with pytest.raises(Invalid) as caught:
        default_replies.set_texts({StandardText.HELP: "长" * 2001}, now=NOW)

    assert caught.value.field == "texts.help"


def test_a_form_of_texts_that_another_has_changed_is_refused() -> None:
    seen = default_replies.texts_token(default_replies.written_texts())
    default_replies.set_texts({StandardText.HELP: "菜单："}, expected=seen, now=NOW)

    with pytest.raises(Stale) as caught:
        default_replies.set_texts({StandardText.TEST: "在。"}, expected=seen, now=NOW)

    assert caught.value.newest == default_replies.written_texts() == {StandardText.HELP: "菜单："}


def test_only_who_writes_everywhere_reaches_the_standard_texts(
    make_department: Callable[[str], int],
) -> None:
    area = PermissionScope(departments=frozenset({make_department("police")}))
    editor = Principal(1, "", {Permission.RULES_WRITE: area})
    chief = Principal(2, "", dict.fromkeys(Permission, PermissionScope(everywhere=True)))
    default_replies.set_texts({StandardText.HELP: "菜单："}, now=NOW)

    assert default_replies.access_texts(chief, Permission.RULES_WRITE) == {
        StandardText.HELP: "菜单："
    }
    with pytest.raises(NotFound):
        default_replies.access_texts(editor, Permission.RULES_WRITE)
