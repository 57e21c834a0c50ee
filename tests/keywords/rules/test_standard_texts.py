"""Standard texts: one for each occasion, and no line that promises what is not known."""

import re

import pytest

from keywords.rules.standard_texts import BUILTIN_TEXTS, PLACEHOLDERS, StandardText, fill


@pytest.mark.parametrize("occasion", StandardText)
def test_each_occasion_has_a_text_that_fits_into_a_message(occasion: StandardText) -> None:
    text = BUILTIN_TEXTS[occasion]

    assert 0 < len(text.encode()) < 600
    assert set(re.findall(r"\{(\w+)\}", text)) == set(PLACEHOLDERS.get(occasion, ()))
    assert not re.search(r"[\u4e00-\u9fff][,;:?!()\"]", text), "marks as Chinese is typeset"


@pytest.mark.parametrize(
    ("values", "filled"),
    [
        ({"name": "公安局", "phone": "0913-1"}, "问{whom}\n电话：0913-1\n公安局，0913-1"),
        ({"name": "公安局", "phone": ""}, "问{whom}"),
        ({}, "问{whom}\n电话：{phone}\n{name}，{phone}"),
        (
            {"name": "{phone}", "phone": "0913-1"},
            "问{whom}\n电话：0913-1\n{phone}，0913-1",
        ),
    ],
)
def test_a_line_without_its_value_is_left_out(values: dict[str, str], filled: str) -> None:
    assert fill("问{whom}\n电话：{phone}\n{name}，{phone}", values) == filled
