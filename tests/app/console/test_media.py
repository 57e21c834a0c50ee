"""The library's pages: uploaded and made harmless, used, replaced, removed."""

import io
import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import event, select

from config import clock, settings
from config.database import engine, session, transaction
from keywords import drafts, stored
from matrix import departments, media
from matrix.media import File, Kind
from matrix.wechat.gateway import TemporaryMedia
from tests.fixtures import NOW
from tests.fixtures.console import Client, Desk
from tests.matrix import media_files as files

PATH = "/console/media/"


def send(
    client: Client, body: bytes, called: str = "photo.jpg", owner: int | None = None, **form: Any
) -> Any:
    given = {"file": (io.BytesIO(body), called), "owner": str(owner or ""), "cover": "", **form}
    return client.post(f"{PATH}new", given)


def kept() -> list[File]:
    with transaction():
        return list(session.scalars(select(File).order_by(File.id)))


def body_of(file: File) -> bytes:
    with transaction():
        return media.content_of(file.id)[1].content


def rule(department: str, code: str, name: str) -> None:
    """A rule of a department that sends a picture."""
    shape = {
        "id": code,
        "department": department,
        "name": f"{code} 的规则",
        "keywords": [code],
        "replies": [{"type": "image", "media": name}],
    }
    with transaction():
        (draft,) = drafts.parse({"rules": [shape]})
        stored.put(draft, department_id=departments.by_code(department).id, now=NOW)


def test_a_photograph_is_kept_without_what_it_tells_about_its_maker(desk: Desk) -> None:
    client, police = desk.client("editor", "police"), desk.department_id("police")

    answer = send(client, files.photo(), "大厅照片.jpg", police)

    (file,) = kept()
    assert answer.location == f"{PATH}{file.id}"
    assert (file.name, file.kind, file.department_id) == ("大厅照片", Kind.IMAGE, police)
    assert files.SECRET not in body_of(file)
    assert "大厅照片" in client.get(PATH).text
    assert client.get(f"{PATH}{file.id}").status_code == 200


@pytest.mark.parametrize(
    ("body", "name", "problem"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "a.svg", "JPG"),
        (b"<!doctype html><script>alert(1)</script>", "a.png", "JPG"),
        (files.bomb(), "a.png", "像素太多"),
        (files.photo()[:-200], "a.jpg", "损坏"),
        (b"", "a.jpg", "空的"),
        (b"ID3" + b"<script>" * 9, "a.mp3", "损坏"),
        (files.mp4(b"qt  "), "a.mp4", "MOV"),
    ],
    ids=["svg", "html", "bomb", "truncated", "empty", "sound", "film"],
)
def test_a_hostile_file_is_refused_in_words_and_nothing_is_kept(
    desk: Desk, body: bytes, name: str, problem: str
) -> None:
    client = desk.client("matrix_admin")

    answer = send(client, body, name, name="大厅")

    assert answer.status_code == 422
    assert problem in answer.text
    assert 'value="大厅"' in answer.text, "what was typed is still there"
    assert kept() == []


@pytest.mark.parametrize(
    ("command", "problem"), [("false", "没有通过安全扫描"), ("/nonexistent", "暂时不可用")]
)
def test_what_the_scanner_does_not_let_pass_is_not_kept(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, command: str, problem: str
) -> None:
    monkeypatch.setenv("UPLOAD_SCANNER", command)
    settings.forget()

    answer = send(desk.client("matrix_admin"), files.picture())

    assert answer.status_code == 422
    assert problem in answer.text
    assert kept() == []


def test_a_body_beyond_all_bounds_is_cut_off(desk: Desk) -> None:
    client = desk.client("matrix_admin")
    answer = client.flask.post(
        f"{PATH}new", data=bytes(17 * 2**20), content_type="multipart/form-data; boundary=b"
    )
    assert answer.status_code == 413
    assert kept() == []


