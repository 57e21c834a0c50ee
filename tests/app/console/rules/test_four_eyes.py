"""Four eyes stay four: who lowers a review, who wrote, and who made the reviewer."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from app import snapshots
from config import clock
from config.alerts import Alert
from config.audit import Actor, AuditEntry, acting_as
from config.database import read_only, session, transaction
from keywords.publishing import workflow
from keywords.rules import review_policies, versions
from keywords.rules.versions import RuleVersion
from matrix.staff import grants
from matrix.staff.grants import GrantSpec
from matrix.staff.roles import Role
from tests.app.console.rules._rule_form import decide, newest_version
from tests.helpers.console import Client, Console

LOWER = {"needs_review": "no", "review_months": "12", "version": "0"}
STRICTER = {"needs_review": "yes", "review_months": "6", "version": "0"}


def alert_kinds() -> list[str]:
    with read_only():
        return list(session.scalars(select(Alert.kind).order_by(Alert.id)))


def needs_review(department_id: int) -> bool:
    with read_only():
        return review_policies.nearest([department_id]).needs_review


@pytest.mark.parametrize("lower", [LOWER, STRICTER | {"review_months": "13"}])
def test_a_lower_review_waits_for_another_person_and_alerts(
    console: Console, police: int, lower: dict[str, str]
) -> None:
    page = f"/console/rules/policy/{police}"
    boss, other = (console.client("department_admin", "police") for _ in range(2))
    assert boss.post(page, lower).status_code == 303
    with read_only():
        assert review_policies.nearest([police]) == review_policies.ReviewPolicy()
    assert alert_kinds() == ["review.lowered"]

    assert "确认</button>" not in boss.get(page).text
    assert boss.post(f"{page}/agree").status_code == 403
    assert "确认</button>" in other.get(page).text
    assert other.post(f"{page}/agree").status_code == 303
    with read_only():
        policy = review_policies.nearest([police])
    assert (policy.needs_review, str(policy.review_months)) == (
        lower["needs_review"] == "yes",
        lower["review_months"],
    )
    assert other.post(f"{page}/agree").status_code == 404


def test_a_lower_review_asks_for_the_second_factor(console: Console, police: int) -> None:
    page = f"/console/rules/policy/{police}"
    person = console.person("department_admin", "police")
    assert console.client(person=person, fresh=False).post(page, LOWER).status_code == 403
    assert console.client(person=person).post(page, LOWER).status_code == 303
    tired = console.client("department_admin", "police", fresh=False)
    assert tired.post(f"{page}/agree").status_code == 403
    assert needs_review(police)


def test_a_stricter_review_holds_at_once(console: Console, police: int) -> None:
    boss = console.client("department_admin", "police")
    assert boss.post(f"/console/rules/policy/{police}", STRICTER).status_code == 303
    with read_only():
        assert review_policies.nearest([police]).review_months == 6
    assert alert_kinds() == []


def test_a_request_is_dropped_and_outdated_by_another_change(console: Console, police: int) -> None:
    page = f"/console/rules/policy/{police}"
    boss, other = (console.client("department_admin", "police") for _ in range(2))
    boss.post(page, LOWER)
    assert boss.post(f"{page}/drop").status_code == 303
    assert other.post(f"{page}/agree").status_code == 404
    boss.post(page, LOWER)
    boss.post(page, STRICTER)
    assert other.post(f"{page}/agree").status_code == 409
    assert needs_review(police)


def test_a_policy_above_that_is_lower_is_lower_as_well(console: Console, police: int) -> None:
    city = console.department_id("release")
    assert city is not None
    with transaction():
        now = clock.now()
        for department, review in ((city, False), (police, True)):
            review_policies.set_policy(
                department, needs_review=review, review_months=12, version=0, now=now
            )
    snapshots.refresh()
    boss = console.client("department_admin", "police")
    inherit = {"needs_review": "above", "review_months": "12", "version": "1"}
    assert boss.post(f"/console/rules/policy/{police}", inherit).status_code == 303
    assert needs_review(police)


def test_writers_are_kept_when_another_brings_their_text_back(
    console: Console, editor: Client, reviewer: Client, write_rule: Callable[..., int]
) -> None:
    rule = write_rule(name="甲的文字", then="submit")
    author = newest_version(rule)
    decide(reviewer, author, "approve")
    helper = console.person("editor", "police").id
    for is_fresh in (True, False):
        with transaction():
            if not is_fresh:
                # over a draft of one's own, which is written over
                other = author.spec.replace(name="另一段文字")
                save(rule, other, helper, author)
            save(rule, author.spec.replace(name="又一段文字"), helper, author)
            back = workflow.restore_version(
                rule, author.number, base_lock_version=None, author_id=helper, now=clock.now()
            )
            assert author.author_id in back.contributor_ids
            assert helper in back.contributor_ids
            workflow.withdraw(back.id, now=clock.now())
    with transaction():
        imported = save(rule, author.spec, helper, author)
        assert {author.author_id, helper} <= set(imported.contributor_ids)


def save(rule: int, spec: versions.RuleSpec, by: int, like: RuleVersion) -> RuleVersion:
    return workflow.save_draft(
        spec,
        rule_id=rule,
        base_lock_version=None,
        department_id=like.department_id,
        account_id=like.account_id,
        author_id=by,
        now=clock.now(),
    )


@pytest.mark.parametrize(("days", "is_marked"), [(1, True), (29, True), (31, False)])
def test_a_reviewer_made_by_the_author_is_marked_and_alerts(
    console: Console, police: int, write_rule: Callable[..., int], days: int, is_marked: bool
) -> None:
    version = newest_version(write_rule(then="submit"))
    assert version.author_id is not None
    person = console.person(None, "police")
    with transaction(), acting_as(Actor("编辑甲", version.author_id)):
        spec = GrantSpec(role=Role.REVIEWER_OFFICE, department_id=police)
        grants.create(person.id, spec, by=None, now=clock.now())
    # the audit refuses a change, so time goes on instead
    reviewer = console.client(person=person)
    later = clock.now() + timedelta(days=days)
    with read_only():
        entry = session.scalars(
            select(AuditEntry).where(AuditEntry.actor_id == version.author_id)
        ).first()
        assert entry is not None
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(clock, "now", lambda: later)
        reviewer = console.client(person=person)
        page = reviewer.get(f"/console/rules/versions/{version.id}").text
        assert ("权限不久前由参与编写或提交的编辑甲安排" in page) is is_marked
        assert decide(reviewer, version, "approve").status_code == 303
        page = reviewer.get(f"/console/rules/versions/{version.id}").text
        assert ("权限不久前由参与编写或提交的编辑甲安排" in page) is is_marked
    assert alert_kinds() == (["review.dependent_reviewer"] if is_marked else [])


def test_a_reviewer_made_by_others_is_not_marked(
    reviewer: Client, write_rule: Callable[..., int]
) -> None:
    version = newest_version(write_rule(then="submit"))
    assert "权限不久前" not in reviewer.get(f"/console/rules/versions/{version.id}").text
