"""Emergencies: every danger is heard, and papers about past dangers are not one."""

import pytest

from bench import danger
from bench.common.held_back import is_held_back
from bench.danger_data import load_labelled
from keywords.language.normalize import normalize
from keywords.matching.emergencies import (
    Danger,
    DangerKind,
    EmergencyDetector,
    Tier,
    classifier,
    danger_words,
    features,
)

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


BY_KIND = [
    ("电影院着火了", DangerKind.FIRE),
    ("@华阴公安家里着火了", DangerKind.FIRE),
    ("楼道里全是黑烟，下不去", DangerKind.FIRE),
    ("厨房里天然气泄漏了，味道很大", DangerKind.GAS),
    ("高速上出车祸了，司机卡在车里", DangerKind.TRAFFIC),
    ("电梯困人了", DangerKind.TRAPPED),
    ("有人落水了快救人", DangerKind.DROWNING),
    ("以前有心脏病，现在晕倒了", DangerKind.UNCONSCIOUS),
    ("低保申请没批我不想活了", DangerKind.SUICIDE),
    ("我要跳楼，再不发工资", DangerKind.SUICIDE),
    ("家里進賊了，人還在客廳", DangerKind.BREAKIN),
    ("孩子喝了农药，口吐白沫", DangerKind.POISONING),
]
QUIET = [
    "周末一起火锅",
    "起火锅底料多少钱",
    "请拨打人社局电话",
    "预报警示信息在哪看",
    "燃气灶打不着火",
    "跳楼价甩卖",
    "想死我了",
    "景区门票跟抢钱一样",
    "电影里着火了那段真好看",
    "消防演练几点开始",
]
MISSPELT = ["着货了", "救ming", "jiuming", "bu xiang huo le"]


@pytest.mark.parametrize(("text", "kind"), BY_KIND)
def test_a_danger_here_and_now_is_certain_whatever_stands_beside_it(
    text: str, kind: DangerKind
) -> None:
    found = WORDS.find(normalize(text))
    assert found is not None
    assert (found.tier, found.kind) == (Tier.CERTAIN, kind)


@pytest.mark.parametrize("text", QUIET)
def test_cooking_films_drills_idioms_and_borders_of_words_are_no_danger(text: str) -> None:
    assert WORDS.find(normalize(text)) is None


@pytest.mark.parametrize("text", MISSPELT)
def test_a_call_that_is_misspelt_or_typed_in_pinyin_is_heard(text: str) -> None:
    assert WORDS.find(normalize(text)) is not None


@pytest.mark.parametrize(
    "text", ["", " ", "！", "@", "x" * 5000, "😀" * 300, "\ud800着火了", "火" * 2000]
)
def test_any_text_is_judged_without_an_error(text: str) -> None:
    WORDS.find(normalize(text))


def test_the_words_that_decided_are_told() -> None:
    found = WORDS.find(normalize("厨房一股煤气味"))
    assert found is not None
    assert "煤气味" in found.reason


def test_the_city_adds_words_of_its_own() -> None:
    found = EmergencyDetector(["井喷", "着火"]).find(normalize("油田井喷"))
    assert found == Danger(Tier.CERTAIN, DangerKind.OTHER, "井喷")
    assert WORDS.find(normalize("油田井喷")) is None
    # a word that the lexicon knows is judged by what is said about it
    assert EmergencyDetector(["着火"]).find(normalize("燃气灶打不着火")) is None


def test_the_weights_fit_the_lexicon() -> None:
    weights = classifier.load()
    assert tuple(weights.categories) == danger_words().categories
    assert len(weights.places) == features.table_size(len(weights.categories))
    assert {*weights.kind_names} <= {kind.value for kind in DangerKind}


def test_labelled_messages_that_are_shown_are_heard() -> None:
    found = danger.measure(m for m in load_labelled() if not is_held_back(m.text))
    assert found["danger"]["heard"] >= 0.95
    assert found["certain"]["certain"] >= 0.85
    assert found["near"]["heard"] <= 0.08
    assert found["near"]["certain"] <= 0.02
    assert found["ordinary"]["heard"] <= 0.005
