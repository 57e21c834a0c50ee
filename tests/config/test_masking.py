"""Masking: numbers of persons are covered however they are written, and nothing else is."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.security.masking import mask_pii

# made up at random; the checks of real numbers are not asked
ID = "610582199013321238"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("电话13800001234谢谢", "电话138****1234谢谢"),
        ("138 0000 1234", "138****1234"),
        ("138-0000-1234", "138****1234"),
        ("+86 13800001234", "138****1234"),
        ("008613800001234", "138****1234"),
        ("１３８００００１２３４", "１３８****１２３４"),
        ("13800001234,13900005678", "138****1234,139****5678"),
        ("13800001234 13900005678", "138****1234 139****5678"),
        (f"身份证{ID}丢了", "身份证610582********1238丢了"),
        ("610582 19901332 123x", "610582********123x"),
        ("61058219901332123X", "610582********123X"),
        ("610582901332123", "610582*****2123"),
        ("卡号6222000011112222333", "卡号622200*********2333"),
        (f"{ID}13800001234", "610582*******************1234"),
    ],
)
def test_a_number_of_a_person_is_covered(written: str, shown: str) -> None:
    assert mask_pii(written) == shown


@pytest.mark.parametrize(
    "text",
    [
        "打12345还是110",
        "0913-4362000",
        "09134362000",
        "2026-11-27 08:30",
        "第 1 2 3 号窗口",
        "wx0123456789abcdef",
        "单号 202611270001",
        "",
    ],
)
def test_other_numbers_stay(text: str) -> None:
    assert mask_pii(text) == text


@given(
    st.text(alphabet="1389 -Xx身０１", max_size=80),
    st.sampled_from(["13800001234", ID, "610582901332123"]),
    st.text(alphabet="身份证，。", max_size=5),
)
def test_no_number_survives_and_twice_is_once(before: str, number: str, after: str) -> None:
    masked = mask_pii(f"{before}身{number}{after}")

    assert number not in masked
    assert mask_pii(masked) == masked
    assert not re.search(r"\d{12}", masked)
