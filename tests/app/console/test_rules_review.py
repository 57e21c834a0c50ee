"""The life of a rule on the pages: review, versions, switches; and texts where no rule speaks."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from werkzeug.test import TestResponse

from app import live
from config.database import reading, transaction
from keywords import history, samples, stored, texts
from keywords.book import Book
from keywords.history import State
from keywords.rules import Rule
from tests.app.console.rules import newest, refused, rule_id, typed
from tests.fixtures.console import Client, Desk

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
    refused(boss.post(f"/console/rules/policy/{police}", stale), "修改过这里", "编辑自己可以发布")
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


def test_nobody_waits_while_samples_are_tried_and_rules_that_move_are_tried_again(
    reviewer: Client, write: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, version = newest(write()), newest(write(name="更响", then="submit"))
    tried: list[int] = []
    try_out = samples.broken

    def while_others_write(book: Book, rule: Rule, *, now: datetime) -> tuple[samples.Broken, ...]:
        tried.append(rule.id)
        if len(tried) == 1:
            with ThreadPoolExecutor(1) as pool:
                pool.submit(move, first.rule_id).result(5)
        return try_out(book, rule, now=now)

    def move(rule: int) -> None:
        with transaction():
            stored.delete(rule, version=stored.get(rule).version)

    monkeypatch.setattr(samples, "broken", while_others_write)
    assert decide(reviewer, version, "approve").status_code == 303
    assert tried == [version.rule_id] * 2
    assert newest(version.rule_id).state is State.PUBLISHED


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
    refused(editor.post(path, {"text": "另一句", "seen": ""}), "修改过这里", "另一句")
    assert editor.post(path, {"text": "", "seen": "请打电话。"}).status_code == 303
    assert "请打电话。" not in editor.get(path).text
    other = desk.department_id("hrss")
    assert editor.get(f"/console/rules/texts?owner=d{other}").status_code == 404
    assert editor.get("/console/rules/texts?owner=city").status_code == 404
    assert "紧急提示" not in editor.get("/console/rules/texts").text


def test_a_process_that_has_no_picture_yet_makes_one_before_the_page(editor: Client) -> None:
    live.forget()
    assert editor.get("/console/rules/new").status_code == 200


def test_the_city_is_told_what_the_system_says_without_it(desk: Desk) -> None:
    chief, path = desk.client(), "/console/rules/texts?owner=city"
    assert chief.post(path, {"text": "请打 12345。", "seen": ""}).status_code == 303
    footer = chief.get(path).text.partition("系统自带的")[2].partition("系统自带的")[2]
    assert footer.partition("</div></div>")[0].endswith(texts.FALLBACK)


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
    late = chief.post(path, said | {"words": "井喷\n溃坝", "seen": "旧"})
    refused(late, "修改过这里", "溃坝", "/console/rules/texts")
    assert "井喷" in chief.get("/console/rules/texts").text


def test_the_versions_doors_need_a_right_at_the_new_owner_too(
    desk: Desk, editor: Client, police: int
) -> None:
    rule, hrss = rule_id(), desk.department_id("hrss")
    base = str(newest(rule).stamp)
    moved = typed(f"d{hrss}", name="搬走", base=base)
    refused(editor.post(f"/console/rules/{rule}/edit", moved), "归属")
