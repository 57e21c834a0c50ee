"""The pages of phrases: one's own departments', offered where one answers."""

from sqlalchemy import select

from config.database import read_only, session
from matrix.canned_responses import CannedResponse
from tests.helpers.console import Client, Console
from tests.helpers.conversations import receive

PATH = "/console/talks/phrases"


def add(console: Console, client: Client, code: str = "police", **fields: str) -> int:
    """Add a canned response by its form. Returns the status."""
    form = {
        "department": str(console.department_id(code)),
        "title": "问好",
        "content": "您好，请讲。",
    }
    return client.post(PATH, form | fields).status_code


def the_phrase() -> CannedResponse:
    with read_only():
        return session.scalars(select(CannedResponse)).one()


def test_a_canned_response_is_offered_where_somebody_answers(console: Console) -> None:
    key = receive(console, "蜜蜂在窗外筑巢")
    client = console.client("agent", "police")
    assert "还没有常用语" in client.get(PATH).text
    assert add(console, client) == 303

    assert "您好，请讲。" in client.get(PATH).text
    assert 'data-canned-response="您好，请讲。"' in client.get(f"/console/talks/{key}").text


def test_canned_responses_of_those_above_are_offered_below_and_not_beside(console: Console) -> None:
    chief = console.client("matrix_admin")
    add(console, chief, "release", title="全市", content="全市都能说的话")
    add(console, chief, "hrss", title="人社", content="人社才说的话")
    key = receive(console, "蜜蜂在窗外筑巢")

    page = console.client("agent", "police").get(f"/console/talks/{key}").text
    assert "全市都能说的话" in page
    assert "人社才说的话" not in page


def test_a_wrong_field_keeps_what_was_typed(console: Console) -> None:
    client = console.client("agent", "police")
    add(console, client)
    form = {
        "department": str(console.department_id("police")),
        "title": "问好",
        "content": "另一句",
    }

    refused = client.post(PATH, form)
    assert refused.status_code == 422
    assert "本单位已有同名的常用语" in refused.text
    assert "另一句" in refused.text
    assert add(console, client, "hrss", title="别家的") == 422
    assert add(console, client, title="") == 422


def test_a_stale_change_is_shown_both_versions(console: Console) -> None:
    client = console.client("agent", "police")
    add(console, client)
    path = f"{PATH}/{the_phrase().id}"
    form = {"title": "问好", "content": "甲写的", "version": "1"}
    assert client.post(path, form).status_code == 303

    stale = client.post(path, form | {"content": "乙写的"})
    assert stale.status_code == 422
    assert "甲写的" in stale.text
    assert "乙写的" in stale.text
    assert client.post(path, form | {"content": "乙写的", "version": "2"}).status_code == 303
    assert the_phrase().content == "乙写的"


def test_canned_responses_of_others_are_not_found(console: Console) -> None:
    add(console, console.client("agent", "police"))
    path = f"{PATH}/{the_phrase().id}"
    stranger = console.client("agent", "hrss")

    assert "您好，请讲。" not in stranger.get(PATH).text
    assert stranger.get(path).status_code == 404
    form = {"title": "改", "content": "改", "version": "1"}
    assert stranger.post(path, form).status_code == 404
    assert stranger.post(f"{path}/remove").status_code == 404
    assert console.client("editor", "police").get(PATH).status_code == 403


def test_a_canned_response_can_be_given_up(console: Console) -> None:
    client = console.client("agent", "police")
    add(console, client)
    assert client.post(f"{PATH}/{the_phrase().id}/remove").status_code == 303
    assert "还没有常用语" in client.get(PATH).text
