"""Files: what may be stored, for how long, and for whom."""

from io import BytesIO
from typing import Any

import pytest

from simulator.accounts.accounts import Account
from tests.simulator.conftest import POLICE, WATER, SimulatorClient

PNG = b"\x89PNG\r\n\x1a\n picture"


def upload(
    wechat: SimulatorClient, path: str, kind: str, name: str, data: bytes = PNG, **form: str
) -> dict[str, Any]:
    query = {"access_token": wechat.token(), "type": kind}
    files = {"media": (BytesIO(data), name), **form}
    return dict(wechat.client.post(f"/cgi-bin/{path}", query_string=query, data=files).json)


def fetch(wechat: SimulatorClient, media_id: str, who: Account = POLICE) -> Any:
    query = {"access_token": wechat.token(who), "media_id": media_id}
    return wechat.client.get("/cgi-bin/media/get", query_string=query)


def test_a_temporary_file_comes_back_for_three_days_and_for_its_account_only(
    wechat: SimulatorClient,
) -> None:
    stored = upload(wechat, "media/upload", "image", "a.png")
    answer = fetch(wechat, stored["media_id"])
    assert answer.data == PNG
    assert answer.mimetype == "image/png"
    assert fetch(wechat, stored["media_id"], WATER).json["errcode"] == 40007
    wechat.shift(3 * 86_400 + 1)
    assert fetch(wechat, stored["media_id"]).json["errcode"] == 40007


def test_a_video_answers_where_to_load_it(wechat: SimulatorClient) -> None:
    stored = upload(wechat, "media/upload", "video", "a.mp4", b"film")
    url = fetch(wechat, stored["media_id"]).json["video_url"]
    path = "/" + url.split("/", 3)[3]
    assert wechat.client.get(path).data == b"film"


@pytest.mark.parametrize(
    ("kind", "name", "data", "errcode"),
    [
        ("poem", "a.png", PNG, 40004),
        ("image", "a.exe", PNG, 40005),
        ("image", "a.png", b"", 44001),
        ("thumb", "a.jpg", b"x" * 65_537, 45001),
    ],
)
def test_a_file_that_does_not_fit_is_refused(
    wechat: SimulatorClient, kind: str, name: str, data: bytes, errcode: int
) -> None:
    assert upload(wechat, "media/upload", kind, name, data)["errcode"] == errcode


def test_a_call_without_a_file_is_refused(wechat: SimulatorClient) -> None:
    answer = wechat.api("media/upload", {}, type="image")
    assert answer["errcode"] == 41005


def test_a_permanent_file_stays_until_it_is_deleted(wechat: SimulatorClient) -> None:
    stored = upload(wechat, "material/add_material", "image", "cover.png")
    assert stored["url"].startswith("http://")
    wechat.shift(30 * 86_400)
    wechat = SimulatorClient(wechat.client, wechat.platform)
    assert wechat.api("material/get_materialcount")["image_count"] == 1
    listed = wechat.api("material/batchget_material", {"type": "image", "offset": 0, "count": 5})
    assert [one["media_id"] for one in listed["item"]] == [stored["media_id"]]
    body = {"media_id": stored["media_id"]}
    query = {"access_token": wechat.token()}
    raw = wechat.client.post("/cgi-bin/material/get_material", query_string=query, json=body)
    assert raw.data == PNG
    assert wechat.api("material/get_material", body, who=WATER)["errcode"] == 40007
    assert wechat.api("material/del_material", body)["errcode"] == 0
    assert wechat.api("material/del_material", body)["errcode"] == 40007


def test_a_permanent_video_keeps_its_words(wechat: SimulatorClient) -> None:
    words = '{"title": "短片", "introduction": "介绍"}'
    stored = upload(wechat, "material/add_material", "video", "a.mp4", b"film", description=words)
    answer = wechat.api("material/get_material", {"media_id": stored["media_id"]})
    assert (answer["title"], answer["description"]) == ("短片", "介绍")
    assert upload(wechat, "material/add_material", "video", "a.mp4", b"f")["errcode"] == 47001


def test_an_article_picture_has_a_link_and_is_not_in_the_library(wechat: SimulatorClient) -> None:
    link = upload(wechat, "media/uploadimg", "", "a.png")["url"]
    assert wechat.client.get("/" + link.split("/", 3)[3]).data == PNG
    assert wechat.api("material/get_materialcount")["image_count"] == 0
