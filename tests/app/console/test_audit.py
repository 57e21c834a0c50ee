"""The audit pages: found, read in words, taken out with the second factor again."""

import csv
from datetime import timedelta
from io import StringIO

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.jobs import audit_seals
from app.jobs.audit_seals import AuditAlert
from config import alerts, audit, clock
from config.audit import Actor, AuditEntry
from config.database import read_only, session, transaction
from keywords.rules.versions import RuleAction
from matrix.departments import DepartmentAction
from tests.helpers.console import Console


@pytest.fixture
def entries(console: Console) -> dict[str, int]:
    """A change in the police, one in hrss, one of the city; ids by name."""
    owners = {"police": console.department_id("police"), "hrss": console.department_id("hrss")}
    made = {}
    editor = Actor("李编辑", staff_id=777, address="192.0.2.7", request_id="req0001")
    with transaction(), audit.acting_as(editor):
        for name in ("police", "hrss", "city"):
            row = audit.record(
                DepartmentAction.UPDATE,
                owner=audit.Owner(owners.get(name)),
                object_id=owners.get(name, 0),
                label=f"<b>{name}</b>",
                before={"phone": "旧号", "parent_id": owners["police"]},
                after={"phone": "=新号", "parent_id": None, "details": {"state": "active"}},
            )
            session.flush()
            made[name] = row.id
    return made


def test_a_search_shows_in_chinese_what_changed(console: Console, entries: dict[str, int]) -> None:
    page = console.client().get("/console/audit/?label=b>police&person=李").text
    assert "修改单位信息" in page
    assert "&lt;b&gt;police&lt;/b&gt;" in page
    assert "<b>hrss" not in page
    assert "旧号 → =新号" in page
    assert "上级单位" in page
    assert "department.describe</td>" not in page
    assert "{" not in page.split("<tbody>")[1].split("</tbody>")[0], "never raw JSON"


def test_a_department_reads_its_own_and_nothing_else(
    console: Console, entries: dict[str, int]
) -> None:
    client = console.client("department_admin", "police")
    page = client.get("/console/audit/").text
    assert "police" in page
    assert "hrss" not in page
    assert client.get(f"/console/audit/{entries['police']}").status_code == 200
    for hidden in ("hrss", "city"):
        assert client.get(f"/console/audit/{entries[hidden]}").status_code == 404


def test_who_may_not_read_is_refused(console: Console, entries: dict[str, int]) -> None:
    client = console.client("editor", "police")
    assert client.get("/console/audit/").status_code == 403
    assert client.get(f"/console/audit/{entries['police']}").status_code == 403
    assert client.post("/console/audit/export", {"format": "csv"}).status_code == 403


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("first=2026-03-11&last=2026-03-10", "结束日期不能早于开始日期"),
        ("first=0001-01-01", "日期超出范围"),
        ("last=9999-12-31", "日期超出范围"),
        ("first=gestern", "日期"),
        ("action=no.such", "选择"),
        ("person=" + "长" * 101, "100"),
        ("actor_id=99999999999999999999999", "见下面标红"),
    ],
)
def test_a_wrong_filter_is_told_at_its_field_and_kept(
    console: Console, query: str, problem: str
) -> None:
    answer = console.client().get(f"/console/audit/?{query}")
    assert answer.status_code == 422
    assert problem in answer.text
    if query.startswith("person"):
        assert "长" * 101 in answer.text


def test_pages_follow_each_other_with_their_filter(
    console: Console, entries: dict[str, int]
) -> None:
    with transaction():
        for number in range(60):
            name = f"第{number}条规则"
            audit.record(RuleAction.DELETE, owner=audit.CITY, object_id=number, label=name)
    client = console.client()
    first = client.get("/console/audit/?action=rule.delete")
    older = first.text.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    second = client.get(older).text
    assert "第59条规则" in first.text
    assert "第9条规则" in second
    assert "李编辑" not in second, "the filter stays"


def test_an_export_asks_again_and_leaves_a_row(console: Console, entries: dict[str, int]) -> None:
    asked = {"format": "csv", "label": "b>police", "first": "", "object_id": ""}
    stale = console.client("auditor", None, fresh=False)
    assert "再确认一次" in stale.post("/console/audit/export", asked).text

    client = console.client("auditor", None)
    answer = client.post("/console/audit/export", asked)
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith("attachment")
    lines = list(csv.DictReader(StringIO(answer.data.decode("utf-8-sig"))))
    assert [line["对象"] for line in lines] == ["<b>police</b>"]
    assert "电话：旧号 → =新号" in lines[0]["变更内容"]
    with read_only():
        last = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()
        assert (last.action, last.actor_id) == ("audit.export", client.staff and client.staff.id)
        assert last.after == {
            "filter": {"label": "b>police"},
            "rows": 1,
            "cut": False,
            "format": "csv",
        }
    wrong = client.post("/console/audit/export", asked | {"format": "exe"})
    assert wrong.status_code == 422


def test_the_page_says_how_the_seals_stand(console: Console, entries: dict[str, int]) -> None:
    client = console.client()
    assert "约十分钟后自动封存" in client.get(f"/console/audit/{entries['city']}").text
    audit_seals.seal(now=clock.now() + timedelta(hours=1))
    assert "核对无误" in client.get("/console/audit/").text
    assert "第 1 号封条" in client.get(f"/console/audit/{entries['city']}").text
    with transaction():
        alerts.raise_alert(
            AuditAlert.CHAIN_BROKEN,
            1,
            "操作记录可能被改动：第 1 号封条",
            now=clock.now(),
        )
    page = client.get("/console/audit/").text
    assert "操作记录可能被改动" in page
    assert "核对无误" not in page


@pytest.mark.browser
def test_somebody_searches_reads_and_exports_in_a_browser(
    console: Console, site: str, page: Page, entries: dict[str, int]
) -> None:
    console.sign_in(page, site, "auditor", None)
    page.goto(f"{site}/console/audit/")
    page.get_by_label("人员", exact=True).fill("李编")
    page.get_by_label("对象名称").fill("b>police")
    page.keyboard.press("Enter")
    expect(page.get_by_role("row")).to_have_count(2)
    with page.expect_download() as download:
        page.get_by_role("button", name="导出 Excel").click()
    assert download.value.suggested_filename.endswith(".xlsx")
    page.get_by_role("table").get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="修改单位信息")).to_be_visible()
    page.get_by_role("link", name="看 TA 的全部操作").click()
    expect(page.get_by_text("只看李编辑的操作")).to_be_visible()
