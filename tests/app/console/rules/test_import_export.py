"""Files in and out: a preview, a confirmation, progress to the end; or nothing at all."""

import re
from io import BytesIO
from pathlib import Path

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Page, expect
from sqlalchemy import func, select

from config import clock, jobs
from config.database import read_only, session
from config.jobs import Job
from keywords.rules.store import RuleRow
from tests.helpers.console import Client, Console
from tests.helpers.workbooks import rule, sheet

PATH = "/console/studio/imports"


def upload(client: Client, body: bytes, name: str = "规则.xlsx") -> str:
    """Upload, and have the job done. Gives the page's path."""
    answer = client.post(PATH, {"file": (BytesIO(body), name)})
    assert answer.status_code == 303, answer.text
    run_jobs()
    return answer.location


def run_jobs() -> None:
    """What a worker would do now."""
    with read_only():
        due = session.scalars(
            select(Job.id).where(Job.state == jobs.JobState.WAITING, Job.name.like("imports.%"))
        ).all()
    for key in due:
        assert jobs.run(key, now=clock.now()) is jobs.JobState.DONE


def rules() -> int:
    with read_only():
        return session.scalar(select(func.count()).select_from(RuleRow)) or 0


def test_a_file_is_shown_before_anything_changes(console: Console) -> None:
    client = console.client("editor", "police")
    path = upload(client, sheet(rule(1), rule(2)))

    page = client.get(path).text
    assert "<strong>新建 2</strong>" in page
    assert "import.00001" in page
    assert rules() == 4
    assert client.post(f"{path}/confirm", {"then": "draft"}).status_code == 303
    assert "正在导入" in client.get(path).text
    assert client.post(f"{path}/confirm", {"then": "draft"}).status_code == 422
    run_jobs()
    assert "已导入" in client.get(path).text
    assert rules() == 6
    again = client.get(upload(client, sheet(rule(1), rule(2)))).text
    assert "完全一样" in again
    assert "confirm" not in again


def test_errors_are_listed_and_nothing_is_imported(console: Console) -> None:
    client = console.client("editor", "police")
    page = client.get(upload(client, sheet(rule(1), rule(2, 名称="")))).text

    assert "1 处要改" in page
    assert re.search(r"<td>3</td><td>名称</td>", page)
    assert rules() == 4


@pytest.mark.parametrize(
    ("name", "body", "word"),
    [
        ("a.xlsm", b"PK\x03\x04", "宏"),
        ("a.exe", b"MZ", "请上传 .xlsx"),
        ("a.xlsx", b"", "空"),
    ],
)
def test_a_wrong_upload_is_said_at_its_field(
    console: Console, name: str, body: bytes, word: str
) -> None:
    answer = console.client("editor", "police").post(PATH, {"file": (BytesIO(body), name)})
    assert answer.status_code == 422
    assert word in answer.text
    assert console.client("editor", "police").post(PATH, {}).status_code == 422


def test_an_import_is_given_up(console: Console) -> None:
    client = console.client("editor", "police")
    path = upload(client, sheet(rule(1)))
    assert client.post(f"{path}/discard").status_code == 303
    assert "已放弃" in client.get(path).text
    assert client.post(f"{path}/discard").status_code == 409


def test_an_import_is_its_owner_s_alone(console: Console) -> None:
    path = upload(console.client("editor", "police"), sheet(rule(1)))
    other = console.client("editor", "police")
    assert other.get(path).status_code == 404
    for deed in ("confirm", "discard"):
        assert other.post(f"{path}/{deed}", {"then": "draft"}).status_code == 404
    reader = console.client("reviewer_office", "police")
    assert reader.get(PATH).status_code == 403
    assert reader.post(PATH, {"file": (BytesIO(b"x"), "a.xlsx")}).status_code == 403


def test_what_a_member_may_read_is_exported(console: Console) -> None:
    client = console.client("reviewer_office", "police")
    answer = client.get("/console/studio/export?owner=&format=xlsx")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    rows = list(load_workbook(BytesIO(answer.data))["规则"].iter_rows(values_only=True))
    assert [row[0] for row in rows] == ["编号", "police.id_card", "police.long"]
    assert rows[1][2] == "公安局（police）"

    text = client.get("/console/studio/export?owner=&format=yaml").text
    assert "id: police.id_card" in text
    hrss = f"d{console.department_id('hrss')}"
    for query in (f"owner={hrss}&format=xlsx", "owner=a1x", "format=csv", "owner=%7f"):
        assert client.get(f"/console/studio/export?{query}").status_code == 422
    boss = console.client()
    part = boss.get(f"/console/studio/export?owner={hrss}&format=yaml").text
    assert "hrss.card" in part
    assert "police." not in part
    single = boss.get(f"/console/studio/export?owner=a{console.account_id('hrss')}&format=yaml")
    assert "hrss.card" not in single.text


def test_the_example_can_be_filled_in(console: Console) -> None:
    client = console.client("editor", "police")
    answer = client.get(f"{PATH}/example.xlsx")
    assert answer.status_code == 200
    page = client.get(upload(client, answer.data)).text
    assert "没有编号为“unit”的单位" in page


def test_a_thousand_rules_are_imported_with_progress_to_the_end(
    console: Console, site: str, page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "一千条规则.xlsx"
    file.write_bytes(sheet(*(rule(number) for number in range(1, 1001))))
    console.sign_in(page, site, "editor", "police")
    page.goto(f"{site}{PATH}")
    page.get_by_label("文件").set_input_files(file)
    page.get_by_role("button", name="上传并检查").click()
    expect(page.get_by_text("正在检查")).to_be_visible()

    run_jobs()
    expect(page.get_by_text("没有错误")).to_contain_text("新建 1000 条")
    page.get_by_role("button", name="确认导入 1000 条").click()
    expect(page.get_by_text("正在导入 1,000 条")).to_be_visible()
    run_jobs()
    expect(page.get_by_text("新建 1000 条")).to_be_visible()
    assert rules() == 1004


def test_a_file_with_errors_changes_nothing_in_a_browser(
    console: Console, site: str, phone: Page, tmp_path: Path
) -> None:
    file = tmp_path / "有错误.xlsx"
    file.write_bytes(sheet(rule(1), rule(2, 回复1=""), rule(3, department="hrss")))
    console.sign_in(phone, site, "editor", "police")
    phone.goto(f"{site}{PATH}")
    phone.get_by_label("文件").set_input_files(file)
    phone.get_by_role("button", name="上传并检查").click()
    run_jobs()

    table = phone.get_by_role("table", name="文件里的错误")
    expect(table).to_contain_text("至少要有一条回复")
    expect(table).to_contain_text("不在您可以修改的范围内")
    assert rules() == 4
    with phone.expect_download() as caught:
        phone.goto(f"{site}{PATH}")
        phone.get_by_role("button", name="导出").click()
    assert caught.value.suggested_filename.endswith(".xlsx")
