"""Standard texts: written for the whole city by those who may, and said at once."""

import re
from typing import Any

from app import snapshots
from config.database import read_only
from keywords.rules import default_replies
from keywords.rules.standard_texts import BUILTIN_TEXTS, StandardText
from tests.app.console.rules._rule_form import assert_rejected
from tests.helpers.console import Client, Console

URL = "/console/rules/texts/standard"


def shown(client: Client) -> dict[str, Any]:
    """The form as the page shows it."""
    token = re.search(r'name="seen"[^>]* value="(\w*)"', client.get(URL).text)
    assert token is not None
    return {"seen": token[1]} | {each.value: text for each, text in BUILTIN_TEXTS.items()}


def written() -> dict[StandardText, str]:
    with read_only():
        return default_replies.written_texts()


def test_a_text_is_written_said_and_taken_back(console: Console) -> None:
    chief = console.client()
    assert BUILTIN_TEXTS[StandardText.THANKS] in chief.get(URL).text

    # line ends as a browser sends them
    changed = {"thanks": "客气了。\r\n再会。"}
    assert chief.post(URL, shown(chief) | changed).status_code == 303
    assert written() == {StandardText.THANKS: "客气了。\n再会。"}
    assert "已改过" in chief.get(URL).text
    snapshots.refresh()
    assert console.hub.push("police", console.hub.text("o1", "谢谢")).text == "客气了。\n再会。"

    assert chief.post(URL, shown(chief) | {"thanks": ""}).status_code == 303
    assert written() == {}


def test_who_was_slower_sees_both_and_may_go_on(console: Console) -> None:
    chief = console.client()
    first, second = shown(chief) | {"test": "在。"}, shown(chief) | {"test": "在的。"}
    assert chief.post(URL, first).status_code == 303

    late = chief.post(URL, second)

    assert_rejected(late, "修改过这里", "在。", "在的。")
    assert written() == {StandardText.TEST: "在。"}
    token = re.search(r'name="seen"[^>]* value="(\w*)"', late.text)
    assert token is not None
    assert chief.post(URL, second | {"seen": token[1]}).status_code == 303
    assert written() == {StandardText.TEST: "在的。"}


def test_what_is_too_long_is_said_at_its_field(console: Console) -> None:
    chief = console.client()

    assert chief.post(URL, shown(chief) | {"help": "长" * 2001}).status_code == 422
    assert written() == {}


def test_only_who_writes_for_the_city_changes_them_and_editors_read_them(console: Console) -> None:
    editor = console.client("editor", "police")

    page = editor.get(URL)
    assert page.status_code == 200
    assert '<fieldset class="card-body" disabled>' in page.text
    assert ">保存<" not in page.text
    assert ">保存<" in console.client().get(URL).text
    assert editor.post(URL, {"thanks": "不谢。"}).status_code == 404
    assert console.client("reviewer_secrecy", "police").get(URL).status_code == 403
