"""Noise: smileys, placeholders, mentions and pictographs are no words (field cases A1 and A6)."""

import pytest

from keywords.language import noise
from keywords.language.normalize import clauses, fold, fold_runs, normalize


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("/::@社保卡怎么补办", "社保卡怎么补办"),
        ("/:@x家里着火了快来人", "家里着火了快来人"),
        ("/:,@!孩子不见了", "孩子不见了"),
        ("[捂脸]水费怎么交[Smile]", "水费怎么交"),
        ("社保卡[图片]丢了", "社保卡丢了"),
        ("【收到不支持的消息类型，暂无法显示】", ""),
        ("[Unsupported Message]", ""),
        ("🆗🈚", ""),
        ("/::8", ""),
        ("/:8-)", ""),
        ("/:ok", ""),
    ],
)
def test_what_is_no_word_is_taken_out(raw: str, text: str) -> None:
    assert fold(raw) == text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("@华阴公安身份证丢了咋办", "身份证丢了咋办"),
        ("@健康华阴 怎么挂号", "怎么挂号"),
        ("@小王\u2005身份证丢了", "身份证丢了"),
        # of a name that nobody knows only the sign goes: the question may follow at once
        ("@家里着火了", "家里着火了"),
        # and an address is no mention
        ("发到zhang@华阴.com", "发到zhang华阴com"),
    ],
)
def test_whom_a_message_mentions_is_taken_out_and_never_what_it_says(raw: str, text: str) -> None:
    assert fold(raw) == text


def test_brackets_that_hold_words_stay() -> None:
    assert fold("[身份证]丢了") == "身份证丢了"


def test_signs_are_told_apart() -> None:
    assert noise.has_sticker("/::)")
    assert noise.has_sticker("[动画表情]")
    assert not noise.has_sticker("👍")
    assert noise.has_pictograph("👍")
    assert not noise.has_pictograph("？")


# ---- what normalization makes of borders ----


def test_a_greeting_to_somebody_is_taken_off_but_no_question_about_them() -> None:
    assert normalize("老师好，社保卡丢了").core == "社保卡丢了"
    assert normalize("医生好找吗").core == "医生好找吗"


def test_clauses_end_at_punctuation_and_noise_and_questions_are_marked() -> None:
    assert clauses("没水了，几点来？谢谢") == ("没水了", "几点来?", "谢谢")
    assert clauses("没水了[捂脸]几点来") == ("没水了", "几点来")


def test_runs_keep_a_number_in_one_piece_and_two_numbers_apart() -> None:
    assert fold_runs("0913-2123456") == "09132123456"
    assert fold_runs("打12345 2次") == "打12345 2次"
