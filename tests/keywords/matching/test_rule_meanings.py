"""What of a rule is encoded."""

from dataclasses import replace

from keywords.matching.rule_meanings import MAX_REPLY_TEXT, MAX_RULE_TEXT, rule_text
from keywords.rules.replies import Image, News, Text
from keywords.rules.values import InputKind, Keyword, MatchMode
from tests.keywords import rule

PETS = replace(
    rule(
        "pets",
        "宠物狗",
        Keyword("狗|犬 证|登记", MatchMode.TOGETHER),
        Keyword("狗.{1,3}证", MatchMode.PATTERN),
        Keyword("menu_pets", kind=InputKind.CLICK),
        name="养犬登记",
        samples=("宠物狗", "我家狗要办证吗"),
    ),
    replies=(Image("pets.png"), Text("请到派出所办理。")),
)


def test_name_reply_samples_and_keywords_each_word_once() -> None:
    assert rule_text(PETS) == "养犬登记 请到派出所办理。 宠物狗 我家狗要办证吗 狗 犬 证 登记"


def test_articles_speak_by_title_and_description() -> None:
    article = replace(PETS, replies=(News("办犬证", "https://hub.example/pets", "带上疫苗本"),))
    assert "办犬证 带上疫苗本" in rule_text(article)


def test_long_texts_are_cut() -> None:
    wordy = replace(rule("a", *map(str, range(10_000, 10_300))), replies=(Text("长" * 2000),))
    assert len(rule_text(wordy)) == MAX_RULE_TEXT
    assert rule_text(wordy).count("长") == MAX_REPLY_TEXT