def test_sounds_films_and_covers_find_their_kind(desk: Desk) -> None:
    client = desk.client("matrix_admin")
    for body, name, cover in (
        (files.mp3(), "讲解.mp3", ""),
        (files.amr(), "录音.amr", ""),
        (files.mp4(), "宣传.mp4", ""),
        (files.picture(), "封面.png", "thumb"),
    ):
        assert send(client, body, name, cover=cover).status_code == 303

    found = kept()
    assert [file.kind for file in found] == [Kind.VOICE, Kind.VOICE, Kind.VIDEO, Kind.THUMB]
    for file in found:
        assert client.get(f"{PATH}{file.id}").status_code == 200
    assert "讲解" not in client.get(f"{PATH}?kind=video").text
    assert "宣传" in client.get(f"{PATH}?q=宣").text
    assert "没有找到" in client.get(f"{PATH}?q=没有的").text
    assert client.get(f"{PATH}?kind=x&before=y").status_code == 200


def test_the_file_is_served_so_that_nothing_in_it_runs(desk: Desk) -> None:
    client = desk.client("matrix_admin")
    send(client, files.picture(), "大厅.png")
    (file,) = kept()

    for path in ("content", "small"):
        answer = client.get(f"{PATH}{file.id}/{path}")
        assert answer.status_code == 200
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "sandbox" in policy
        assert "script-src" not in policy
    assert client.get(f"{PATH}{file.id}/content").data == body_of(file)


def test_a_name_that_is_taken_is_said_at_its_field(desk: Desk) -> None:
    client = desk.client("matrix_admin")
    send(client, files.picture(), "大厅.png")

    answer = send(client, files.picture(), "大厅.png")

    assert answer.status_code == 422
    assert "已有同名素材" in answer.text
    assert len(kept()) == 1


def test_rules_that_send_a_file_are_listed_and_keep_it_from_removal(desk: Desk) -> None:
    client = desk.client("editor", "police")
    send(client, files.picture(), "大厅.png", desk.department_id("police"))
    (file,) = kept()
    rule("police", "police.map", "大厅")
    rule("hrss", "hrss.map", "大厅")

    text = client.get(f"{PATH}{file.id}").text

    assert "police.map 的规则" in text
    assert "hrss.map" not in text
    assert "另有 1 条其他单位的规则" in text
    assert "2 条规则在用" in client.get(PATH).text
    refused = client.post(f"{PATH}{file.id}/remove", {"version": "1"})
    assert refused.status_code == 409
    assert "2 条规则" in refused.text
    with transaction():
        for code in ("police.map", "hrss.map"):
            row = stored.by_code(code)
            assert row is not None
            stored.delete(row.id, version=1)
    assert client.post(f"{PATH}{file.id}/remove", {"version": "1"}).status_code == 303
    assert kept() == []


def test_a_replaced_file_keeps_its_name_and_tells_where_it_still_is_the_old_one(
    desk: Desk,
) -> None:
    client = desk.client("editor", "police")
    send(client, files.picture(), "大厅.png", desk.department_id("police"))
    (file,) = kept()
    police = desk.account_id("police")
    with transaction():
        sent = TemporaryMedia("id", clock.now())
        media.uploaded(police, file.id, sent, digest=file.digest)
    page = f"{PATH}{file.id}"

    wrong = client.post(f"{page}/replace", {"file": (io.BytesIO(b"<html>"), "a.png")})
    assert wrong.status_code == 422
    sound = {"file": (io.BytesIO(files.amr()), "a.amr"), "version": "1"}
    assert client.post(f"{page}/replace", sound).status_code == 422
    other = {"file": (io.BytesIO(files.picture(size=(9, 9))), "b.png"), "version": "1"}
    assert client.post(f"{page}/replace", other).status_code == 303

    (after,) = kept()
    assert (after.name, after.version) == ("大厅", 2)
    assert after.digest != file.digest
    assert "正在换成新的" in client.get(page).text
    stale = {"file": (io.BytesIO(files.picture()), "c.png"), "version": "1"}
    assert "刚被其他人修改过" in client.post(f"{page}/replace", stale).text


