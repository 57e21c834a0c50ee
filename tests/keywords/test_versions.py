"""Versions: how a rule comes to citizens, and who may not bring it there."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from config import revisions
from config.audit import Entry
from config.database import session
from config.errors import Invalid, NotFound
from config.tenancy import Area, Member, Right
from keywords import drafts as words
from keywords import history, stored, versions
from keywords.book import Book
from keywords.drafts import RuleDraft
from keywords.history import RuleVersion, State
from keywords.policies import Policy
from keywords.replies import Text
from keywords.rules import Keyword, Scope
from keywords.samples import Trial
from keywords.versions import (
    OwnWork,
    ReviewNeeded,
    RulesMoved,
    VersionChanged,
    WrongStep,
)
from tests.fixtures import NOW

pytestmark = pytest.mark.usefixtures("rolled_back")

ANNA, BO, CHEN = 1, 2, 3
LAX, STRICT = Policy(needs_review=False), Policy()
DRAFT = RuleDraft(
    code="police.id_card",
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
    draft: RuleDraft,
    police: int | None,
    by: int | None = ANNA,
    *,
    rule_id: int | None = None,
    base: int | None = None,
) -> RuleVersion:
    return versions.save(
        draft,
        rule_id=rule_id,
        base=base,
        department_id=police,
        account_id=None,
        author_id=by,
        now=NOW,
    )


def approve(version: RuleVersion, by: int = BO, sha256: str = "") -> RuleVersion:
    return versions.approve(
        version.id,
        sha256=sha256 or version.sha256,
        by=by,
        trial=tried(version),
        policy=STRICT,
        now=NOW,
    )


def publish(version: RuleVersion, policy: Policy) -> RuleVersion:
    return versions.publish(
        version.id,
        sha256=version.sha256,
        by=ANNA,
        trial=tried(version),
        policy=policy,
        now=NOW,
    )


def tried(version: RuleVersion) -> Trial:
    revision = revisions.current().get(stored.REVISION, 0)
    return versions.tried(version, Book(), revision=revision, now=NOW)


def put_in_force(draft: RuleDraft, police: int, rule_id: int | None = None) -> RuleVersion:
    version = save(draft, police, rule_id=rule_id)
    return approve(versions.submit(version.id, by=ANNA, now=NOW))


def states(rule_id: int) -> list[str]:
    return [version.state.value for version in reversed(history.listed(rule_id))]


def test_a_new_rule_answers_only_when_it_is_published(police: int) -> None:
    version = save(DRAFT, police)
    assert version.number == 1
    assert version.draft == DRAFT
    versions.submit(version.id, by=ANNA, now=NOW)
    assert stored.live() == ()

    published = approve(version)

    assert (published.state, published.reviewer_id) == (State.PUBLISHED, BO)
    (rule,) = stored.live()
    assert (rule.code, rule.samples) == ("police.id_card", ("身份证怎么办",))


def test_editing_a_live_rule_leaves_it_alone_until_the_new_version_is_published(
    police: int,
) -> None:
    first = put_in_force(DRAFT, police)
    mended = replace(DRAFT, replies=(Text("请带户口簿。"),))

    second = save(mended, police, rule_id=first.rule_id, base=first.stamp)

    assert second.number == 2
    assert [rule.replies for rule in stored.live()] == [DRAFT.replies]
    approve(versions.submit(second.id, by=ANNA, now=NOW))
    assert [rule.replies for rule in stored.live()] == [mended.replies]
    assert states(first.rule_id) == ["superseded", "published"]


def test_an_author_writes_over_the_own_draft_and_another_begins_a_new_version(
    police: int,
) -> None:
    first = save(DRAFT, police)
    again = save(replace(DRAFT, name="办身份证"), police, rule_id=first.rule_id)
    assert (again.id, again.number, again.shape["name"]) == (first.id, 1, "办身份证")
    assert stored.get(first.rule_id).name == "办身份证", "the list shows what is being written"

    other = save(replace(DRAFT, name="身份证"), police, BO, rule_id=first.rule_id)

    assert other.number == 2
    assert other.writers == [ANNA, BO]
    assert states(first.rule_id) == ["superseded", "draft"]


def test_a_stale_edit_learns_what_the_other_wrote(police: int) -> None:
    seen = save(DRAFT, police).stamp
    row = stored.by_code(DRAFT.code)
    assert row is not None
    save(replace(DRAFT, name="身份证"), police, BO, rule_id=row.id, base=seen)

    with pytest.raises(VersionChanged) as refused:
        save(replace(DRAFT, name="我的"), police, ANNA, rule_id=row.id, base=seen)

    assert refused.value.newest.author_id == BO
    assert refused.value.newest.draft.name == "身份证"
    assert states(row.id) == ["superseded", "draft"]


def test_the_own_second_window_is_stale_as_well(police: int) -> None:
    first = save(DRAFT, police)
    seen = first.stamp
    save(replace(DRAFT, name="一"), police, rule_id=first.rule_id, base=seen)
    with pytest.raises(VersionChanged):
        save(replace(DRAFT, name="二"), police, rule_id=first.rule_id, base=seen)


def test_saving_what_is_there_already_changes_nothing(police: int) -> None:
    live = put_in_force(DRAFT, police)
    assert save(DRAFT, police, BO, rule_id=live.rule_id).id == live.id
    assert states(live.rule_id) == ["published"]


def test_saving_takes_what_waits_for_review_out_of_review(police: int) -> None:
    version = versions.submit(save(DRAFT, police).id, by=ANNA, now=NOW)
    save(replace(DRAFT, name="身份证"), police, rule_id=version.rule_id)
    with pytest.raises(WrongStep):
        approve(version)
    assert states(version.rule_id) == ["superseded", "draft"]


def test_nobody_approves_what_they_wrote_edited_or_submitted(police: int) -> None:
    first = save(DRAFT, police, ANNA)
    second = save(replace(DRAFT, name="身份证"), police, BO, rule_id=first.rule_id)
    versions.submit(second.id, by=CHEN, now=NOW)

    for own in (ANNA, BO, CHEN):
        with pytest.raises(OwnWork):
            approve(second, own)
        with pytest.raises(OwnWork):
            versions.reject(second.id, "不行", by=own, now=NOW)

    assert stored.live() == ()
    assert approve(second, 4).reviewer_id == 4


def test_the_database_knows_four_eyes_too(police: int) -> None:
    version = save(DRAFT, police)
    version.reviewer_id = ANNA
    with pytest.raises(IntegrityError):
        session.flush()
    session.rollback()


def test_what_was_read_is_what_is_published(police: int) -> None:
    version = versions.submit(save(DRAFT, police).id, by=ANNA, now=NOW)
    read = version.sha256
    versions.withdraw(version.id, now=NOW)
    mended = save(replace(DRAFT, name="身份证"), police, rule_id=version.rule_id)
    versions.submit(mended.id, by=ANNA, now=NOW)
    with pytest.raises(VersionChanged):
        approve(mended, sha256=read)
    assert stored.live() == ()


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
        lambda: versions.reject(version.id, "不行", by=BO, now=NOW),
    ):
        with pytest.raises(WrongStep):
            early()
    with pytest.raises(ReviewNeeded):
        publish(version, STRICT)
    approve(versions.submit(version.id, by=ANNA, now=NOW))
    for late in (
        lambda: approve(version),
        lambda: versions.submit(version.id, by=ANNA, now=NOW),
        lambda: versions.withdraw(version.id, now=NOW),
    ):
        with pytest.raises(WrongStep):
            late()
    assert states(version.rule_id) == ["published"]


def test_a_trial_holds_for_what_was_tried_and_while_no_rule_moves(police: int) -> None:
    first = versions.submit(save(DRAFT, police).id, by=ANNA, now=NOW)
    other = save(replace(DRAFT, code="police.other"), police)
    asked = {"sha256": first.sha256, "by": BO, "policy": STRICT, "now": NOW}
    with pytest.raises(VersionChanged):
        versions.approve(first.id, trial=tried(other), **asked)

    early = tried(first)
    publish(other, LAX)
    with pytest.raises(RulesMoved):
        versions.approve(first.id, trial=early, **asked)
    assert versions.approve(first.id, trial=tried(first), **asked).state is State.PUBLISHED


def test_an_author_publishes_alone_where_the_department_says_so(police: int) -> None:
    version = save(DRAFT, police)
    publish(version, LAX)
    assert len(stored.live()) == 1


@pytest.mark.parametrize("scope", [Scope.MANDATORY, Scope.DEFAULT])
def test_what_binds_the_city_is_always_reviewed(scope: Scope) -> None:
    version = save(replace(DRAFT, scope=scope), None)
    with pytest.raises(ReviewNeeded):
        publish(version, LAX)


def test_a_mandatory_rule_of_a_department_is_always_reviewed(police: int) -> None:
    version = save(replace(DRAFT, scope=Scope.MANDATORY), police)
    assert LAX.asks_review(version)
    assert not LAX.asks_review(save(replace(DRAFT, code="police.other"), police))


def test_what_is_sent_back_says_why_and_goes_on_from_there(police: int) -> None:
    version = versions.submit(save(DRAFT, police).id, by=ANNA, now=NOW)
    with pytest.raises(Invalid):
        versions.reject(version.id, "  ", by=BO, now=NOW)
    returned = versions.reject(version.id, "缺少办公时间", by=BO, now=NOW)
    assert (returned.state, returned.comment) == (State.REJECTED, "缺少办公时间")

    mended = save(replace(DRAFT, name="身份证"), police, rule_id=version.rule_id)

    assert mended.number == 2
    approve(versions.submit(mended.id, by=ANNA, now=NOW))
    assert states(version.rule_id) == ["rejected", "published"]


def test_an_old_version_comes_back_the_same_way_as_a_new_one(police: int) -> None:
    first = put_in_force(DRAFT, police)
    put_in_force(replace(DRAFT, name="身份证"), police, first.rule_id)

    back = versions.roll_back(first.rule_id, 1, base=None, author_id=CHEN, now=NOW)

    assert (back.number, back.state, back.draft) == (3, State.DRAFT, DRAFT)
    assert [rule.name for rule in stored.live()] == ["身份证"]
    with pytest.raises(NotFound):
        versions.roll_back(first.rule_id, 9, base=None, author_id=CHEN, now=NOW)


def test_a_rule_is_looked_at_again_when_the_policy_says_unless_it_says_itself(
    police: int,
) -> None:
    version = put_in_force(DRAFT, police)
    assert stored.get(version.rule_id).review_by == date(2027, 3, 10)
    own = replace(DRAFT, code="police.own", review_by=date(2026, 6, 1))
    assert stored.get(put_in_force(own, police).rule_id).review_by == date(2026, 6, 1)


def test_files_write_published_versions_and_drafts_of_staff_give_way(police: int) -> None:
    stored.put(DRAFT, department_id=police, now=NOW)
    row = stored.by_code(DRAFT.code)
    assert row is not None
    (first,) = history.listed(row.id)
    assert (first.state, first.author_id) == (State.PUBLISHED, None)
    save(replace(DRAFT, name="身份证"), police, rule_id=row.id)

    stored.put(replace(DRAFT, priority=80), department_id=police, now=NOW)
    off = replace(DRAFT, priority=80, state=words.State.OFF)
    stored.put(off, department_id=police, now=NOW)

    assert states(row.id) == ["superseded", "superseded", "published"]
    assert stored.live() == ()


def test_a_rule_from_before_there_were_versions_gets_its_first_one(police: int) -> None:
    row = stored.create(DRAFT, department_id=police, now=NOW)
    second = save(replace(DRAFT, name="身份证"), police, rule_id=row.id)
    assert second.number == 2
    assert history.numbered(row.id, 1).draft == DRAFT
    assert states(row.id) == ["published", "draft"]


def test_the_code_of_a_rule_stays(police: int) -> None:
    version = save(DRAFT, police)
    with pytest.raises(Invalid):
        save(replace(DRAFT, code="other"), police, rule_id=version.rule_id)


def test_a_version_is_there_only_for_those_who_have_both_its_owners(
    police: int, make_department: Callable[[str], int]
) -> None:
    water = make_department("water")
    version = save(DRAFT, police)
    moved = save(DRAFT, water, rule_id=version.rule_id, by=BO)
    session.refresh(stored.get(version.rule_id))

    def member(*departments: int) -> Member:
        return Member(9, "", {Right.RULES_REVIEW: Area(departments=frozenset(departments))})

    assert versions.access_version(member(water), moved.id, Right.RULES_REVIEW).id == moved.id
    for outside in (member(police), member()):
        with pytest.raises(NotFound):
            versions.access_version(outside, moved.id, Right.RULES_REVIEW)
    with pytest.raises(NotFound):
        versions.access_version(member(water), moved.id, Right.RULES_WRITE)


def test_every_step_is_audited_at_the_rule(police: int) -> None:
    version = put_in_force(DRAFT, police)
    found = session.scalars(
        select(Entry.action)
        .where(Entry.object_kind == "rule", Entry.object_id == str(version.rule_id))
        .order_by(Entry.id)
    ).all()
    assert found == [
        "rule.created",
        "rule_version.save",
        "rule_version.submit",
        "rule.updated",
        "rule_version.publish",
    ]
