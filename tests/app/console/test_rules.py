"""The keyword studio, page by page: who may do what, and what a refusal says."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event
from werkzeug.test import TestResponse

from app import live
from config import clock, database
from config.database import reading, transaction
from keywords import drafts, history, stored, texts
from keywords.history import State
from matrix import media
from matrix.wechat.gateway import MediaKind
from tests.fixtures.console import Client, Desk

PICTURE = b"\x89PNG\r\n\x1a\n" + b"a picture" * 20


def rule_id(code: str = "police.id_card") -> int:
    with reading():
        row = stored.by_code(code)
        assert row is not None
        return row.id


def typed(owner: int | str, **changed: Any) -> dict[str, Any]:
    """What a browser sends of the form."""
    key = owner if isinstance(owner, str) else f"d{owner}"
    return {
        "name": "居住证",
        "owner": key,
        "scope": "local",
        "keywords-0-text": "居住证",
        "keywords-0-mode": "text.contains",
        "replies-0-type": "text",
        "replies-0-content": "请到派出所。",
        "choice": "first",
        "priority": "50",
        "days": "any",
        "then": "keep",
        **changed,
    }


def newest(rule: int) -> history.RuleVersion:
    with reading():
        found = history.newest(rule)
        assert found is not None
        return found


def refused(answer: TestResponse, *said: str) -> None:
    assert answer.status_code == 422
    for text in said:
        assert text in answer.text


@pytest.fixture
def police(desk: Desk) -> int:
    """The department of the police."""
    made = desk.department_id("police")
    assert made is not None
    return made


@pytest.fixture
def editor(desk: Desk) -> Client:
    """An editor of the police."""
    return desk.client("editor", "police")


@pytest.fixture
def reviewer(desk: Desk) -> Client:
    """A reviewer of the police."""
    return desk.client("reviewer_office", "police")


@pytest.fixture
def write(editor: Client, police: int) -> Callable[..., int]:
    """Write a rule as the editor. Gives its id."""

    def made(**changed: Any) -> int:
        answer = editor.post("/console/rules/new", typed(police, **changed))
        assert answer.status_code == 303, answer.text
        found = re.search(r"/(\d+)", answer.location)
        assert found is not None
        return int(found[1])

    return made


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
def test_who_only_reads_does_not_write(desk: Desk, path: str) -> None:
    assert desk.client("reviewer_secrecy", "police").get(path).status_code == 403


def test_another_departments_rule_is_not_there(desk: Desk) -> None:
    stranger, rule = desk.client("department_admin", "hrss"), rule_id()
    with reading():
        version = history.newest(rule)
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


def test_the_effective_set_says_from_where_each_rule_comes(desk: Desk) -> None:
    chief = desk.client()
    page = chief.get(f"/console/rules/effective?account={desk.account_id('release')}").text
    assert "下级单位的" in page
    assert "身份证办理" in page
    assert "社保卡" in page
    account = desk.account_id("hrss")
    editor = desk.client("editor", "police")
    assert editor.get(f"/console/rules/effective?account={account}").status_code == 404
    assert "社保卡" not in editor.get("/console/rules/effective").text


# ---- writing ----


def test_an_editor_writes_a_rule_that_answers_nobody_yet(
    editor: Client, write: Callable[..., int]
) -> None:
    rule = write(
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
    draft = newest(rule).draft
    assert {(one.text, one.mode.value) for one in draft.keywords} == {
        ("居住证", "contains"),
        ("暂住证", "equal"),
        ("办 居住", "together"),
    }
    assert [one.type for one in draft.replies] == ["text", "news"]
    assert draft.samples == ("居住证怎么办", "暂住证")
    assert draft.required == ("办", "补")
    assert len(draft.schedule.hours) == 2
    assert draft.schedule.weekdays == {1, 5}
    assert draft.code.startswith("police.")
    page = editor.get(f"/console/rules/{rule}/edit").text
    for shown in ("居住证怎么办", "08:30-12:00，14:00-17:30", "2026-05-01", "https://example.org/"):
        assert shown in page
    live.refresh()
    assert live.current().book.rule(draft.code) is None


def test_the_form_starts_with_what_the_address_brings(desk: Desk, editor: Client) -> None:
    page = editor.get("/console/rules/new?keyword=居住证&keyword=暂住证&sample=居住证怎么办").text
    for shown in ('value="居住证"', 'value="暂住证"', "居住证怎么办"):
        assert shown in page
    account = desk.account_id("police")
    assert (
        f'selected value="a{account}"' in editor.get(f"/console/rules/new?account={account}").text
    )
    # somebody else's account or nonsense is left out
    other = desk.account_id("hrss")
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
    data = typed(police, samples="原样留下") | changed
    answer = editor.post("/console/rules/new", data)
    if "samples" in changed:
        refused(answer, said)
    else:
        refused(answer, said, "原样留下")


def test_fields_that_are_not_of_the_form_change_nothing(
    editor: Client, police: int, write: Callable[..., int]
) -> None:
    rule = write(state="live", author_id="1", reviewer_id="1", version="9", code="city.mine")
    with reading():
        row = stored.get(rule)
        assert (row.state, row.code[:7]) == (drafts.State.DRAFT, "police.")
    assert newest(rule).state is State.DRAFT


def test_a_picture_comes_from_the_library(
    desk: Desk, editor: Client, write: Callable[..., int]
) -> None:
    with transaction():
        media.keep("大厅图", MediaKind.IMAGE, PICTURE, digest="x", now=clock.now())
    assert ">大厅图</option>" in editor.get("/console/rules/new").text
    rule = write(**{"replies-0-type": "image", "replies-0-image": "大厅图"})
    assert newest(rule).shape["reply"] == {"type": "image", "media": "大厅图"}


def test_a_stale_edit_shows_both_versions_and_loses_nothing(
    desk: Desk, police: int, write: Callable[..., int]
) -> None:
    rule = write()
    seen = str(newest(rule).stamp)
    other = desk.client("editor", "police")
    other.post(f"/console/rules/{rule}/edit", typed(police, name="别人改的", base=seen))
    mine = typed(police, name="我改的", base=seen)

    late = desk.client("editor", "police")
    answer = late.post(f"/console/rules/{rule}/edit", mine)

    assert answer.status_code == 409
    for shown in ("别人改的", "我改的", other.staff.name if other.staff else ""):
        assert shown in answer.text
    assert newest(rule).shape["name"] == "别人改的"
    again = re.search(r'name="base" value="(\d+)"', answer.text)
    assert again is not None
    assert late.post(f"/console/rules/{rule}/edit", mine | {"base": again[1]}).status_code == 303
    assert newest(rule).shape["name"] == "我改的"


def test_the_panel_tells_what_collides_while_typing(editor: Client, police: int) -> None:
    answer = editor.post(
        "/console/rules/look", typed(police, **{"keywords-0-text": "身份证", "phrase": "身份证"})
    )
    assert answer.status_code == 200
    assert "身份证办理" in answer.text
    half = typed(police, **{"keywords-0-text": "", "replies-0-content": "", "name": ""})
    assert editor.post("/console/rules/look", half).status_code == 200
    wrong = typed(police, **{"keywords-0-text": "(", "keywords-0-mode": "text.pattern"})
    assert "正则有误" in editor.post("/console/rules/look", wrong).text
    danger = editor.post("/console/rules/look", typed(police, phrase="有人溺水了快来救人")).text
    assert "紧急词" in danger


def test_what_is_typed_is_looked_at_without_the_database(editor: Client, police: int) -> None:
    # on SQLite a POST that asks it anything would hold up every writer
    editor.get("/console/rules/new")
    asked: list[str] = []

    def note(*given: Any) -> None:
        asked.append(str(given[2]))

    event.listen(database.engine(), "before_cursor_execute", note)
    editor.post("/console/rules/look", typed(police, phrase="居住证"))
    event.remove(database.engine(), "before_cursor_execute", note)
    ours = ("rules", "media_files", "guides", "keyword_")
    assert [line for line in asked if any(f"FROM {table}" in line for table in ours)] == []


def test_a_draft_that_went_to_another_department_is_not_written_over(
    desk: Desk, editor: Client, police: int
) -> None:
    rule, hrss = rule_id(), desk.department_id("hrss")
    desk.client().post(f"/console/rules/{rule}/edit", typed(hrss or 0, name="搬走"))
    assert newest(rule).department_id == hrss
    assert editor.get(f"/console/rules/{rule}/edit").status_code == 404
    assert editor.post(f"/console/rules/{rule}/edit", typed(police)).status_code == 404
    assert newest(rule).shape["name"] == "搬走"


# ---- review ----


def decide(client: Client, version: history.RuleVersion, step: str, **said: str) -> TestResponse:
    data = {"sha256": version.sha256, **said}
    return client.post(f"/console/rules/versions/{version.id}/{step}", data)


def test_a_rule_goes_to_citizens_through_a_second_pair_of_eyes(
    desk: Desk, editor: Client, reviewer: Client, write: Callable[..., int]
) -> None:
    rule = write(then="submit")
    version = newest(rule)
    assert version.state is State.SUBMITTED
    assert "有 1 条规则等待审核" in reviewer.get("/console/rules/").text
    assert "通过并发布" in reviewer.get(f"/console/rules/versions/{version.id}").text
    assert decide(editor, version, "approve").status_code == 403
    refused(decide(reviewer, version, "reject"), "请写明退回的原因")
    assert decide(reviewer, version, "reject", comment="写上电话").status_code == 303
    assert "写上电话" in editor.get(f"/console/rules/{rule}").text
    assert "写上电话" in editor.get(f"/console/rules/{rule}/edit").text
    assert decide(reviewer, version, "approve").status_code == 409

    police = desk.department_id("police")
    assert police is not None
    mended = typed(police, name="居住证", then="submit", **{"replies-0-content": "请打 110。"})
    editor.post(f"/console/rules/{rule}/edit", mended | {"base": str(newest(rule).stamp)})
    assert decide(reviewer, newest(rule), "approve").status_code == 303

    live.refresh()
    assert desk.hub.push("police", desk.hub.text("o1", "居住证")).text == "请打 110。"


def test_who_may_both_write_and_review_does_not_review_the_own_work(desk: Desk) -> None:
    boss, police = desk.client("department_admin", "police"), desk.department_id("police")
    assert police is not None
    boss.post("/console/rules/new", typed(police, then="submit"))
    with reading():
        (version,) = [
            one for row in stored.listed() if row.name == "居住证" for one in history.listed(row.id)
        ]
    assert "须由其他人审核" in boss.get(f"/console/rules/versions/{version.id}").text
    assert decide(boss, version, "approve").status_code == 403


def test_an_approval_is_bound_to_what_was_read(reviewer: Client, write: Callable[..., int]) -> None:
    version = newest(write(then="submit"))
    assert decide(reviewer, version, "approve", sha256="0" * 64).status_code == 409
    assert newest(version.rule_id).state is State.SUBMITTED


def test_steps_are_not_skipped(editor: Client, reviewer: Client, write: Callable[..., int]) -> None:
    version = newest(write())
    assert decide(editor, version, "publish").status_code == 409
    assert decide(reviewer, version, "approve").status_code == 409
    assert editor.post(f"/console/rules/{version.rule_id}/on", {"version": 1}).status_code == 409
    assert newest(version.rule_id).state is State.DRAFT


def test_an_editor_publishes_alone_where_the_department_says_so(
    desk: Desk, editor: Client, police: int, write: Callable[..., int]
) -> None:
    boss = desk.client("department_admin", "police")
    answer = boss.post(
        f"/console/rules/policy/{police}",
        {"needs_review": "no", "review_months": "6", "version": "0"},
    )
    assert answer.status_code == 303
    assert "保存并发布" in editor.get("/console/rules/new").text
    assert newest(write(then="publish")).state is State.PUBLISHED
    stale = {"needs_review": "yes", "review_months": "6", "version": "0"}
    refused(boss.post(f"/console/rules/policy/{police}", stale), "刚被其他人修改过")
    wrong = {"needs_review": "yes", "review_months": "0", "version": "1"}
    refused(boss.post(f"/console/rules/policy/{police}", wrong))
    other = desk.department_id("hrss")
    assert boss.get(f"/console/rules/policy/{other}").status_code == 404


def test_broken_samples_stop_a_publication_until_somebody_says_why(
    desk: Desk, editor: Client, reviewer: Client, police: int, write: Callable[..., int]
) -> None:
    first = newest(write(samples="居住证怎么办", then="submit"))
    decide(reviewer, first, "approve")
    live.refresh()
    louder = write(name="更响", priority="90", then="submit", **{"keywords-0-text": "居住"})
    version = newest(louder)

    page = reviewer.get(f"/console/rules/versions/{version.id}/samples").text
    assert "居住证怎么办" in page
    answer = decide(reviewer, version, "approve")
    assert answer.status_code == 409
    assert "理由" in answer.text
    assert newest(louder).state is State.SUBMITTED
    assert decide(reviewer, version, "approve", waiver="已与户籍科商定").status_code == 303


def test_old_versions_are_compared_and_come_back(
    editor: Client, reviewer: Client, police: int, write: Callable[..., int]
) -> None:
    rule = write(then="submit")
    decide(reviewer, newest(rule), "approve")
    base = str(newest(rule).stamp)
    editor.post(f"/console/rules/{rule}/edit", typed(police, name="新名", then="submit", base=base))
    decide(reviewer, newest(rule), "approve")

    page = editor.get(f"/console/rules/{rule}/versions").text
    assert "新名" in page
    assert "恢复成这一版" in page
    assert editor.get(f"/console/rules/{rule}/versions?a=77&b=99").status_code == 200
    assert editor.post(f"/console/rules/{rule}/restore/1").status_code == 303
    back = newest(rule)
    assert (back.number, back.state, back.shape["name"]) == (3, State.DRAFT, "居住证")


def test_a_rule_is_switched_off_on_and_a_new_one_deleted(
    editor: Client, write: Callable[..., int]
) -> None:
    rule = rule_id()
    assert editor.post(f"/console/rules/{rule}/off", {"version": 1}).status_code == 303
    assert editor.post(f"/console/rules/{rule}/on", {"version": 1}).status_code == 409
    assert editor.post(f"/console/rules/{rule}/on", {"version": 2}).status_code == 303
    assert editor.post(f"/console/rules/{rule}/delete", {"version": 3}).status_code == 409
    new = write()
    assert editor.post(f"/console/rules/{new}/delete", {"version": 1}).status_code == 303
    assert editor.get(f"/console/rules/{new}").status_code == 404


def test_a_draft_is_taken_back(editor: Client, write: Callable[..., int]) -> None:
    version = newest(write(then="submit"))
    path = f"/console/rules/versions/{version.id}/withdraw"
    assert editor.post(path).status_code == 303
    assert editor.post(path).status_code == 409
    assert newest(version.rule_id).state is State.WITHDRAWN


# ---- texts ----


def test_the_fallback_of_a_department_is_written_and_cleared(
    desk: Desk, editor: Client, police: int
) -> None:
    path = f"/console/rules/texts?owner=d{police}"
    assert editor.post(path, {"text": "请打电话。", "seen": ""}).status_code == 303
    live.refresh()
    assert desk.hub.push("police", desk.hub.text("o1", "天上有几颗星星呢")).text == "请打电话。"
    refused(editor.post(path, {"text": "另一句", "seen": ""}), "刚被其他人修改过", "另一句")
    assert editor.post(path, {"text": "", "seen": "请打电话。"}).status_code == 303
    assert "请打电话。" not in editor.get(path).text
    other = desk.department_id("hrss")
    assert editor.get(f"/console/rules/texts?owner=d{other}").status_code == 404
    assert editor.get("/console/rules/texts?owner=city").status_code == 404
    assert "紧急提示" not in editor.get("/console/rules/texts").text


def test_only_who_answers_for_the_city_sets_its_emergency_words(desk: Desk) -> None:
    path, said = "/console/rules/texts/emergency", {"prompt": "请拨打 110。", "words": "井喷\n"}
    assert desk.client("editor", "police").post(path, said).status_code == 404
    stale = desk.client(fresh=False).post(path, said)
    assert stale.status_code == 403
    assert "再次确认" in stale.text
    chief = desk.client()
    refused(chief.post(path, {"prompt": "", "words": "井喷"}), "请填写")
    assert chief.post(path, said).status_code == 303
    with reading():
        assert texts.current().emergency_words == ("井喷",)
    refused(chief.post(path, said | {"seen": "旧"}), "刚被其他人修改过")
    assert "井喷" in chief.get("/console/rules/texts").text


def test_the_versions_doors_need_a_right_at_the_new_owner_too(
    desk: Desk, editor: Client, police: int
) -> None:
    rule, hrss = rule_id(), desk.department_id("hrss")
    base = str(newest(rule).stamp)
    moved = typed(f"d{hrss}", name="搬走", base=base)
    refused(editor.post(f"/console/rules/{rule}/edit", moved), "归属")
