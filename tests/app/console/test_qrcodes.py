"""The pages of QR codes: made, listed, downloaded, printed, counted."""

import re
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import event, select

from app import snapshots
from config import clock
from config.database import engine, session, transaction
from config.database.optimistic_locking import update_unversioned
from keywords.rules import spec, store
from matrix import departments, qrcodes
from matrix.qrcodes import QrCodeScans
from tests.app.console._simulated_wechat import SimulatedWeChat, run_waiting
from tests.helpers import NOW
from tests.helpers.console import Client, Console

PATH = "/console/codes/"


def create_qrcode(console: Console, client: Client, code: str = "police", **changes: Any) -> Any:
    account = console.account_id(code)
    form = {"account": str(account), "names": "一号窗口", "sort": "permanent", "scene": "w1"}
    return client.post(f"{PATH}new", form | changes)


def made() -> list[qrcodes.SceneQrCode]:
    with transaction():
        return list(session.scalars(select(qrcodes.SceneQrCode).order_by(qrcodes.SceneQrCode.id)))


def test_a_qr_code_is_made_shown_and_downloaded(wechat: SimulatedWeChat, console: Console) -> None:
    client = console.client("editor", "police")
    assert "还没有参数二维码" in client.get(PATH).text

    answer = create_qrcode(console, client)

    (code,) = made()
    page = f"{PATH}{code.id}"
    assert answer.location == page
    assert "正在请微信生成" in client.get(page).text
    assert client.get(f"{page}/picture.png").status_code == 404
    run_waiting(qrcodes.QrCodeJob.CREATE)
    shown = client.get(page).text
    assert "data:image/svg+xml" in shown
    assert "正在请微信生成" not in shown
    moved = client.get(f"{page}/state", headers={"HX-Request": "true"})
    assert moved.headers["HX-Redirect"] == page
    for ending, begins in (("png", b"\x89PNG"), ("svg", b"<?xml")):
        file = client.get(f"{page}/picture.{ending}")
        assert file.data.startswith(begins)
        assert file.headers["Content-Disposition"].startswith("attachment")
        assert "sandbox" in file.headers["Content-Security-Policy"]
    assert client.get(f"{page}/picture.exe").status_code == 404


def test_several_qr_codes_are_made_at_once_and_printed_on_one_sheet(
    wechat: SimulatedWeChat, console: Console
) -> None:
    client = console.client("editor", "police")
    create_qrcode(
        console, client, names="一号\n\n 二号 \n三号", scene="", sort="temporary", days="7"
    )
    waiting = made()[0]
    run_waiting(qrcodes.QrCodeJob.CREATE)
    create_qrcode(console, client, names="还没好", scene="")

    assert [(code.name, code.days) for code in made()[:3]] == [
        ("一号", 7),
        ("二号", 7),
        ("三号", 7),
    ]
    ids = [code.id for code in made()]
    sheet = client.get(f"{PATH}sheet", query_string={"id": ids}).text
    assert re.findall(r"<strong>(..)</strong>", sheet) == ["一号", "二号", "三号"]
    assert "1 个还没有生成好" in sheet
    assert waiting.scene != made()[1].scene
    assert "没有选中二维码" in client.get(f"{PATH}sheet").text


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"names": ""}, "请填写"),
        ({"names": "名" * 61}, "最长 60"),
        ({"names": "一\n二"}, "请留空"),
        ({"names": "\n".join(map(str, range(51))), "scene": ""}, "最多 50 个"),
        ({"scene": "有 空格"}, "字母、数字"),
        ({"sort": "temporary", "days": "31"}, "1 到 30 天"),
        ({"sort": "temporary", "days": "x"}, ""),
        ({"sort": "for ever"}, ""),
        ({"account": "x"}, ""),
    ],
)
def test_a_wrong_form_says_so_and_makes_nothing(
    console: Console, changes: dict[str, str], problem: str
) -> None:
    answer = create_qrcode(console, console.client("editor", "police"), **changes)

    assert answer.status_code == 422
    assert problem in answer.text
    assert made() == []


def test_a_second_qr_code_of_the_same_scene_is_refused_whole(console: Console) -> None:
    client = console.client("editor", "police")
    create_qrcode(console, client)

    answer = create_qrcode(console, client, names="另一个")

    assert answer.status_code == 422
    assert "已有二维码使用这个标识" in answer.text
    assert len(made()) == 1


def test_the_page_shows_scans_by_day_and_the_rule_that_answers(console: Console) -> None:
    client = console.client("editor", "police")
    create_qrcode(console, client)
    (code,) = made()
    today = clock.local_day(clock.now())
    with transaction():
        for days, followed, scanned in ((0, 3, 7), (2, 1, 1), (40, 50, 50)):
            day = today - timedelta(days=days)
            session.add(
                QrCodeScans(code_id=code.id, local_day=day, followed=followed, scanned=scanned)
            )
        shape = {
            "id": "police.window",
            "department": "police",
            "name": "一号窗口说明",
            "keywords": [{"text": "w1", "mode": "equal", "kind": "scan"}],
            "replies": [{"type": "text", "content": "请到一号窗口。"}],
        }
        (rule_spec,) = spec.parse_rules({"rules": [shape]})
        store.upsert(rule_spec, department_id=departments.get_by_slug("police").id, now=NOW)
    snapshots.refresh()

    text = client.get(f"{PATH}{code.id}").text

    assert "新关注 <strong>4</strong>" in text
    assert "已关注扫码 <strong>8</strong>" in text
    assert "规则“一号窗口说明”" in text
    heights = [
        float(found) for found in re.findall(r'height="([\d.]+)" class="qrcode-scanned"', text)
    ]
    assert (len(heights), max(heights)) == (30, 70.0)
    listed = client.get(PATH).text
    assert "</span>54" in listed, "the list counts from the beginning"


