"""The directory: whom a name means, and whose duty a sentence names."""

import pytest

from app.directory import Directory
from matrix.departments.directory import DepartmentCard

CARDS = (
    DepartmentCard(1, "city", "市委网信办"),
    DepartmentCard(2, "police", "公安局", duties=("身份证", "户籍"), other_names=("公安",)),
    DepartmentCard(3, "hrss", "人力资源和社会保障局", short_names=("人社局", "人社")),
    DepartmentCard(4, "market", "市场监督管理局", other_names=("工商", "物价"), duties=("证",)),
    DepartmentCard(5, "farm", "农业农村局", duties=("宅基地", "宅基地审批", "补贴")),
    DepartmentCard(6, "civil", "民政局", duties=("补贴",)),
    DepartmentCard(7, "taihua", "太华路街道", short_names=("联络处",)),
    DepartmentCard(8, "yuemiao", "岳庙街道", short_names=("联络处",)),
    DepartmentCard(9, "huashan", "华山镇"),
)
CITY = Directory(CARDS, {2: "华阴公安", 9: "华山镇发布"}, "华阴市")


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("公安局", "police"),
        ("华阴市公安局", "police"),
        ("华阴公安局", "police"),
        ("我市公安局", "police"),
        ("华阴公安", "police"),
        ("人力资源社会保障局", "hrss"),
        ("市人社局", "hrss"),
        ("太华路街道办", "taihua"),
        ("太华路街道办事处", "taihua"),
        ("华山镇政府", "huashan"),
        ("市委网信办", "city"),
        ("公安", None),
        ("工商局", None),
        ("联络处", None),
        ("公安局门口", None),
        ("北京市公安局", None),
        ("", None),
    ],
)
def test_a_name_of_today_leads_to_one_department(text: str, slug: str | None) -> None:
    found = CITY.find(text)

    assert (found.slug if found else None) == slug


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("公安局", "police"),
        ("公安", "police"),
        ("工商", "market"),
        ("工商局", "market"),
        ("市物价局", "market"),
        ("民政", "civil"),
        ("农业农村", "farm"),
        ("联络处", None),
        ("岳庙", "yuemiao"),
    ],
)
def test_an_old_name_and_half_a_name_do_where_nothing_else_answers(
    text: str, slug: str | None
) -> None:
    found = CITY.find_loose(text)

    assert (found.slug if found else None) == slug


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("身份证丢了找谁", "police"),
        ("老家的宅基地审批到哪一步了", "farm"),
        ("想办个证", None),
        ("补贴什么时候发", None),
        ("今天天气真好", None),
    ],
)
def test_the_longest_duty_in_a_sentence_decides_and_a_shared_one_does_not(
    text: str, slug: str | None
) -> None:
    found = CITY.route(text)

    assert (found.slug if found else None) == slug


def test_a_department_has_its_account_or_none() -> None:
    assert [CITY.account_of(card) for card in CARDS[:2]] == ["", "华阴公安"]
    assert CITY.get(2) is CARDS[1]
    assert CITY.get(99) is None


def test_an_empty_directory_knows_nobody() -> None:
    empty = Directory()

    assert empty.find("公安局") is empty.route("身份证") is None
