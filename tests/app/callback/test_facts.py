"""Questions for facts: a phone number, a place, hours, a fee and nothing else."""

import pytest

from app.callback.dialogue.facts import Fact, FactQuestion, parse
from keywords.language.normalize import normalize


@pytest.mark.parametrize(
    ("words", "facts", "subject"),
    [
        ("民政局电话是多少？", [Fact.PHONE], "民政局"),
        ("请问民政局的办公电话", [Fact.PHONE], "民政局"),
        ("怎么联系你们", [Fact.PHONE], ""),
        ("派出所在哪儿", [Fact.PLACE], "派出所"),
        ("在哪办", [Fact.PLACE], ""),
        ("去哪里办理呢", [Fact.PLACE], ""),
        ("地址发我一下", [Fact.PLACE], ""),
        ("人社局几点上班", [Fact.HOURS], "人社局"),
        ("你们周末有人上班吗", [Fact.HOURS], ""),
        ("要多少钱", [Fact.FEE], ""),
        ("那收费标准是多少", [Fact.FEE], ""),
        ("要带啥材料", [Fact.MATERIALS], ""),
        ("多久能办好", [Fact.DURATION], ""),
        ("在哪办，要多少钱", [Fact.FEE, Fact.PLACE], ""),
        ("教育局地址和电话", [Fact.PHONE, Fact.PLACE], "教育局"),
    ],
)
def test_what_is_asked_and_of_whom(words: str, facts: list[Fact], subject: str) -> None:
    assert parse(normalize(words)) == FactQuestion(tuple(facts), subject)


@pytest.mark.parametrize(
    "words",
    [
        "身份证丢了怎么办",
        "谢谢",
        "停水了",
        "",
        "？",
        "我家楼下那个卖菜的摊子每天早上五点就开始吵，请问应该打哪个电话投诉",
    ],
)
def test_other_messages_ask_for_no_fact(words: str) -> None:
    assert parse(normalize(words)) is None
