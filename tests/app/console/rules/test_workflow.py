"""The life of a rule on the pages: review, versions, switches; and texts where no rule speaks."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from app import snapshots
from config.database import read_only, transaction
from keywords.matching.ruleset import RuleSet
from keywords.publishing import sample_checks
from keywords.rules import default_replies, store, versions
from keywords.rules.values import Rule
from keywords.rules.versions import VersionState
from tests.app.console.rules._rule_form import (
    assert_rejected,
    decide,
    newest_version,
    rule_form,
    rule_id,
    sample_report,
)
from tests.helpers.console import Client, Console

# ---- review ----


def test_a_rule_goes_to_citizens_through_a_second_pair_of_eyes(
    console: Console, editor: Client, reviewer: Client, write_rule: Callable[..., int]
) -> None:
    rule = write_rule(then="submit")
    version = newest_version(rule)
    assert version.state is VersionState.SUBMITTED
    assert "有 1 条规则等待审核" in reviewer.get("/console/rules/").text
    assert "通过并发布" in reviewer.get(f"/console/rules/versions/{version.id}").text
    assert decide(editor, version, "approve").status_code == 403
    assert_rejected(decide(reviewer, version, "reject"), "请写明退回的原因")
    assert decide(reviewer, version, "reject", comment="写上电话").status_code == 303
    assert "写上电话" in editor.get(f"/console/rules/{rule}").text
    assert "写上电话" in editor.get(f"/console/rules/{rule}/edit").text
    assert decide(reviewer, version, "approve").status_code == 409

    police = console.department_id("police")
    assert police is not None
    mended = rule_form(police, name="居住证", then="submit", **{"replies-0-content": "请打 110。"})
    editor.post(
        f"/console/rules/{rule}/edit", mended | {"base": str(newest_version(rule).lock_version)}
    )
    assert decide(reviewer, newest_version(rule), "approve").status_code == 303

    snapshots.refresh()
    assert console.hub.push("police", console.hub.text("o1", "居住证")).text == "请打 110。"


def test_who_may_both_write_and_review_does_not_review_the_own_work(console: Console) -> None:
    boss, police = console.client("department_admin", "police"), console.department_id("police")
    assert police is not None
    boss.post("/console/rules/new", rule_form(police, then="submit"))
    with read_only():
        (version,) = [
            one
            for row in store.list_all()
            if row.name == "居住证"
            for one in versions.list_for_rule(row.id)
        ]
    assert "须由其他人审核" in boss.get(f"/console/rules/versions/{version.id}").text
    assert decide(boss, version, "approve").status_code == 403


def test_an_approval_is_bound_to_what_was_read(
    reviewer: Client, write_rule: Callable[..., int]
) -> None:
    version = newest_version(write_rule(then="submit"))
    assert decide(reviewer, version, "approve", sha256="0" * 64).status_code == 409
    assert newest_version(version.rule_id).state is VersionState.SUBMITTED


def test_steps_are_not_skipped(
    editor: Client, reviewer: Client, write_rule: Callable[..., int]
) -> None:
    version = newest_version(write_rule())
    assert decide(editor, version, "publish").status_code == 409
    assert decide(reviewer, version, "approve").status_code == 409
    assert editor.post(f"/console/rules/{version.rule_id}/on", {"version": 1}).status_code == 409
    assert newest_version(version.rule_id).state is VersionState.DRAFT


def test_an_editor_publishes_alone_where_the_department_says_so(
    console: Console, editor: Client, police: int, write_rule: Callable[..., int]
) -> None:
    boss = console.client("department_admin", "police")
    answer = boss.post(
        f"/console/rules/policy/{police}",
        {"needs_review": "no", "review_months": "6", "version": "0"},
    )
    assert answer.status_code == 303
    assert "保存并发布" not in editor.get("/console/rules/new").text
    other = console.client("department_admin", "police")
    assert other.post(f"/console/rules/policy/{police}/agree").status_code == 303
    assert "保存并发布" in editor.get("/console/rules/new").text
    version = newest_version(write_rule(then="publish"))
    page = editor.get(f"/console/rules/versions/{version.id}").text
    assert "data-resubmit" in page, "the page publishes when the samples are checked"
    assert decide(editor, version, "publish").status_code == 303
    assert newest_version(version.rule_id).state is VersionState.PUBLISHED
    stale = {"needs_review": "yes", "review_months": "6", "version": "0"}
    assert_rejected(
        boss.post(f"/console/rules/policy/{police}", stale), "修改过这里", "编辑自己可以发布"
    )
    wrong = {"needs_review": "yes", "review_months": "0", "version": "1"}
    assert_rejected(boss.post(f"/console/rules/policy/{police}", wrong))
    other = console.department_id("hrss")
    assert boss.get(f"/console/rules/policy/{other}").status_code == 404


def test_broken_samples_stop_a_publication_until_somebody_says_why(
    console: Console, editor: Client, reviewer: Client, police: int, write_rule: Callable[..., int]
) -> None:
    first = newest_version(write_rule(samples="居住证怎么办", then="submit"))
    decide(reviewer, first, "approve")
    snapshots.refresh()
    louder = write_rule(name="更响", priority="90", then="submit", **{"keywords-0-text": "居住"})
    version = newest_version(louder)

    snapshots.refresh()
    page = reviewer.get(f"/console/rules/versions/{version.id}/samples").text
    assert "居住证怎么办" in page
    answer = decide(reviewer, version, "approve")
    assert answer.status_code == 409
    assert "理由" in answer.text
    assert newest_version(louder).state is VersionState.SUBMITTED
    assert decide(reviewer, version, "approve", waiver="已与户籍科商定").status_code == 303


@pytest.mark.both_engines  # who waits for whom is the engine's matter
def test_nobody_who_writes_waits_for_a_sample_check(
    reviewer: Client, write_rule: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = newest_version(write_rule())
    version = newest_version(write_rule(name="更响", then="submit"))
    check = sample_checks.failing_samples
    checked: list[int] = []

    def while_others_write(
        ruleset: RuleSet, rule: Rule, *, now: datetime
    ) -> tuple[sample_checks.FailingSample, ...]:
        checked.append(rule.id)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(delete_rule, other.rule_id).result(5)
        return check(ruleset, rule, now=now)

    monkeypatch.setattr(sample_checks, "failing_samples", while_others_write)
    report = sample_report(reviewer, version.id)
    assert checked == [version.rule_id]
    answer = decide(reviewer, version, "approve", report=report)
    assert answer.status_code == 409, "a rule has gone since"
    assert newest_version(version.rule_id).state is VersionState.SUBMITTED


def delete_rule(rule: int) -> None:
    with transaction():
        store.delete(rule, version=store.get(rule).version)


def test_a_decision_whose_report_does_not_hold_is_sent_again_a_few_times(
    reviewer: Client, write_rule: Callable[..., int]
) -> None:
    other = newest_version(write_rule())
    version = newest_version(write_rule(name="更响", then="submit"))
    path = f"/console/rules/versions/{version.id}/approve"
    assert "data-resubmit" not in reviewer.get(f"/console/rules/versions/{version.id}").text
    report = sample_report(reviewer, version.id)
    delete_rule(other.rule_id)

    stale = {"sha256": version.sha256, "report": report, "comment": "可以"}
    for worthless in (stale, stale | {"report": ""}, stale | {"report": report[:-1] + "_"}):
        answer = reviewer.post(path, worthless)
        assert answer.status_code == 409
        assert "data-resubmit" in answer.text
        assert "可以</textarea>" in answer.text, "what was typed goes with it"
        assert 'name="resubmits" value="1"' in answer.text
    answer = reviewer.post(path, stale | {"resubmits": "3"})
    assert answer.status_code == 409
    assert "data-resubmit" not in answer.text
    assert "请再发布一次" in answer.text
    assert newest_version(version.rule_id).state is VersionState.SUBMITTED

    assert decide(reviewer, version, "approve", comment="可以").status_code == 303


def test_rules_that_this_process_has_not_loaded_yet_are_not_checked(
    reviewer: Client, write_rule: Callable[..., int]
) -> None:
    version = newest_version(write_rule(then="submit"))
    path = f"/console/rules/versions/{version.id}/samples"
    snapshots.refresh()
    delete_rule(rule_id())
    waiting = reviewer.get(path).text
    assert 'name="report"' not in waiting
    assert f'hx-get="{path}"' in waiting, "it asks again"
    snapshots.refresh()
    assert 'name="report"' in reviewer.get(path).text


def test_a_link_makes_nobody_publish(editor: Client, write_rule: Callable[..., int]) -> None:
    version = newest_version(write_rule())
    for query in ("", "?then=publish", "?publish_when_checked=1"):
        page = editor.get(f"/console/rules/versions/{version.id}{query}").text
        assert "data-resubmit" not in page


def test_old_versions_are_compared_and_come_back(
    editor: Client, reviewer: Client, police: int, write_rule: Callable[..., int]
) -> None:
    rule = write_rule(then="submit")
    decide(reviewer, newest_version(rule), "approve")
    base = str(newest_version(rule).lock_version)
    editor.post(
        f"/console/rules/{rule}/edit", rule_form(police, name="新名", then="submit", base=base)
    )
    decide(reviewer, newest_version(rule), "approve")

    page = editor.get(f"/console/rules/{rule}/versions").text
    assert "新名" in page
    assert "恢复成这一版" in page
    assert editor.get(f"/console/rules/{rule}/versions?a=77&b=99").status_code == 200
    assert editor.post(f"/console/rules/{rule}/restore/1").status_code == 303
    back = newest_version(rule)
    assert (back.number, back.state, back.content["name"]) == (3, VersionState.DRAFT, "居住证")


def test_a_rule_is_switched_off_on_and_a_new_one_deleted(
    editor: Client, write_rule: Callable[..., int]
) -> None:
    rule = rule_id()
    assert editor.post(f"/console/rules/{rule}/off", {"version": 1}).status_code == 303
    assert editor.post(f"/console/rules/{rule}/on", {"version": 1}).status_code == 409
    assert editor.post(f"/console/rules/{rule}/on", {"version": 2}).status_code == 303
    assert editor.post(f"/console/rules/{rule}/delete", {"version": 3}).status_code == 409
    new = write_rule()
    assert editor.post(f"/console/rules/{new}/delete", {"version": 1}).status_code == 303
    assert editor.get(f"/console/rules/{new}").status_code == 404


def test_a_draft_is_taken_back(editor: Client, write_rule: Callable[..., int]) -> None:
    version = newest_version(write_rule(then="submit"))
    path = f"/console/rules/versions/{version.id}/withdraw"
    assert editor.post(path).status_code == 303
    assert editor.post(path).status_code == 409
    assert newest_version(version.rule_id).state is VersionState.WITHDRAWN


# ---- texts ----


def test_the_fallback_of_a_department_is_written_and_cleared(
    console: Console, editor: Client, police: int
) -> None:
    path = f"/console/rules/texts?owner=d{police}"
    assert editor.post(path, {"text": "请打电话。", "seen": ""}).status_code == 303
    snapshots.refresh()
    assert (
        console.hub.push("police", console.hub.text("o1", "天上有几颗星星呢")).text == "请打电话。"
    )
    assert_rejected(editor.post(path, {"text": "另一句", "seen": ""}), "修改过这里", "另一句")
    assert editor.post(path, {"text": "", "seen": "请打电话。"}).status_code == 303
    assert "请打电话。" not in editor.get(path).text
    other = console.department_id("hrss")
    assert editor.get(f"/console/rules/texts?owner=d{other}").status_code == 404
    assert editor.get("/console/rules/texts?owner=city").status_code == 404
    assert "紧急提示" not in editor.get("/console/rules/texts").text


def test_a_process_without_a_snapshot_builds_one_before_the_page(editor: Client) -> None:
    snapshots.reset()
    assert editor.get("/console/rules/new").status_code == 200


def test_the_city_is_told_what_the_system_says_without_it(console: Console) -> None:
    chief, path = console.client(), "/console/rules/texts?owner=city"
    assert chief.post(path, {"text": "请打 12345。", "seen": ""}).status_code == 303
    footer = chief.get(path).text.partition("系统自带的")[2].partition("系统自带的")[2]
    assert footer.partition("</div></div>")[0].endswith(default_replies.BUILTIN_FALLBACK)


def test_only_who_answers_for_the_city_sets_its_emergency_words(console: Console) -> None:
    path, said = "/console/rules/texts/emergency", {"prompt": "请拨打 110。", "words": "井喷\n"}
    assert console.client("editor", "police").post(path, said).status_code == 404
    stale = console.client(fresh=False).post(path, said)
    assert stale.status_code == 403
    assert "再次确认" in stale.text
    chief = console.client()
    assert_rejected(chief.post(path, {"prompt": "", "words": "井喷"}), "请填写")
    assert chief.post(path, said).status_code == 303
    with read_only():
        assert default_replies.load().emergency_words == ("井喷",)
    late = chief.post(path, said | {"words": "井喷\n溃坝", "seen": "旧"})
    assert_rejected(late, "修改过这里", "溃坝", "/console/rules/texts")
    assert "井喷" in chief.get("/console/rules/texts").text


def test_version_actions_need_a_permission_at_the_new_owner_too(
    console: Console, editor: Client, police: int
) -> None:
    rule, hrss = rule_id(), console.department_id("hrss")
    base = str(newest_version(rule).lock_version)
    moved = rule_form(f"d{hrss}", name="搬走", base=base)
    assert_rejected(editor.post(f"/console/rules/{rule}/edit", moved), "归属")