def test_another_departments_file_is_not_there_and_the_citys_is_read_only(desk: Desk) -> None:
    admin, editor = desk.client("matrix_admin"), desk.client("editor", "police")
    send(admin, files.picture(), "人社.png", desk.department_id("hrss"))
    send(admin, files.picture(), "城市.png")
    foreign, city = kept()

    for path in ("", "/content", "/small"):
        assert editor.get(f"{PATH}{foreign.id}{path}").status_code == 404, path
        assert editor.get(f"{PATH}{city.id}{path}").status_code == 200, path
    for file in (foreign, city):
        new = {"file": (io.BytesIO(files.picture(size=(9, 9))), "b.png"), "version": "1"}
        assert editor.post(f"{PATH}{file.id}/replace", new).status_code == 404
        assert editor.post(f"{PATH}{file.id}/remove", {"version": "1"}).status_code == 404
    assert "删除" not in editor.get(f"{PATH}{city.id}").text
    assert send(editor, files.picture(), "新.png").status_code == 422, "the city is no choice"
    assert send(editor, files.picture(), "新.png", desk.department_id("hrss")).status_code == 422
    text = editor.get(PATH).text
    assert "城市" in text
    assert "人社" not in text


def test_who_only_reads_rules_sees_files_and_sends_none(desk: Desk) -> None:
    send(desk.client("matrix_admin"), files.picture(), "城市.png")
    auditor = desk.client("auditor", "police")

    assert auditor.get(PATH).status_code == 200
    assert auditor.get(f"{PATH}new").status_code == 403
    assert auditor.post(f"{PATH}{kept()[0].id}/remove").status_code == 403
    assert desk.client("clerk", "police").get(PATH).status_code == 403


def test_the_grid_asks_as_often_for_many_files_as_for_few(desk: Desk) -> None:
    admin, asked = desk.client("matrix_admin"), []

    def count(*args: Any) -> None:
        asked.append(args[2])

    def queries() -> int:
        asked.clear()
        assert admin.get(PATH).status_code == 200
        return len(asked)

    send(admin, files.picture(), "一.png")
    rule("police", "police.map", "一")
    event.listen(engine(), "before_cursor_execute", count)
    few = queries()
    for number, name in enumerate("二三四五"):
        send(admin, files.picture(), f"{name}.png", desk.department_id("police"))
        rule("police", f"police.{number}", name)
    assert queries() == few
    event.remove(engine(), "before_cursor_execute", count)


def drawn(picture: Locator) -> int:
    """How many pixels wide a picture is, once it has come."""
    width: int = picture.evaluate("async picture => (await picture.decode(), picture.naturalWidth)")
    return width


def test_an_editor_uploads_a_photograph_and_sees_it(desk: Desk, site: str, page: Page) -> None:
    desk.enter(page, site, "editor", "police")
    page.goto(f"{site}{PATH}")
    page.get_by_role("link", name="上传").first.click()
    page.get_by_label("文件").set_input_files(
        {"name": "大厅.jpg", "mimeType": "image/jpeg", "buffer": files.photo()}
    )
    page.get_by_label("名称").fill("政务大厅")
    page.get_by_role("button", name="上传").click()

    whole = page.get_by_alt_text("政务大厅")
    expect(whole).to_be_visible()
    assert drawn(whole) == 20
    expect(page.get_by_text("已保存")).to_be_visible()
    page.goto(f"{site}{PATH}")
    assert drawn(page.locator(".media-picture img")) > 0
    with page.expect_download() as download:
        page.get_by_role("link", name="政务大厅").last.click()
        page.get_by_role("link", name="下载").click()
    assert re.fullmatch("政务大厅.jpg", download.value.suggested_filename)
