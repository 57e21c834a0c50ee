"""Emergencies: every danger is heard, and papers about past dangers are not one."""

import pytest

from keywords.emergencies import EmergencyWords
from keywords.normalize import normalize

WORDS = EmergencyWords()

DANGERS = [
    "我家厨房着火了",
    "著火了快來人",
    "喂 喂 我爸昏过去了",
    "有人要跳楼",
    "不想活了",
    "娃掉井里咧",
    "街上有人拿刀砍人",
    "山上迷路了天快黑了",
    "屋里一股煤气味",
    "出车祸了有人流血",
    "电梯里被困了四个人",
    "老人走丢了一晚上没回来",
    "工地上有人从架子上掉下来了",
    "孩子误食了老鼠药",
    "救 命",
]
PAPERS = [
    "家里遭了火灾能申请救助吗",
    "去年失火房子烧了,能领补助不",
    "火灾保险怎么理赔",
    "报警回执在哪开证明",
    "学校要搞消防演练",
    "出车祸对方不赔钱想找律师",
    "打架的事能调解吗",
    "燃气报警器多少钱",
    "急救培训在哪报名",
    "今天热死了",
    "水费怎么交",
    "打人工电话",
]


@pytest.mark.parametrize("text", DANGERS)
def test_a_danger_raises_the_alarm(text: str) -> None:
    assert WORDS.find(normalize(text))


@pytest.mark.parametrize("text", PAPERS)
def test_papers_and_prevention_raise_none(text: str) -> None:
    assert WORDS.find(normalize(text)) is None


def test_what_happens_now_is_an_alarm_even_beside_papers() -> None:
    assert WORDS.find(normalize("对方正在打人,快来,我要起诉他"))


def test_the_city_adds_words_of_its_own() -> None:
    assert EmergencyWords(["溃坝"]).find(normalize("水库溃坝")) == "溃坝"
    assert WORDS.find(normalize("水库溃坝")) is None
