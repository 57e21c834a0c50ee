"""Normal form: what is folded away, and what is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywords.language import lexicons
from keywords.language.normalize import MAX_LENGTH, fold, normalize, to_standard

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("ＥＴＣ　注销", "etc注销"),
        ("身分證遺失補辦", "身分证遗失补办"),
        ("宝宝上户口需要什么👶", "宝宝上户口需要什么"),
        ("额 没 生 意\n也要 报税不…", "额没生意也要报税不"),
        ("@华阴发布 停车场乱收费", "停车场乱收费"),
        ("@华阴发布\u2005停车场", "停车场"),
        ("\x00\ud800abc\udfff", "abc"),
        ("①②", "12"),
        ("", ""),
        ("！！！", ""),
    ],
)
def test_width_case_script_and_decoration_are_folded(raw: str, text: str) -> None:
    assert fold(raw) == text


@given(ANY_TEXT)
def test_any_string_can_be_folded_and_folding_twice_changes_nothing(raw: str) -> None:
    once = fold(raw)
    assert fold(once) == once
    assert not any(character.isspace() for character in once)


@given(ANY_TEXT)
def test_any_string_has_normal_forms_that_are_parts_of_one_another(raw: str) -> None:
    normal = normalize(raw)
    assert normal.core in normal.text
    assert normal.text[normal.core_start :].startswith(normal.core)
    assert bool(normal.core) == bool(normal.text)


@pytest.mark.parametrize(
    ("raw", "core"),
    [
        ("你好，请问身份证怎么办？谢谢🙏", "身份证怎么办"),
        ("在吗 汽车站上班时间！!!急", "汽车站上班时间"),
        ("你好", "你好"),
        ("急诊几点上班", "急诊几点上班"),
    ],
)
def test_greetings_around_a_request_are_taken_off_but_never_everything(raw: str, core: str) -> None:
    assert normalize(raw).core == core


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("额的身份证撂咧咋弄", "我的身份证丢了怎么办"),
        ("屋里碎娃上学在阿达报名", "家里孩子上学在哪里报名"),
        ("贷款额度是多少", "贷款额度是多少"),
        ("什么人能办", "什么人能办"),
        ("还么回信", "还没回信"),
    ],
)
def test_dialect_is_said_in_the_standard_language_and_look_alikes_are_left_alone(
    said: str, meant: str
) -> None:
    assert to_standard(said) == meant


def test_what_stands_beyond_the_longest_message_is_not_read() -> None:
    assert len(fold("水" * (MAX_LENGTH + 500))) == MAX_LENGTH


def test_word_lists_are_written_in_normal_form() -> None:
    dialect, fillers = lexicons.dialect(), lexicons.fillers()
    listed = [
        *dialect.replacements,
        *dialect.replacements.values(),
        *dialect.protected,
        *fillers.lead,
        *fillers.tail,
    ]
    assert [word for word in listed if fold(word) != word] == []


def test_dialect_never_maps_to_another_dialect_word() -> None:
    says = lexicons.dialect().replacements
    assert {word: meant for word, meant in says.items() if to_standard(meant) != meant} == {}
