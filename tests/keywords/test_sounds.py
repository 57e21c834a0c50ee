"""Sounds and misspellings: what counts as the same word written otherwise."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywords import misspelling, sounds


def test_homophones_pinyin_and_mixed_writing_share_one_code() -> None:
    code = sounds.spell("身份证")
    assert sounds.hear("身分正").code == code
    assert sounds.hear("shenfenzheng").code == code
    assert sounds.hear("shen份zheng").code == code
    assert sounds.hear("shen fen zheng").code == code


def test_regional_mix_ups_share_a_code() -> None:
    assert sounds.hear("zhuxiao").code == sounds.hear("zuxiao").code
    assert sounds.hear("金").code == sounds.hear("经").code
    assert sounds.hear("拿").code != sounds.hear("拉").code


def test_a_word_with_two_readings_is_read_in_context() -> None:
    assert sounds.spell("银行") == sounds.hear("yinhang").code


@pytest.mark.parametrize("run", ["sfz", "etc", "hpv", "help"])
def test_letters_that_spell_no_pinyin_stay_letters(run: str) -> None:
    assert sounds.hear(run).source == [run]


def test_initials_are_the_first_letters_of_the_syllables() -> None:
    assert sounds.initials("身份证") == "sfz"
    assert sounds.initials("教师资格证") == "jszgz"


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
    assert misspelling.is_likely(keyword, written) is likely


@given(st.text(st.characters(min_codepoint=0x61, max_codepoint=0x7A), max_size=80))
def test_any_run_of_letters_is_heard_without_losing_one(run: str) -> None:
    assert "".join(sounds.hear(run).source) == run


@given(st.text(st.sampled_from("水电身份证abc1 2shenfen"), max_size=30))
def test_each_code_character_has_its_source(text: str) -> None:
    heard = sounds.hear(text)
    assert len(heard.code) == len(heard.source)
