"""The list of rules and the editor: who sees and writes what, and what a refusal says."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from app import snapshots
from config import clock, database
from config.database import read_only, transaction
from keywords.rules import spec, store, versions
from keywords.rules.replies import Text
from keywords.rules.versions import VersionState
from matrix import media
from matrix.wechat.gateway import MediaKind
from tests.app.console.rules._rule_form import assert_rejected, newest_version, rule_form, rule_id
from tests.helpers.console import Client, Console

PICTURE = b"\x89PNG\r\n\x1a\n" + b"a picture" * 20


# ---- the list ----


def test_the_list_shows_the_rules_of_the_own_area(editor: Client) -> None:
    page = editor.get("/console/rules/").text
    assert "身份证办理" in page
    assert "社保卡" not in page
    assert "共 2 条" in page
    assert "长答复" not in editor.get("/console/rules/?q=派出所").text
    assert "没有符合条件的规则" in editor.get("/console/rules/?state=off").text
    assert editor.get("/console/rules/?state=nonsense&page=-3&owner=d999").status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/console/rules/new", "/console/rules/texts", "/console/rules/policy/2"],
)
def test_who_only_reads_does_not_write(console: Console, path: str) -> None:
    assert console.client("reviewer_secrecy", "police").get(path).status_code == 403


def test_another_departments_rule_is_not_there(console: Console) -> None:
    stranger, rule = console.client("department_admin", "hrss"), rule_id()
    with read_only():
        version = versions.find_newest(rule)
        assert version is not None
    for path in (f"{rule}", f"{rule}/edit", f"{rule}/versions", f"versions/{version.id}"):
        assert stranger.get(f"/console/rules/{path}").status_code == 404, path
    for path in (
        f"{rule}/off",
        f"{rule}/delete",
        f"{rule}/restore/1",
        f"versions/{version.id}/submit",
        f"versions/{version.id}/approve",
        f"versions/{version.id}/reject",
        f"versions/{version.id}/publish",
        f"versions/{version.id}/withdraw",
    ):
        assert stranger.post(f"/console/rules/{path}", {"version": 1}).status_code == 404, path


def test_the_effective_set_says_from_where_each_rule_comes(console: Console) -> None:
    chief = console.client()
    page = chief.get(f"/console/rules/effective?account={console.account_id('release')}").text
    assert "下级单位的" in page
    assert "身份证办理" in page
    assert "社保卡" in page
    account = console.account_id("hrss")
    editor = console.client("editor", "police")
    assert editor.get(f"/console/rules/effective?account={account}").status_code == 404
    assert "社保卡" not in editor.get("/console/rules/effective").text


# ---- writing ----


def test_an_editor_writes_a_rule_that_answers_nobody_yet(
    editor: Client, write_rule: Callable[..., int]
) -> None:
    rule = write_rule(
        **{
            "keywords-1-text": "暂住证",
            "keywords-1-mode": "text.equal",
            "keywords-7-text": "办 居住",
            "keywords-7-mode": "text.together",
            "replies-1-type": "news",
            "replies-1-title": "网上办",
            "replies-1-url": "https://example.org/",
            "choice": "all",
            "samples": "居住证怎么办\n\n 暂住证 \n",
            "required": "办、补",
            "hours": "08:30-12:00，14:00-17:30",
            "weekdays": ["1", "5"],
            "valid_from": "2026-05-01",
            "review_by": "2027-01-31",
        }
    )
    spec = newest_version(rule).spec
    assert {(one.text, one.mode.value) for one in spec.keywords} == {
        ("居住证", "contains"),
        ("暂住证", "equal"),
        ("办 居住", "together"),
    }
    assert [one.type for one in spec.replies] == ["text", "news"]
    assert spec.samples == ("居住证怎么办", "暂住证")
    assert spec.required == ("办", "补")
    assert len(spec.schedule.hours) == 2
    assert spec.schedule.weekdays == {1, 5}
    assert spec.slug.startswith("police.")
    page = editor.get(f"/console/rules/{rule}/edit").text
    for shown in ("居住证怎么办", "08:30-12:00，14:00-17:30", "2026-05-01", "https://example.org/"):
        assert shown in page
    snapshots.refresh()
    assert snapshots.current().ruleset.find_rule(spec.slug) is None


def test_what_a_browser_and_a_chat_added_to_a_text_is_not_saved(
    editor: Client, write_rule: Callable[..., int]
) -> None:
    rule = write_rule(
        **{
            "name": "居\u200b住证\ufeff",
            "keywords-0-text": "居住\u200b证",
            "replies-0-content": "第一行\r\n\r\n第三行",
        }
    )
    spec = newest_version(rule).spec
    assert (spec.name, spec.keywords[0].text) == ("居住证", "居住证")
    assert spec.replies == (Text(content="第一行\n\n第三行"),)


def test_a_line_break_that_was_spelt_out_is_pointed_at(editor: Client, police: int) -> None:
    def shown(content: str) -> str:
        form = rule_form(police, **{"replies-0-content": content})
        return editor.post("/console/rules/look", form).text

    assert "要换行请按回车" in shown("一\\n二")
    assert "要换行请按回车" not in shown("一\r\n二")


def test_the_form_starts_with_what_the_address_brings(console: Console, editor: Client) -> None:
    page = editor.get("/console/rules/new?keyword=居住证&keyword=暂住证&sample=居住证怎么办").text
    for shown in ('value="居住证"', 'value="暂住证"', "居住证怎么办"):
        assert shown in page
    account = console.account_id("police")
    assert (
        f'selected value="a{account}"' in editor.get(f"/console/rules/new?account={account}").text
    )
    # somebody else's account or nonsense is left out
    other = console.account_id("hrss")
    assert f'value="a{other}"' not in editor.get(f"/console/rules/new?account={other}").text
    added = editor.get(f"/console/rules/{rule_id()}/edit?add_keyword=证件照").text
    assert 'value="证件照"' in added
    assert 'value="身份证"' in added


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": ""}, "请填写名称"),
        ({"keywords-0-text": ""}, "至少要有一个关键词"),
        ({"keywords-0-text": "(", "keywords-0-mode": "text.pattern"}, "正则有误"),
        ({"keywords-0-text": "只有一组", "keywords-0-mode": "text.together"}, "至少要有两组词"),
        ({"replies-0-content": "  "}, "至少要有一条回复"),
        ({"replies-0-type": "image"}, "素材名称不能为空"),
        ({"replies-0-type": "news", "replies-0-title": "网上办"}, "链接不能为空"),
        ({"hours": "早上"}, "时段应写成"),
        ({"priority": "1000"}, "优先级应是 0 到 999 的整数"),
        ({"priority": "高"}, "优先级"),
        ({"valid_from": "2026-05-02", "valid_to": "2026-05-01"}, "截止日期早于开始日期"),
        ({"samples": "？！"}, "应是市民会写的一句话"),
        ({"owner": "d999"}, "归属"),
        ({"owner": "city"}, "归属"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(
    editor: Client, police: int, changed: dict[str, str], said: str
) -> None:
    data = rule_form(police, samples="原样留下") | changed
    answer = editor.post("/console/rules/new", data)
    if "samples" in changed:
        assert_rejected(answer, said)
    else:
        assert_rejected(answer, said, "原样留下")


def test_fields_that_are_not_of_the_form_change_nothing(
    editor: Client, police: int, write_rule: Callable[..., int]
) -> None:
    rule = write_rule(state="live", author_id="1", reviewer_id="1", version="9", code="city.mine")
    with read_only():
        row = store.get(rule)
        assert (row.state, row.slug[:7]) == (spec.RuleState.DRAFT, "police.")
    assert newest_version(rule).state is VersionState.DRAFT


def test_a_picture_comes_from_the_library(
    console: Console, editor: Client, police: int, write_rule: Callable[..., int]
) -> None:
    hrss = console.department_id("hrss")
    with transaction():
        for name, owner in (("大厅图", None), ("人社图", hrss)):
            media.save(
                name, MediaKind.IMAGE, PICTURE, digest=name, department_id=owner, now=clock.now()
            )
    page = editor.get("/console/rules/new").text
    assert ">大厅图</option>" in page
    assert "人社图" not in page
    rule = write_rule(**{"replies-0-type": "image", "replies-0-image": "大厅图"})
    assert newest_version(rule).content["reply"] == {"type": "image", "media": "大厅图"}
    for strange in ("人社图", "没有的图"):
        data = rule_form(police, **{"replies-0-type": "image", "replies-0-image": strange})
        assert_rejected(editor.post("/console/rules/new", data), "素材库里没有这个文件", strange)


def test_a_stale_edit_shows_both_versions_and_loses_nothing(
    console: Console, police: int, write_rule: Callable[..., int]
) -> None:
    rule = write_rule()
    seen = str(newest_version(rule).lock_version)
    other = console.client("editor", "police")
    other.post(f"/console/rules/{rule}/edit", rule_form(police, name="别人改的", base=seen))
    mine = rule_form(police, name="我改的", base=seen)

    late = console.client("editor", "police")
    answer = late.post(f"/console/rules/{rule}/edit", mine)

    assert answer.status_code == 409
    for shown in ("别人改的", "我改的", other.staff.name if other.staff else ""):
        assert shown in answer.text
    assert newest_version(rule).content["name"] == "别人改的"
    again = re.search(r'name="base" value="(\d+)"', answer.text)
    assert again is not None
    assert late.post(f"/console/rules/{rule}/edit", mine | {"base": again[1]}).status_code == 303
    assert newest_version(rule).content["name"] == "我改的"


def test_the_panel_tells_what_collides_while_typing(editor: Client, police: int) -> None:
    answer = editor.post(
        "/console/rules/look",
        rule_form(police, **{"keywords-0-text": "身份证", "phrase": "身份证"}),
    )
    assert answer.status_code == 200
    assert "身份证办理" in answer.text
    half = rule_form(police, **{"keywords-0-text": "", "replies-0-content": "", "name": ""})
    assert editor.post("/console/rules/look", half).status_code == 200
    wrong = rule_form(police, **{"keywords-0-text": "(", "keywords-0-mode": "text.pattern"})
    assert "正则有误" in editor.post("/console/rules/look", wrong).text
    danger = editor.post("/console/rules/look", rule_form(police, phrase="有人溺水了快来救人")).text
    assert "紧急词" in danger


def test_what_is_typed_is_looked_at_without_the_database(editor: Client, police: int) -> None:
    # on SQLite a POST that asks it anything would hold up every writer
    editor.get("/console/rules/new")
    asked: list[str] = []

    def note(*given: Any) -> None:
        asked.append(str(given[2]))

    event.listen(database.engine(), "before_cursor_execute", note)
    editor.post("/console/rules/look", rule_form(police, phrase="居住证"))
    event.remove(database.engine(), "before_cursor_execute", note)
    ours = ("rules", "media_files", "guides", "keyword_")
    assert [line for line in asked if any(f"FROM {table}" in line for table in ours)] == []


def test_a_draft_that_went_to_another_department_is_not_written_over(
    console: Console, editor: Client, police: int
) -> None:
    rule, hrss = rule_id(), console.department_id("hrss")
    console.client().post(f"/console/rules/{rule}/edit", rule_form(hrss or 0, name="搬走"))
    assert newest_version(rule).department_id == hrss
    assert editor.get(f"/console/rules/{rule}/edit").status_code == 404
    assert editor.post(f"/console/rules/{rule}/edit", rule_form(police)).status_code == 404
    assert newest_version(rule).content["name"] == "搬走"
