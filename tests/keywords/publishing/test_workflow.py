"""Versions: how a rule comes to citizens, and who may not bring it there."""

from collections.abc import Callable
from datetime import date

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from config import cache_versions
from config.audit import AuditEntry
from config.database import session
from config.errors import Invalid, NotFound, Stale
from config.permissions import Permission, PermissionScope, Principal
from keywords.matching.ruleset import RuleSet
from keywords.publishing import sample_checks, workflow
from keywords.publishing.sample_checks import SampleReport
from keywords.publishing.workflow import (
    InvalidTransition,
    ReviewRequired,
    SampleReportStale,
    SelfReviewForbidden,
)
from keywords.rules import spec as words
from keywords.rules import store, versions
from keywords.rules.replies import Text
from keywords.rules.review_policies import ReviewPolicy
from keywords.rules.spec import RuleSpec
from keywords.rules.values import Keyword, RuleScope
from keywords.rules.versions import RuleVersion, VersionState
from tests.helpers import NOW

pytestmark = pytest.mark.usefixtures("rolled_back")

ANNA, BO, CHEN = 1, 2, 3
LAX, STRICT = ReviewPolicy(needs_review=False), ReviewPolicy()
DRAFT = RuleSpec(
    slug="police.id_card",
    name="身份证办理",
    keywords=(Keyword("身份证"),),
    replies=(Text("请到派出所。"),),
    samples=("身份证怎么办",),
)


@pytest.fixture
def police(make_department: Callable[[str], int]) -> int:
    """The department that owns the rule."""
    return make_department("police")


def save(
    rule_spec: RuleSpec,
    police: int | None,
    by: int | None = ANNA,
    *,
    rule_id: int | None = None,
    base: int | None = None,
) -> RuleVersion:
    return workflow.save_draft(
        rule_spec,
        rule_id=rule_id,
        base_lock_version=base,
        department_id=police,
        account_id=None,
        author_id=by,
        now=NOW,
    )


def approve(version: RuleVersion, by: int = BO, sha256: str = "") -> RuleVersion:
    return workflow.approve(
        version.id,
        sha256=sha256 or version.sha256,
        reviewer_id=by,
        report=sample_report(version),
        policy=STRICT,
        now=NOW,
    )


def publish(version: RuleVersion, policy: ReviewPolicy) -> RuleVersion:
    return workflow.publish(
        version.id,
        sha256=version.sha256,
        submitter_id=ANNA,
        report=sample_report(version),
        policy=policy,
        now=NOW,
    )


def sample_report(version: RuleVersion) -> SampleReport:
    revision = cache_versions.current().get(store.CACHE_KEY, 0)
    failing = sample_checks.check_samples(version, RuleSet(), now=NOW)
    return SampleReport(version.sha256, revision, len(failing))


def publish_new(rule_spec: RuleSpec, police: int, rule_id: int | None = None) -> RuleVersion:
    version = save(rule_spec, police, rule_id=rule_id)
    return approve(workflow.submit(version.id, submitter_id=ANNA, now=NOW))


def states(rule_id: int) -> list[str]:
    return [version.state.value for version in reversed(versions.list_for_rule(rule_id))]


def test_a_new_rule_answers_only_when_it_is_published(police: int) -> None:
    version = save(DRAFT, police)
    assert version.number == 1
    assert version.spec == DRAFT
    workflow.submit(version.id, submitter_id=ANNA, now=NOW)
    assert store.load_live_rules() == ()

    published = approve(version)

    assert (published.state, published.reviewer_id) == (VersionState.PUBLISHED, BO)
    (rule,) = store.load_live_rules()
    assert (rule.slug, rule.samples) == ("police.id_card", ("身份证怎么办",))


def test_editing_a_live_rule_leaves_it_alone_until_the_new_version_is_published(
    police: int,
) -> None:
    first = publish_new(DRAFT, police)
    mended = DRAFT.replace(replies=(Text("请带户口簿。"),))

    second = save(mended, police, rule_id=first.rule_id, base=first.lock_version)

    assert second.number == 2
    assert [rule.replies for rule in store.load_live_rules()] == [DRAFT.replies]
    approve(workflow.submit(second.id, submitter_id=ANNA, now=NOW))
    assert [rule.replies for rule in store.load_live_rules()] == [mended.replies]
    assert states(first.rule_id) == ["superseded", "published"]


def test_an_author_writes_over_the_own_draft_and_another_begins_a_new_version(
    police: int,
) -> None:
    first = save(DRAFT, police)
    again = save(DRAFT.replace(name="办身份证"), police, rule_id=first.rule_id)
    assert (again.id, again.number, again.content["name"]) == (first.id, 1, "办身份证")
    assert store.get(first.rule_id).name == "办身份证", "the list shows what is being written"

    other = save(DRAFT.replace(name="身份证"), police, BO, rule_id=first.rule_id)

    assert other.number == 2
    assert other.contributor_ids == [ANNA, BO]
    assert states(first.rule_id) == ["superseded", "draft"]


