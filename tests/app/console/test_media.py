"""The library's pages: uploaded and made harmless, used, replaced, removed."""

import io
import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import event, select

from config import clock, settings
from config.database import engine, session, transaction
from keywords.rules import spec, store
from matrix import departments, media
from matrix.media import Kind, MediaFile
from matrix.wechat.gateway import TemporaryMedia
from tests.helpers import NOW
from tests.helpers import media_files as files
from tests.helpers.console import Client, Console

PATH = "/console/media/"


def upload(
    client: Client, body: bytes, called: str = "photo.jpg", owner: int | None = None, **form: Any
) -> Any:
    given = {"file": (io.BytesIO(body), called), "owner": str(owner or ""), "cover": "", **form}
    return client.post(f"{PATH}new", given)


def stored_files() -> list[MediaFile]:
    with transaction():
        return list(session.scalars(select(MediaFile).order_by(MediaFile.id)))


def body_of(file: MediaFile) -> bytes:
    with transaction():
        return media.get_content(file.id)[1].content


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
        (rule_spec,) = spec.parse_rules({"rules": [shape]})
        store.upsert(rule_spec, department_id=departments.get_by_slug(department).id, now=NOW)


def test_a_photograph_is_kept_without_what_it_tells_about_its_maker(console: Console) -> None:
    client, police = console.client("editor", "police"), console.department_id("police")

    answer = upload(client, files.photo(), "大厅照片.jpg", police)

    (file,) = stored_files()
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
        (files.decompression_bomb(), "a.png", "像素太多"),
        (files.photo()[:-200], "a.jpg", "损坏"),
        (b"", "a.jpg", "空的"),
        (b"ID3" + b"<script>" * 9, "a.mp3", "损坏"),
        (files.mp4(b"qt  "), "a.mp4", "MOV"),
    ],
    ids=["svg", "html", "bomb", "truncated", "empty", "sound", "film"],
)
def test_a_hostile_file_is_refused_in_words_and_nothing_is_kept(
    console: Console, body: bytes, name: str, problem: str
) -> None:
    client = console.client("matrix_admin")

    answer = upload(client, body, name, name="大厅")

    assert answer.status_code == 422
    assert problem in answer.text
    assert 'value="大厅"' in answer.text, "what was typed is still there"
    assert stored_files() == []


@pytest.mark.parametrize(
    ("command", "problem"), [("false", "没有通过安全扫描"), ("/nonexistent", "暂时不可用")]
)
def test_what_the_scanner_does_not_let_pass_is_not_kept(
    console: Console, monkeypatch: pytest.MonkeyPatch, command: str, problem: str
) -> None:
    monkeypatch.setenv("UPLOAD_SCANNER", command)
    settings.reset()

    answer = upload(console.client("matrix_admin"), files.picture())

    assert answer.status_code == 422
    assert problem in answer.text
    assert stored_files() == []


def test_a_body_beyond_all_bounds_is_cut_off(console: Console) -> None:
    client = console.client("matrix_admin")
    answer = client.flask.post(
        f"{PATH}new", data=bytes(17 * 2**20), content_type="multipart/form-data; boundary=b"
    )
    assert answer.status_code == 413
    assert stored_files() == []


def test_audio_video_and_covers_get_their_kind(console: Console) -> None:
    client = console.client("matrix_admin")
    for body, name, cover in (
        (files.mp3(), "讲解.mp3", ""),
        (files.amr(), "录音.amr", ""),
        (files.mp4(), "宣传.mp4", ""),
        (files.picture(), "封面.png", "thumb"),
    ):
        assert upload(client, body, name, cover=cover).status_code == 303

    found = stored_files()
    assert [file.kind for file in found] == [Kind.VOICE, Kind.VOICE, Kind.VIDEO, Kind.THUMB]
    for file in found:
        assert client.get(f"{PATH}{file.id}").status_code == 200
    assert "讲解" not in client.get(f"{PATH}?kind=video").text
    assert "宣传" in client.get(f"{PATH}?q=宣").text
    assert "没有找到" in client.get(f"{PATH}?q=没有的").text
    assert client.get(f"{PATH}?kind=x&before=y").status_code == 200


def test_the_file_is_served_so_that_nothing_in_it_runs(console: Console) -> None:
    client = console.client("matrix_admin")
    upload(client, files.picture(), "大厅.png")
    (file,) = stored_files()

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


def test_a_name_that_is_taken_is_said_at_its_field(console: Console) -> None:
    client = console.client("matrix_admin")
    upload(client, files.picture(), "大厅.png")

    answer = upload(client, files.picture(), "大厅.png")

    assert answer.status_code == 422
    assert "已有同名素材" in answer.text
    assert len(stored_files()) == 1


def test_rules_that_send_a_file_are_listed_and_keep_it_from_removal(console: Console) -> None:
    client = console.client("editor", "police")
    upload(client, files.picture(), "大厅.png", console.department_id("police"))
    (file,) = stored_files()
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
            row = store.find_by_slug(code)
            assert row is not None
            store.delete(row.id, version=1)
    assert client.post(f"{PATH}{file.id}/remove", {"version": "1"}).status_code == 303
    assert stored_files() == []


