"""The pages of phrases: one's own departments', offered where one answers."""

from sqlalchemy import select

from config.database import reading, session
from matrix.phrases import Phrase
from tests.app.console.talking import hear
from tests.fixtures.console import Client, Desk

PATH = "/console/talks/phrases"


def add(desk: Desk, client: Client, code: str = "police", **fields: str) -> int:
    """Add a phrase by its form. Returns the status."""
    form = {"department": str(desk.department_id(code)), "title": "问好", "content": "您好，请讲。"}
    return client.post(PATH, form | fields).status_code


def the_phrase() -> Phrase:
    with reading():
        return session.scalars(select(Phrase)).one()


def test_a_phrase_is_offered_where_somebody_answers(desk: Desk) -> None:
    key = hear(desk, "在吗在吗")
    client = desk.client("agent", "police")
    assert "还没有常用语" in client.get(PATH).text
    assert add(desk, client) == 303

    assert "您好，请讲。" in client.get(PATH).text
    assert 'data-phrase="您好，请讲。"' in client.get(f"/console/talks/{key}").text


def test_phrases_of_those_above_are_offered_below_and_not_beside(desk: Desk) -> None:
    chief = desk.client("matrix_admin")
    add(desk, chief, "release", title="全市", content="全市都能说的话")
    add(desk, chief, "hrss", title="人社", content="人社才说的话")
    key = hear(desk, "在吗在吗")

    page = desk.client("agent", "police").get(f"/console/talks/{key}").text
    assert "全市都能说的话" in page
    assert "人社才说的话" not in page


def test_a_wrong_field_keeps_what_was_typed(desk: Desk) -> None:
    client = desk.client("agent", "police")
    add(desk, client)
    form = {"department": str(desk.department_id("police")), "title": "问好", "content": "另一句"}

    refused = client.post(PATH, form)
    assert refused.status_code == 422
    assert "本单位已有同名的常用语" in refused.text
    assert "另一句" in refused.text
    assert add(desk, client, "hrss", title="别家的") == 422
    assert add(desk, client, title="") == 422


def test_a_stale_change_is_shown_both_versions(desk: Desk) -> None:
    client = desk.client("agent", "police")
    add(desk, client)
    path = f"{PATH}/{the_phrase().id}"
    form = {"title": "问好", "content": "甲写的", "version": "1"}
    assert client.post(path, form).status_code == 303

    stale = client.post(path, form | {"content": "乙写的"})
    assert stale.status_code == 422
    assert "甲写的" in stale.text
    assert "乙写的" in stale.text
    assert client.post(path, form | {"content": "乙写的", "version": "2"}).status_code == 303
    assert the_phrase().content == "乙写的"


def test_others_phrases_are_not_there(desk: Desk) -> None:
    add(desk, desk.client("agent", "police"))
    path = f"{PATH}/{the_phrase().id}"
    stranger = desk.client("agent", "hrss")

    assert "您好，请讲。" not in stranger.get(PATH).text
    assert stranger.get(path).status_code == 404
    form = {"title": "改", "content": "改", "version": "1"}
    assert stranger.post(path, form).status_code == 404
    assert stranger.post(f"{path}/remove").status_code == 404
    assert desk.client("editor", "police").get(PATH).status_code == 403


def test_a_phrase_can_be_given_up(desk: Desk) -> None:
    client = desk.client("agent", "police")
    add(desk, client)
    assert client.post(f"{PATH}/{the_phrase().id}/remove").status_code == 303
    assert "还没有常用语" in client.get(PATH).text