def test_a_stale_edit_learns_what_the_other_wrote(police: int) -> None:
    seen = save(DRAFT, police).lock_version
    row = store.find_by_slug(DRAFT.slug)
    assert row is not None
    save(DRAFT.replace(name="身份证"), police, BO, rule_id=row.id, base=seen)

    with pytest.raises(Stale) as refused:
        save(DRAFT.replace(name="我的"), police, ANNA, rule_id=row.id, base=seen)

    assert refused.value.newest.author_id == BO
    assert refused.value.newest.spec.name == "身份证"
    assert states(row.id) == ["superseded", "draft"]


def test_the_own_second_window_is_stale_as_well(police: int) -> None:
    first = save(DRAFT, police)
    seen = first.lock_version
    save(DRAFT.replace(name="一"), police, rule_id=first.rule_id, base=seen)
    with pytest.raises(Stale):
        save(DRAFT.replace(name="二"), police, rule_id=first.rule_id, base=seen)


def test_saving_what_is_there_already_changes_nothing(police: int) -> None:
    live = publish_new(DRAFT, police)
    assert save(DRAFT, police, BO, rule_id=live.rule_id).id == live.id
    assert states(live.rule_id) == ["published"]


def test_saving_takes_what_waits_for_review_out_of_review(police: int) -> None:
    version = workflow.submit(save(DRAFT, police).id, submitter_id=ANNA, now=NOW)
    save(DRAFT.replace(name="身份证"), police, rule_id=version.rule_id)
    with pytest.raises(InvalidTransition):
        approve(version)
    assert states(version.rule_id) == ["superseded", "draft"]


def test_nobody_approves_what_they_wrote_edited_or_submitted(police: int) -> None:
    first = save(DRAFT, police, ANNA)
    second = save(DRAFT.replace(name="身份证"), police, BO, rule_id=first.rule_id)
    workflow.submit(second.id, submitter_id=CHEN, now=NOW)

    for own in (ANNA, BO, CHEN):
        with pytest.raises(SelfReviewForbidden):
            approve(second, own)
        with pytest.raises(SelfReviewForbidden):
            workflow.reject(second.id, "不行", reviewer_id=own, now=NOW)

    assert store.load_live_rules() == ()
    assert approve(second, 4).reviewer_id == 4


def test_the_database_knows_four_eyes_too(police: int) -> None:
    version = save(DRAFT, police)
    version.reviewer_id = ANNA
    with pytest.raises(IntegrityError):
        session.flush()
    session.rollback()


def test_what_was_read_is_what_is_published(police: int) -> None:
    version = workflow.submit(save(DRAFT, police).id, submitter_id=ANNA, now=NOW)
    read = version.sha256
    workflow.withdraw(version.id, now=NOW)
    mended = save(DRAFT.replace(name="身份证"), police, rule_id=version.rule_id)
    workflow.submit(mended.id, submitter_id=ANNA, now=NOW)
    with pytest.raises(Stale):
        approve(mended, sha256=read)
    assert store.load_live_rules() == ()


def test_moving_a_rule_to_another_owner_changes_its_hash(
    police: int, make_department: Callable[[str], int]
) -> None:
    first = save(DRAFT, police)
    before = first.sha256
    assert save(DRAFT, make_department("water"), rule_id=first.rule_id).sha256 != before


def test_steps_cannot_be_skipped(police: int) -> None:
    version = save(DRAFT, police)
    for early in (
        lambda: approve(version),
        lambda: workflow.reject(version.id, "不行", reviewer_id=BO, now=NOW),
    ):
        with pytest.raises(InvalidTransition):
            early()
    with pytest.raises(ReviewRequired):
        publish(version, STRICT)
    approve(workflow.submit(version.id, submitter_id=ANNA, now=NOW))
    for late in (
        lambda: approve(version),
        lambda: workflow.submit(version.id, submitter_id=ANNA, now=NOW),
        lambda: workflow.withdraw(version.id, now=NOW),
    ):
        with pytest.raises(InvalidTransition):
            late()
    assert states(version.rule_id) == ["published"]


def test_a_trial_holds_for_what_was_tried_and_while_no_rule_moves(police: int) -> None:
    first = workflow.submit(save(DRAFT, police).id, submitter_id=ANNA, now=NOW)
    other = save(DRAFT.replace(slug="police.other"), police)
    asked = {"sha256": first.sha256, "reviewer_id": BO, "policy": STRICT, "now": NOW}
    with pytest.raises(Stale):
        workflow.approve(first.id, report=sample_report(other), **asked)

    early = sample_report(first)
    publish(other, LAX)
    with pytest.raises(SampleReportStale):
        workflow.approve(first.id, report=early, **asked)
    assert (
        workflow.approve(first.id, report=sample_report(first), **asked).state
        is VersionState.PUBLISHED
    )


def test_an_author_publishes_alone_where_the_department_says_so(police: int) -> None:
    version = save(DRAFT, police)
    publish(version, LAX)
    assert len(store.load_live_rules()) == 1


