"""Cells: nothing that was typed becomes a formula on somebody's desk."""

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from config.security.formula_escape import escape, unescape

FORMULAS = ["=1+1", "+8613", "-2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "＠x", "'=1+1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_what_could_be_a_formula_stands_behind_an_apostrophe(text: str) -> None:
    assert escape(text) == f"'{text}"
    assert unescape(escape(text)) == text


@pytest.mark.parametrize("text", ["", "社保卡", "1=1", "a-b", "'社保'", " =1", "'"])
def test_common_text_stays_as_it_is(text: str) -> None:
    assert escape(text) == text
    assert unescape(text) == text


def test_control_characters_do_not_hide_a_formula() -> None:
    assert escape("\x00=1+1") == "'=1+1"
    assert escape("一\x0b二\ud800三") == "一二三"


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"])))
def test_every_text_comes_back(text: str) -> None:
    assert unescape(escape(text)) == text


@given(st.text())
def test_no_cell_of_a_workbook_is_a_formula(text: str) -> None:
    book, held = Workbook(), BytesIO()
    assert book.active is not None
    book.active.append([escape(text)])
    book.save(held)
    sheet = load_workbook(held).active
    assert sheet is not None
    assert sheet["A1"].data_type != "f"
