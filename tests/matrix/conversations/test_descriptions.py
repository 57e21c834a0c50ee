"""Descriptions: what agents read for a message that has no words of its own."""

from typing import Any

import pytest

from matrix.conversations.descriptions import describe


@pytest.mark.parametrize(
    ("kind", "content", "words"),
    [
        ("text", None, "话"),
        ("location", {"label": "太华路", "latitude": 34.5, "longitude": 110.1}, "太华路"),
        ("location", {"label": "", "latitude": 34.5, "longitude": 110.1}, "北纬 34.5，东经 110.1"),
        ("location", {"label": "", "latitude": None, "longitude": 110.1}, "话"),
        ("link", {"title": "通知", "url": "https://a.example"}, "通知 https://a.example"),
        ("link", {"url": "https://a.example"}, "https://a.example"),
        ("file", {"title": "说明.pdf", "size": 2048}, "说明.pdf（2 KB）"),
        ("file", {"title": "空.txt", "size": 0}, "空.txt（1 KB）"),
        ("file", {"title": "录像.mp4", "size": 3 * 2**20}, "录像.mp4（3.0 MB）"),
        ("file", {"title": "说明.pdf"}, "说明.pdf"),
        ("mini_program_card", {"title": "掌上缴费"}, "掌上缴费"),
        ("followed", {"scene": None}, ""),
        ("unsupported", None, "话"),
    ],
)
def test_each_kind_is_described(kind: str, content: dict[str, Any] | None, words: str) -> None:
    assert describe(kind, "话", content) == words
