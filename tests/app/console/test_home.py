"""The first page: what waits for this person, alarms before everything else."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from config import clock
from config.database import session, transaction
from keywords.rules import versions
from keywords.rules.store import RuleRow
from keywords.rules.versions import RuleVersion
from keywords.statistics.unanswered import Cluster, ClusterState, UnansweredReason
from matrix import accounts
from tests.helpers.console import Console
from tests.helpers.conversations import raise_alert, receive


def test_the_first_page_shows_what_waits_for_this_person(console: Console) -> None:
    receive(console, "蜜蜂在窗外筑巢")
    receive(console, "社保怎么回事啊", openid="o2", to="hrss")
    raise_alert(console, "police", "门坏了")

    agent = console.client("agent", "police").get("/console/").text
    assert agent.index("门坏了") < agent.index("蜜蜂在窗外筑巢")
    assert "社保怎么回事啊" not in agent
    editor = console.client("editor", "police").get("/console/").text
    assert "门坏了" in editor
    assert "蜜蜂在窗外筑巢" not in editor, "an editor answers nobody"


@pytest.mark.parametrize("role", ["agent", "clerk", "auditor", "editor"])
def test_who_has_nothing_to_do_is_told_so(console: Console, role: str) -> None:
    receive(console, "身份证", openid="o1")
    assert "都办完了" in console.client(role, "police").get("/console/").text


def test_only_the_first_few_stand_there_with_a_way_to_all(console: Console) -> None:
    for number in range(7):
        receive(console, f"第{number}位在吗", openid=f"o{number}")
        raise_alert(console, "police", f"第{number}件事")

    page = console.client("agent", "police").get("/console/").text
    assert page.count("位在吗") == 5
    assert page.count("件事") == 5
    assert page.count("查看全部") == 2


def test_an_author_finds_what_was_sent_back_and_a_reviewer_what_waits(console: Console) -> None:
    author = console.client("editor", "police")
    reviewer = console.client("reviewer_office", "police")
    assert author.staff is not None
    assert reviewer.staff is not None
    version_id = submitted(console, author.staff.id)

    waiting = reviewer.get("/console/").text
    assert "等我审核的规则" in waiting
    assert f"/console/rules/versions/{version_id}" in waiting
    assert "等我审核的规则" not in console.client("reviewer_office", "hrss").get("/console/").text
    assert "都办完了" in author.get("/console/").text

    with transaction():
        now = clock.now()
        session.get_one(RuleVersion, version_id).state = versions.VersionState.REJECTED
        session.get_one(RuleVersion, version_id).comment = "请写明办理地点"
        session.get_one(RuleVersion, version_id).decided_at = now
        session.get_one(RuleVersion, version_id).reviewer_id = reviewer.staff.id
    sent_back = author.get("/console/").text
    assert "退回给我的规则" in sent_back
    assert "请写明办理地点" in sent_back
    assert "都办完了" in reviewer.get("/console/").text


def submitted(console: Console, author_id: int) -> int:
    """A new version of the police's first rule that waits for a reviewer. Returns its id."""
    with transaction():
        rule = session.scalars(select(RuleRow).where(RuleRow.slug == "police.id_card")).one()
        newest = versions.newest_by_rule([rule.id]).get(rule.id)
        version = RuleVersion(
            rule_id=rule.id,
            number=(newest.number if newest else 0) + 1,
            lock_version=1,
            state=versions.VersionState.SUBMITTED,
            department_id=rule.department_id,
            account_id=None,
            content={"name": "身份证办理"},
            sha256="0" * 64,
            author_id=author_id,
            contributor_ids=[author_id],
            submitter_id=author_id,
            comment="",
            created_at=clock.now(),
            saved_at=clock.now(),
            submitted_at=clock.now(),
        )
        session.add(version)
        session.flush()
        return version.id


def test_rules_past_their_review_date_are_shown_to_who_may_edit_them(console: Console) -> None:
    yesterday = clock.local_day(clock.now()) - timedelta(days=1)
    with transaction():
        rule = session.scalars(select(RuleRow).where(RuleRow.slug == "police.id_card")).one()
        rule.review_by = yesterday

    page = console.client("editor", "police").get("/console/").text
    assert "过了复核日期的规则" in page
    assert "身份证办理" in page
    assert "过了复核日期" not in console.client("editor", "hrss").get("/console/").text
    assert "过了复核日期" not in console.client("agent", "police").get("/console/").text


def test_questions_without_an_answer_stand_there_for_who_writes_rules(console: Console) -> None:
    now = clock.now()
    with transaction():
        session.add(
            Cluster(
                account_id=accounts.get_by_appid(console.hub.keys["police"].appid).id,
                text="居住证怎么办",
                samples=["居住证怎么办呀"],
                reason=UnansweredReason.FALLBACK,
                count=7,
                count_since_closed=0,
                first_at=now,
                last_at=now,
                state=ClusterState.OPEN,
                rule_slug="",
                closed_by_name="",
            )
        )

    page = console.client("editor", "police").get("/console/").text
    assert "居住证怎么办呀" in page
    assert "问了 7 次" in page
    assert "居住证" not in console.client("editor", "hrss").get("/console/").text
    assert "居住证" not in console.client("agent", "police").get("/console/").text


def test_an_unhealthy_account_is_shown_to_who_manages_it(console: Console) -> None:
    page = console.client("department_admin", "police").get("/console/").text
    assert "出问题的公众号" in page
    assert "华阴police" in page
    assert "尚未接通" in page
    assert "华阴hrss" not in page
    assert "出问题的公众号" not in console.client("agent", "police").get("/console/").text