@pytest.mark.parametrize("scope", [RuleScope.MANDATORY, RuleScope.DEFAULT])
def test_what_binds_the_city_is_always_reviewed(scope: RuleScope) -> None:
    version = save(DRAFT.replace(scope=scope), None)
    with pytest.raises(ReviewRequired):
        publish(version, LAX)


def test_a_mandatory_rule_of_a_department_is_always_reviewed(police: int) -> None:
    version = save(DRAFT.replace(scope=RuleScope.MANDATORY), police)
    assert LAX.requires_review(version)
    assert not LAX.requires_review(save(DRAFT.replace(slug="police.other"), police))


def test_what_is_sent_back_says_why_and_goes_on_from_there(police: int) -> None:
    version = workflow.submit(save(DRAFT, police).id, submitter_id=ANNA, now=NOW)
    with pytest.raises(Invalid):
        workflow.reject(version.id, "  ", reviewer_id=BO, now=NOW)
    returned = workflow.reject(version.id, "缺少办公时间", reviewer_id=BO, now=NOW)
    assert (returned.state, returned.comment) == (VersionState.REJECTED, "缺少办公时间")

    mended = save(DRAFT.replace(name="身份证"), police, rule_id=version.rule_id)

    assert mended.number == 2
    approve(workflow.submit(mended.id, submitter_id=ANNA, now=NOW))
    assert states(version.rule_id) == ["rejected", "published"]


def test_an_old_version_comes_back_the_same_way_as_a_new_one(police: int) -> None:
    first = publish_new(DRAFT, police)
    publish_new(DRAFT.replace(name="身份证"), police, first.rule_id)

    back = workflow.restore_version(
        first.rule_id, 1, base_lock_version=None, author_id=CHEN, now=NOW
    )

    assert (back.number, back.state, back.spec) == (3, VersionState.DRAFT, DRAFT)
    assert [rule.name for rule in store.load_live_rules()] == ["身份证"]
    with pytest.raises(NotFound):
        workflow.restore_version(first.rule_id, 9, base_lock_version=None, author_id=CHEN, now=NOW)


def test_a_rule_is_looked_at_again_when_the_policy_says_unless_it_says_itself(
    police: int,
) -> None:
    version = publish_new(DRAFT, police)
    assert store.get(version.rule_id).review_by == date(2027, 3, 10)
    own = DRAFT.replace(slug="police.own", review_by=date(2026, 6, 1))
    assert store.get(publish_new(own, police).rule_id).review_by == date(2026, 6, 1)


def test_files_write_published_versions_and_drafts_of_staff_give_way(police: int) -> None:
    store.upsert(DRAFT, department_id=police, now=NOW)
    row = store.find_by_slug(DRAFT.slug)
    assert row is not None
    (first,) = versions.list_for_rule(row.id)
    assert (first.state, first.author_id) == (VersionState.PUBLISHED, None)
    save(DRAFT.replace(name="身份证"), police, rule_id=row.id)

    store.upsert(DRAFT.replace(priority=80), department_id=police, now=NOW)
    off = DRAFT.replace(priority=80, state=words.RuleState.OFF)
    store.upsert(off, department_id=police, now=NOW)

    assert states(row.id) == ["superseded", "superseded", "published"]
    assert store.load_live_rules() == ()


def test_a_rule_from_before_there_were_versions_gets_its_first_one(police: int) -> None:
    row = store.create(DRAFT, department_id=police, now=NOW)
    second = save(DRAFT.replace(name="身份证"), police, rule_id=row.id)
    assert second.number == 2
    assert versions.get_by_number(row.id, 1).spec == DRAFT
    assert states(row.id) == ["published", "draft"]


def test_the_code_of_a_rule_stays(police: int) -> None:
    version = save(DRAFT, police)
    with pytest.raises(Invalid):
        save(DRAFT.replace(slug="other"), police, rule_id=version.rule_id)


def test_a_version_is_there_only_for_those_who_have_both_its_owners(
    police: int, make_department: Callable[[str], int]
) -> None:
    water = make_department("water")
    version = save(DRAFT, police)
    moved = save(DRAFT, water, rule_id=version.rule_id, by=BO)
    session.refresh(store.get(version.rule_id))

    def member(*departments: int) -> Principal:
        return Principal(
            9, "", {Permission.RULES_REVIEW: PermissionScope(departments=frozenset(departments))}
        )

    assert workflow.access_version(member(water), moved.id, Permission.RULES_REVIEW).id == moved.id
    for outside in (member(police), member()):
        with pytest.raises(NotFound):
            workflow.access_version(outside, moved.id, Permission.RULES_REVIEW)
    with pytest.raises(NotFound):
        workflow.access_version(member(water), moved.id, Permission.RULES_WRITE)


def test_every_step_is_audited_at_the_rule(police: int) -> None:
    version = publish_new(DRAFT, police)
    found = session.scalars(
        select(AuditEntry.action)
        .where(AuditEntry.object_kind == "rule", AuditEntry.object_id == str(version.rule_id))
        .order_by(AuditEntry.id)
    ).all()
    assert found == [
        "rule.create",
        "rule_version.save",
        "rule_version.submit",
        "rule.update",
        "rule_version.publish",
    ]