def test_a_replaced_file_keeps_its_name_and_tells_where_it_still_is_the_old_one(
    console: Console,
) -> None:
    client = console.client("editor", "police")
    upload(client, files.picture(), "大厅.png", console.department_id("police"))
    (file,) = stored_files()
    police = console.account_id("police")
    with transaction():
        sent = TemporaryMedia("id", clock.now())
        media.record_upload(police, file.id, sent, digest=file.digest)
    page = f"{PATH}{file.id}"

    wrong = client.post(f"{page}/replace", {"file": (io.BytesIO(b"<html>"), "a.png")})
    assert wrong.status_code == 422
    sound = {"file": (io.BytesIO(files.amr()), "a.amr"), "version": "1"}
    assert client.post(f"{page}/replace", sound).status_code == 422
    other = {"file": (io.BytesIO(files.picture(size=(9, 9))), "b.png"), "version": "1"}
    assert client.post(f"{page}/replace", other).status_code == 303

    (after,) = stored_files()
    assert (after.name, after.version) == ("大厅", 2)
    assert after.digest != file.digest
    assert "正在换成新的" in client.get(page).text
    stale = {"file": (io.BytesIO(files.picture()), "c.png"), "version": "1"}
    assert "刚被其他人修改过" in client.post(f"{page}/replace", stale).text


def test_another_departments_file_is_not_there_and_the_citys_is_read_only(console: Console) -> None:
    admin, editor = console.client("matrix_admin"), console.client("editor", "police")
    upload(admin, files.picture(), "人社.png", console.department_id("hrss"))
    upload(admin, files.picture(), "城市.png")
    foreign, city = stored_files()

    for path in ("", "/content", "/small"):
        assert editor.get(f"{PATH}{foreign.id}{path}").status_code == 404, path
        assert editor.get(f"{PATH}{city.id}{path}").status_code == 200, path
    for file in (foreign, city):
        new = {"file": (io.BytesIO(files.picture(size=(9, 9))), "b.png"), "version": "1"}
        assert editor.post(f"{PATH}{file.id}/replace", new).status_code == 404
        assert editor.post(f"{PATH}{file.id}/remove", {"version": "1"}).status_code == 404
    assert "删除" not in editor.get(f"{PATH}{city.id}").text
    assert upload(editor, files.picture(), "新.png").status_code == 422, "the city is no choice"
    assert (
        upload(editor, files.picture(), "新.png", console.department_id("hrss")).status_code == 422
    )
    text = editor.get(PATH).text
    assert "城市" in text
    assert "人社" not in text


def test_who_only_reads_rules_sees_files_and_sends_none(console: Console) -> None:
    upload(console.client("matrix_admin"), files.picture(), "城市.png")
    auditor = console.client("auditor", "police")

    assert auditor.get(PATH).status_code == 200
    assert auditor.get(f"{PATH}new").status_code == 403
    assert auditor.post(f"{PATH}{stored_files()[0].id}/remove").status_code == 403
    assert console.client("clerk", "police").get(PATH).status_code == 403


def test_the_grid_asks_as_often_for_many_files_as_for_few(console: Console) -> None:
    admin, asked = console.client("matrix_admin"), []

    def count(*args: Any) -> None:
        asked.append(args[2])

    def queries() -> int:
        asked.clear()
        assert admin.get(PATH).status_code == 200
        return len(asked)

    upload(admin, files.picture(), "一.png")
    rule("police", "police.map", "一")
    event.listen(engine(), "before_cursor_execute", count)
    few = queries()
    for number, name in enumerate("二三四五"):
        upload(admin, files.picture(), f"{name}.png", console.department_id("police"))
        rule("police", f"police.{number}", name)
    assert queries() == few
    event.remove(engine(), "before_cursor_execute", count)


def decoded(picture: Locator) -> int:
    """How many pixels wide a picture is, once it has come."""
    width: int = picture.evaluate("async picture => (await picture.decode(), picture.naturalWidth)")
    return width


def test_an_editor_uploads_a_photograph_and_sees_it(
    console: Console, site: str, page: Page
) -> None:
    console.sign_in(page, site, "editor", "police")
    page.goto(f"{site}{PATH}")
    page.get_by_role("link", name="上传").first.click()
    page.get_by_label("文件").set_input_files(
        {"name": "大厅.jpg", "mimeType": "image/jpeg", "buffer": files.photo()}
    )
    page.get_by_label("名称").fill("政务大厅")
    page.get_by_role("button", name="上传").click()

    whole = page.get_by_alt_text("政务大厅")
    expect(whole).to_be_visible()
    assert decoded(whole) == 20
    expect(page.get_by_text("已保存")).to_be_visible()
    page.goto(f"{site}{PATH}")
    assert decoded(page.locator(".media-picture img")) > 0
    with page.expect_download() as download:
        page.get_by_role("link", name="政务大厅").last.click()
        page.get_by_role("link", name="下载").click()
    assert re.fullmatch("政务大厅.jpg", download.value.suggested_filename)
