"""The first page: what waits for this person, alarms before everything else."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from config import clock
from config.database import session, transaction
from keywords import history
from keywords.history import RuleVersion
from keywords.stored import StoredRule
from keywords.unmatched import Cluster, Reason, State
from matrix import accounts
from tests.app.console.talking import cry, hear
from tests.fixtures.console import Desk


def test_the_first_page_shows_what_waits_for_this_person(desk: Desk) -> None:
    hear(desk, "在吗在吗")
    hear(desk, "社保怎么回事啊", openid="o2", to="hrss")
    cry(desk, "police", "门坏了")

    agent = desk.client("agent", "police").get("/console/").text
    assert agent.index("门坏了") < agent.index("在吗在吗")
    assert "社保怎么回事啊" not in agent
    editor = desk.client("editor", "police").get("/console/").text
    assert "门坏了" in editor
    assert "在吗在吗" not in editor, "an editor answers nobody"


@pytest.mark.parametrize("role", ["agent", "clerk", "auditor", "editor"])
def test_who_has_nothing_to_do_is_told_so(desk: Desk, role: str) -> None:
    hear(desk, "身份证", openid="o1")
    assert "都办完了" in desk.client(role, "police").get("/console/").text


def test_only_the_first_few_stand_there_with_a_way_to_all(desk: Desk) -> None:
    for number in range(7):
        hear(desk, f"第{number}位在吗", openid=f"o{number}")
        cry(desk, "police", f"第{number}件事")

    page = desk.client("agent", "police").get("/console/").text
    assert page.count("位在吗") == 5
    assert page.count("件事") == 5
    assert page.count("查看全部") == 2


def test_an_author_finds_what_was_sent_back_and_a_reviewer_what_waits(desk: Desk) -> None:
    author = desk.client("editor", "police")
    reviewer = desk.client("reviewer_office", "police")
    assert author.staff is not None
    assert reviewer.staff is not None
    version_id = submitted(desk, author.staff.id)

    waiting = reviewer.get("/console/").text
    assert "等我审核的规则" in waiting
    assert f"/console/rules/versions/{version_id}" in waiting
    assert "等我审核的规则" not in desk.client("reviewer_office", "hrss").get("/console/").text
    assert "都办完了" in author.get("/console/").text

    with transaction():
        now = clock.now()
        session.get_one(RuleVersion, version_id).state = history.State.REJECTED
        session.get_one(RuleVersion, version_id).comment = "请写明办理地点"
        session.get_one(RuleVersion, version_id).decided_at = now
        session.get_one(RuleVersion, version_id).reviewer_id = reviewer.staff.id
    sent_back = author.get("/console/").text
    assert "退回给我的规则" in sent_back
    assert "请写明办理地点" in sent_back
    assert "都办完了" in reviewer.get("/console/").text


def submitted(desk: Desk, author_id: int) -> int:
    """A new version of the police's first rule that waits for a reviewer. Returns its id."""
    with transaction():
        rule = session.scalars(select(StoredRule).where(StoredRule.code == "police.id_card")).one()
        newest = history.newest_of([rule.id]).get(rule.id)
        version = RuleVersion(
            rule_id=rule.id,
            number=(newest.number if newest else 0) + 1,
            stamp=1,
            state=history.State.SUBMITTED,
            department_id=rule.department_id,
            account_id=None,
            shape={"name": "身份证办理"},
            sha256="0" * 64,
            author_id=author_id,
            writers=[author_id],
            submitter_id=author_id,
            comment="",
            created_at=clock.now(),
            saved_at=clock.now(),
            submitted_at=clock.now(),
        )
        session.add(version)
        session.flush()
        return version.id


def test_rules_past_their_date_stand_on_the_first_page_of_who_may_mend_them(desk: Desk) -> None:
    yesterday = clock.local_day(clock.now()) - timedelta(days=1)
    with transaction():
        rule = session.scalars(select(StoredRule).where(StoredRule.code == "police.id_card")).one()
        rule.review_by = yesterday

    page = desk.client("editor", "police").get("/console/").text
    assert "过了复核日期的规则" in page
    assert "身份证办理" in page
    assert "过了复核日期" not in desk.client("editor", "hrss").get("/console/").text
    assert "过了复核日期" not in desk.client("agent", "police").get("/console/").text


def test_questions_without_an_answer_stand_there_for_who_writes_rules(desk: Desk) -> None:
    now = clock.now()
    with transaction():
        session.add(
            Cluster(
                account_id=accounts.by_appid(desk.hub.keys["police"].appid).id,
                text="居住证怎么办",
                samples=["居住证怎么办呀"],
                reason=Reason.FALLBACK,
                count=7,
                later=0,
                first_at=now,
                last_at=now,
                state=State.OPEN,
                rule_code="",
                closed_by="",
            )
        )

    page = desk.client("editor", "police").get("/console/").text
    assert "居住证怎么办呀" in page
    assert "问了 7 次" in page
    assert "居住证" not in desk.client("editor", "hrss").get("/console/").text
    assert "居住证" not in desk.client("agent", "police").get("/console/").text


def test_an_account_in_trouble_stands_there_for_who_manages_it(desk: Desk) -> None:
    page = desk.client("department_admin", "police").get("/console/").text
    assert "出问题的公众号" in page
    assert "华阴police" in page
    assert "尚未接通" in page
    assert "华阴hrss" not in page
    assert "出问题的公众号" not in desk.client("agent", "police").get("/console/").text
