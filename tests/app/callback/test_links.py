"""Links in a text: whatever a name contains, the link ends where it should."""

import re
from html.parser import HTMLParser

import pytest

from app.callback.dialogue import links
from tests.app.callback._dialogue import add_rule, say
from tests.helpers.hub import Hub

_LINK = re.compile(
    r'<a href="weixin://bizmsgmenu\?msgmenucontent=([^"&]*)&msgmenuid=([^"&]*)">([^<]*)</a>'
)


class _Reader(HTMLParser):
    """Reads a link as a browser would."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.mark.parametrize("sign", list("<>&\"'#?=% \t\n\u3000"))
def test_a_character_that_would_end_a_link_is_left_out(sign: str) -> None:
    link = links.link(f"停水{sign}通知", "rule:water.stop")

    assert _LINK.fullmatch(link), link
    read = _Reader(link)
    assert read.words == "停水通知"
    assert read.addresses == [
        "weixin://bizmsgmenu?msgmenucontent=停水通知&msgmenuid=rule:water.stop"
    ]


def test_a_suggestion_with_such_a_name_can_be_tapped_and_typed(hub: Hub) -> None:
    name = """"停水"&'抢修'<通知>#1?=%"""
    add_rule("police", "police.repair", "停水抢修通知", name=name, text="抢修到六点。")

    suggested = say(hub, "抢修停水")
    ((content, option, shown),) = _LINK.findall(suggested)

    assert (content, option, shown) == ("停水抢修通知1", "rule:police.repair", "停水抢修通知1")
    assert suggested.count("<") == suggested.count(">") == 2
    assert say(hub, content, bizmsgmenuid=option) == "抢修到六点。"
    assert say(hub, content) == say(hub, name) == "抢修到六点。"


def test_only_the_first_lines_that_fit_are_shown() -> None:
    lines = ["四字一组" * 50] * 10  # of 600 bytes each

    assert len(list(links.fitting(lines))) == 3
    assert len(list(links.fitting(lines, reserved="·" * 200))) == 2
    assert list(links.fitting([])) == []
