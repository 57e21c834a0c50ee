"""Small talk: by the whole message, never by one word in it."""

import pytest

from keywords.language import lexicons, small_talk
from keywords.language.normalize import fold, normalize, to_standard
from keywords.language.small_talk import SmallTalkKind
from keywords.rules.standard_texts import BUILTIN_TEXTS, StandardText


def kind_of(text: str) -> SmallTalkKind | None:
    """The kind of a raw message."""
    return small_talk.classify(normalize(text))


# ---- kinds ----


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("你好", SmallTalkKind.GREETING),
        ("老师们早上好！", SmallTalkKind.GREETING),
        ("在吗？", SmallTalkKind.PRESENCE),
        ("你好，在不在", SmallTalkKind.PRESENCE),
        ("谢谢", SmallTalkKind.THANKS),
        ("谢谢你们了，辛苦了", SmallTalkKind.THANKS),
        ("你好，谢谢", SmallTalkKind.THANKS),
        ("好的👍", SmallTalkKind.AFFIRMATION),
        ("拜拜", SmallTalkKind.GOODBYE),
        ("垃圾", SmallTalkKind.ABUSE),
        ("哈哈哈哈", SmallTalkKind.INTERJECTION),
        ("测试", SmallTalkKind.TEST),
        ("?", SmallTalkKind.QUESTION_MARK),
        ("/::)", SmallTalkKind.STICKER),
        ("[捂脸]", SmallTalkKind.STICKER),
        ("🙏🙏", SmallTalkKind.EMOJI),
    ],
)
def test_nothing_but_small_talk_has_a_kind(text: str, kind: SmallTalkKind) -> None:
    assert kind_of(text) is kind
    assert small_talk.is_small_talk(normalize(text))


@pytest.mark.parametrize(
    "text",
    [
        "你好，社保卡丢了怎么补",
        "谢谢，再问下低保",
        "在吗，家里没水了",
        "垃圾没人收",
        "好的，户口呢",
        "",
    ],
)
def test_one_more_word_and_it_has_none(text: str) -> None:
    assert kind_of(text) is None


def test_every_kind_has_a_reply_of_its_own() -> None:
    replies = {BUILTIN_TEXTS[StandardText(kind.value)] for kind in SmallTalkKind}
    assert len(replies) == len(SmallTalkKind)


def test_words_of_the_lists_are_written_in_normal_form() -> None:
    listed = lexicons.small_talk_kinds()
    words = [word for kind in listed.words.values() for word in kind]
    words += [*listed.address, *listed.occasions, *listed.connecting]
    assert [word for word in words if word not in (fold(word), to_standard(fold(word)))] == []


# ---- requests beside pleasant words ----


@pytest.mark.parametrize(
    "text",
    [
        "昨天被偷了",
        "有人出售过期食品",
        "辛苦帮我查下社保",
        "辛苦了，我家没水",
        "华山真好看，门票多少钱",
        "昨天去办身份证",
    ],
)
def test_a_request_beside_pleasant_words_is_a_request(text: str) -> None:
    assert not small_talk.is_small_talk(normalize(text))


@pytest.mark.parametrize("text", ["西岳庙真好看", "小说里的律师都好帅", "今天的晚霞真美"])
def test_a_remark_asks_for_nothing(text: str) -> None:
    assert small_talk.is_remark(normalize(text))


def test_a_long_story_that_asks_for_nothing_is_a_remark_and_a_long_question_is_none() -> None:
    story = (
        "秋天的周末带着父母坐火车来到山脚，清晨出发，一路云海翻腾，松涛阵阵，"
        "傍晚下山时夕阳照着城墙，晚饭尝了当地小吃，全家人合影留念"
    )
    assert small_talk.is_small_talk(normalize(story))
    assert not small_talk.is_small_talk(normalize(story + "，请问年票怎么办理"))


# ---- advertisements ----


@pytest.mark.parametrize(
    ("text", "is_advertisement"),
    [
        ("专业办证加我微信", True),
        ("代开发票加微信", True),
        ("门面转让，价格优惠，名额有限", True),
        ("门面转让要办什么手续", False),
        ("有人说专业办证加我微信，是骗子吗", False),
    ],
)
def test_offers_are_told_from_questions_about_offers(text: str, is_advertisement: bool) -> None:
    assert small_talk.is_advertisement(normalize(text)) is is_advertisement


@pytest.mark.parametrize(
    ("text", "end", "is_location"), [("派出所对面的公园", 3, True), ("派出所电话", 3, False)]
)
def test_an_office_may_only_say_where_something_is(text: str, end: int, is_location: bool) -> None:
    assert small_talk.is_only_location(text, end) is is_location
