"""Emergencies: every danger is heard, and papers about past dangers are not one."""

import pytest

from keywords.language.normalize import normalize
from keywords.matching.emergencies import EmergencyDetector

WORDS = EmergencyDetector()

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
    "有个男的拿刀砍人",
    "我被人跟踪了很害怕",
    "孩子走丢了找不到",
    "有人在广场上打人快管管",
    "我老公打我,我不敢回家",
    "被绑架了救救我",
    "我被骗进传销窝点了出不去",
    "楼顶有个人要往下跳",
    "我妈心梗了喘不上气",
    "老人摔倒在路上动不了了",
    "孩子噎住了脸都紫了",
    "有人触电了",
    "喝了老鼠药咋办",
    "流了好多血止不住",
    "我爷突然不省人事了",
    "媳妇要生了羊水破了",
    "煤气漏了满屋子味",
    "家里着火了",
    "电梯困住人了快来",
    "楼塌了压住人了",
    "大巴翻到沟里了",
    "车撞树上司机卡住了",
    "高速上连环追尾有人伤了",
    "水库边有小孩溺水",
    "洪水把车冲走了人还在里面",
    "爬山腿摔断了走不了",
    "我朋友在华山上失联了",
    "天黑了困在山里没信号",
    "活着没意思,想死",
    "救命啊",
    "工厂爆炸了",
    "地震了房子裂了",
    "学校门口有人持刀",
    "他说要烧炭自杀",
    "zhaohuo le kuai lai",
    "坏人闯进屋里了",
    "中煤气了人叫不醒",
    "我家娃掉井里咧",
    "出车祸了快叫救护车",
    "山体滑坡把路埋了人压在下面",
    "我爸喝农药了",
    "楼上起火了",
    "有人从山上摔下去了",
    "娃掉到水渠里了快来",
    "我不想活了",
    "家里进贼了还在屋里",
    "前面两个车撞了有人受伤",
    "屋里一股煤气味头晕",
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
    "我家去年失火烧了能申请救助吗",
    "打狂犬疫苗要几针",
    "打架被拘留会留案底吗",
    "报警记录在哪里查",
    "车祸后怎么定责",
    "落水洞景点好玩吗",
    "烟感报警器一直响没电了",
    "消防栓漏水",
    "溺水安全教育作业在哪交",
    "昨天看到救火演练了",
]


@pytest.mark.parametrize("text", DANGERS)
def test_a_danger_is_an_emergency(text: str) -> None:
    assert WORDS.find(normalize(text))


@pytest.mark.parametrize("text", PAPERS)
def test_papers_and_prevention_are_no_emergency(text: str) -> None:
    assert WORDS.find(normalize(text)) is None


def test_what_happens_now_is_an_emergency_even_beside_papers() -> None:
    assert WORDS.find(normalize("对方正在打人,快来,我要起诉他"))


@pytest.mark.parametrize(
    ("text", "told"),
    [("厨房一股煤气味", "一股、煤气味"), ("有人溺水了", "有人溺水")],
)
def test_the_words_that_are_told_stand_in_the_message(text: str, told: str) -> None:
    assert (WORDS.find(normalize(text)) or "") == told


def test_the_city_adds_words_of_its_own() -> None:
    assert EmergencyDetector(["溃坝"]).find(normalize("水库溃坝")) == "溃坝"
    assert WORDS.find(normalize("水库溃坝")) is None