def test_a_qr_code_is_renamed_retired_and_restored(console: Console) -> None:
    client = console.client("editor", "police")
    create_qrcode(console, client)
    page = f"{PATH}{made()[0].id}"

    refused = client.post(f"{page}/rename", {"name": " ", "version": "1"})
    assert refused.status_code == 422
    assert client.post(f"{page}/rename", {"name": "二号窗口", "version": "1"}).status_code == 303
    stale = client.post(f"{page}/rename", {"name": "三号窗口", "version": "1"})
    assert stale.status_code == 422
    assert client.staff is not None
    for said in (client.staff.name, "二号窗口", "三号窗口", "修改过这里"):
        assert said in stale.text
    assert client.post(f"{page}/retire", {"version": "1"}).status_code == 409
    client.post(f"{page}/retire", {"version": "2"})
    assert "二号窗口" not in client.get(PATH).text
    assert "二号窗口" in client.get(f"{PATH}?retired=1").text
    client.post(f"{page}/bring-back", {"version": "3"})
    assert "二号窗口" in client.get(f"{PATH}?q=二号").text
    assert "没有找到" in client.get(f"{PATH}?q=九号").text


@pytest.mark.parametrize(
    "path",
    [
        "?account=x&before=y&q=%25%27%22_",
        "?q=%00",
        "?account=99999999999999999999",
        "99999999999999999999",
        "sheet?id=99999999999999999999&id=x",
    ],
)
def test_no_filter_and_no_number_breaks_a_page(console: Console, path: str) -> None:
    assert console.client("matrix_admin").get(f"{PATH}{path}").status_code in (200, 400, 404)


def test_an_expired_qr_code_says_so_and_is_created_again(
    wechat: SimulatedWeChat, console: Console
) -> None:
    client = console.client("editor", "police")
    create_qrcode(console, client, sort="temporary", days="1")
    run_waiting(qrcodes.QrCodeJob.CREATE)
    code_id = made()[0].id
    with transaction():
        update_unversioned(qrcodes.get(code_id), expires_at=clock.now() - timedelta(hours=1))
    page, first = f"{PATH}{code_id}", made()[0].url

    assert "过期" in client.get(page).text
    assert "已过期" in client.get(PATH).text
    client.post(f"{page}/renew", {"version": "1"})
    run_waiting(qrcodes.QrCodeJob.CREATE)

    assert made()[0].url != first
    assert "已过期" not in client.get(PATH).text


def test_another_departments_qr_code_is_not_there(console: Console) -> None:
    create_qrcode(console, console.client("matrix_admin"), "hrss")
    page = f"{PATH}{made()[0].id}"
    editor = console.client("editor", "police")

    for path in ("", "/state", "/picture.png"):
        assert editor.get(f"{page}{path}").status_code == 404, path
    for path in ("/rename", "/renew", "/retire", "/bring-back"):
        assert editor.post(f"{page}{path}", {"name": "x", "version": "1"}).status_code == 404, path
    assert create_qrcode(console, editor, "hrss", scene="").status_code == 404
    assert "没有选中" in editor.get(f"{PATH}sheet?id={made()[0].id}").text
    assert "一号窗口" not in editor.get(PATH).text


def test_who_only_reads_makes_and_changes_nothing(console: Console) -> None:
    create_qrcode(console, console.client("matrix_admin"))
    page, auditor = f"{PATH}{made()[0].id}", console.client("auditor", "police")

    assert auditor.get(page).status_code == 200
    assert "改名" not in auditor.get(page).text
    assert auditor.get(f"{PATH}new").status_code == 403
    assert auditor.post(f"{page}/rename", {"name": "x", "version": "1"}).status_code == 403


def test_list_and_sheet_ask_as_often_for_many_qr_codes_as_for_few(console: Console) -> None:
    admin, asked = console.client("matrix_admin"), []

    def count(*args: Any) -> None:
        asked.append(args[2])

    def queries(path: str) -> int:
        asked.clear()
        assert admin.get(path).status_code == 200
        return len(asked)

    create_qrcode(console, admin)
    first = made()[0].id
    event.listen(engine(), "before_cursor_execute", count)
    few = queries(PATH), queries(f"{PATH}sheet?id={first}")
    create_qrcode(console, admin, names="\n".join("一二三四五六七八九"), scene="")
    create_qrcode(console, admin, "hrss", scene="")
    every = "&id=".join(str(code.id) for code in made())
    assert (queries(PATH), queries(f"{PATH}sheet?id={every}")) == few
    event.remove(engine(), "before_cursor_execute", count)


def test_a_clerk_makes_a_qr_code_and_waits_for_it(
    wechat: SimulatedWeChat, console: Console, site: str, page: Page
) -> None:
    console.sign_in(page, site, "editor", "police")
    page.goto(f"{site}{PATH}")
    page.get_by_role("link", name="新建二维码").first.click()
    page.get_by_label("用在哪里").fill("一号窗口")
    page.get_by_role("button", name="生成").click()

    expect(page.get_by_text("正在请微信生成")).to_be_visible()
    run_waiting(qrcodes.QrCodeJob.CREATE)
    expect(page.get_by_alt_text("一号窗口的二维码")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="下载 PNG").click()
    assert download.value.suggested_filename == "一号窗口.png"
