"""Sounds and misspellings: what counts as the same word written otherwise."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywords.language import phonetics, typos


def test_homophones_pinyin_and_mixed_writing_share_one_code() -> None:
    code = phonetics.encode_keyword("身份证")
    assert phonetics.encode("身分正").code == code
    assert phonetics.encode("shenfenzheng").code == code
    assert phonetics.encode("shen份zheng").code == code
    assert phonetics.encode("shen fen zheng").code == code


def test_regional_mix_ups_share_a_code() -> None:
    assert phonetics.encode("zhuxiao").code == phonetics.encode("zuxiao").code
    assert phonetics.encode("金").code == phonetics.encode("经").code
    assert phonetics.encode("拿").code != phonetics.encode("拉").code


def test_a_word_with_two_readings_is_read_in_context() -> None:
    assert phonetics.encode_keyword("银行") == phonetics.encode("yinhang").code


@pytest.mark.parametrize("run", ["sfz", "etc", "hpv", "help"])
def test_letters_that_spell_no_pinyin_stay_letters(run: str) -> None:
    assert phonetics.encode(run).source == [run]


def test_initials_are_the_first_letters_of_the_syllables() -> None:
    assert phonetics.initials("身份证") == "sfz"
    assert phonetics.initials("教师资格证") == "jszgz"


@pytest.mark.parametrize(
    ("keyword", "written", "likely"),
    [
        ("户口迁移", "护口迁移", True),
        ("注销", "注消", True),
        ("户口", ["hu", "kou"], True),
        ("健康证", ["健", "康", "zheng"], True),
        ("法援", "法院", False),  # a word of its own
        ("就业", "就也", False),  # grammar
        ("公证", "宫整", False),  # nothing right
        ("公积金", "公积经", True),
        ("户口", "户口", False),  # not misspelled
    ],
)
def test_a_slip_is_told_from_another_word(
    keyword: str, written: Sequence[str], likely: bool
) -> None:
    assert typos.is_likely_typo(keyword, written) is likely


@given(st.text(st.characters(min_codepoint=0x61, max_codepoint=0x7A), max_size=80))
def test_any_run_of_letters_becomes_syllables_without_losing_one(run: str) -> None:
    assert "".join(phonetics.encode(run).source) == run


@given(st.text(st.sampled_from("水电身份证abc1 2shenfen"), max_size=30))
def test_each_code_character_has_its_source(text: str) -> None:
    heard = phonetics.encode(text)
    assert len(heard.code) == len(heard.source)
