"""One rule: its page, its versions, and every step from a draft to the citizen."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial

from flask import render_template, request
from werkzeug.wrappers import Response
from wtforms import HiddenField, IntegerField, TextAreaField
from wtforms.validators import InputRequired, Length

from app import auth, edge, live
from app.auth import needs
from app.console import forms
from app.console.drawing import away, done, warn
from app.console.forms import trimmed
from app.console.rules import words
from app.console.rules.blueprint import blueprint
from app.console.rules.words import Owner
from app.jobs import MEDIA_REFRESH
from app.live import Live
from config import clock, jobs
from config.database import reading
from config.tenancy import Right
from keywords import differences, history, hits, policies, stored, switches, versions
from keywords.differences import Difference
from keywords.drafts import RuleDraft
from keywords.drafts import State as RuleState
from keywords.history import RuleVersion, State
from keywords.policies import Policy
from keywords.replies import media_names
from keywords.samples import Broken, Trial
from keywords.stored import StoredRule
from keywords.versions import LONGEST_COMMENT, RulesMoved, SamplesBroken
from matrix.staff import people

Answer = str | Response | tuple[str, int]
_MONTH = timedelta(days=30)
_TRIALS = 3  # of the samples of one version, while other rules keep moving


class DecisionForm(forms.Form):
    """What a reviewer says of a version, bound to what they read."""

    sha256 = HiddenField()
    comment = TextAreaField("意见", [Length(max=LONGEST_COMMENT)], filters=[trimmed])
    waiver = TextAreaField(
        "例句有变化仍要发布的理由", [Length(max=LONGEST_COMMENT)], filters=[trimmed]
    )


class StepForm(forms.Form):
    """A step of a rule as it was on the page."""

    version = IntegerField(validators=[InputRequired()])


# ---- pages ----


@blueprint.get("/<int:rule_id>")
@needs(Right.RULES_READ)
def show(rule_id: int) -> str:
    """A rule: what citizens get, and what is proposed."""
    row = stored.access_rule(auth.member(), rule_id, Right.RULES_READ)
    newest = history.newest(rule_id)
    is_new, today = row.state is RuleState.DRAFT, clock.local_day(clock.now())
    owner = Owner(row.department_id, row.account_id)
    return render_template(
        "console/rules/show.html",
        row=row,
        newest=newest,
        owner=owner,
        owner_name=owner.name(live.current()),
        content=_content(stored.to_draft(row)),
        is_new=is_new,
        can_delete=is_new and not history.was_published(rule_id),
        past=history.listed(rule_id)[:5],
        hits=hits.summaries(auth.member(), [row.code], since=today - _MONTH).get(row.code),
        names=_names([newest] if newest else []),
        today=today,
        **_words(),
    )


@blueprint.get("/<int:rule_id>/versions")
@needs(Right.RULES_READ)
def all_versions(rule_id: int) -> str:
    """All versions of a rule, and two of them side by side."""
    row = stored.access_rule(auth.member(), rule_id, Right.RULES_READ)
    listed = history.listed(rule_id)
    numbers = {version.number: version for version in listed}
    after = numbers.get(request.args.get("b", type=int) or 0) or (listed[0] if listed else None)
    wished = request.args.get("a", type=int) or (after.number - 1 if after else 0)
    before = numbers.get(wished)
    return render_template(
        "console/rules/versions.html",
        row=row,
        listed=listed,
        before=before,
        after=after,
        found=_between(before, after) if after else (),
        names=_names(listed),
        **_words(),
    )


@blueprint.get("/versions/<int:version_id>")
@needs(Right.RULES_READ)
def review(version_id: int) -> str:
    """A version beside what is in force, and what may be done with it."""
    version = versions.access_version(auth.member(), version_id, Right.RULES_READ)
    return _review(version, DecisionForm(formdata=None, data={"sha256": version.sha256}))


@blueprint.get("/versions/<int:version_id>/samples")
@needs(Right.RULES_READ)
def try_samples(version_id: int) -> str:
    """Which samples would lose their answer; asked for when the page stands already."""
    version = versions.access_version(auth.member(), version_id, Right.RULES_READ)
    trial = _tried(version, live.current())
    return render_template(
        "console/rules/_samples.html", broken=_told(trial.broken), count=len(version.draft.samples)
    )


def _review(
    version: RuleVersion, form: DecisionForm, broken: Sequence[Broken] | None = None
) -> str:
    member, me = auth.member(), auth.current().staff.id
    owner = Owner(version.department_id, version.account_id)
    whose = {"department_id": owner.department_id, "account_id": owner.account_id}
    may_review = member.may(Right.RULES_REVIEW, **whose)
    is_own = me in (*version.writers, version.author_id, version.submitter_id)
    policy = policies.nearest(owner.chain(live.current()))
    return render_template(
        "console/rules/review.html",
        row=stored.get(version.rule_id),
        version=version,
        form=form,
        found=_between(history.published(version.rule_id), version),
        draft=version.draft,
        is_first=history.published(version.rule_id) is None,
        names=_names([version]),
        is_own=is_own and may_review,
        may_write=member.may(Right.RULES_WRITE, **whose),
        may_decide=may_review and not is_own and version.state is State.SUBMITTED,
        may_publish=version.state is State.DRAFT and not policy.asks_review(version),
        broken=None if broken is None else _told(broken),
        **_words(),
    )


# ---- steps of a version ----


@blueprint.post("/versions/<int:version_id>/submit")
@needs(Right.RULES_WRITE)
def submit(version_id: int) -> Response:
    """Ask for review."""
    version = versions.access_version(auth.member(), version_id, Right.RULES_WRITE)
    versions.submit(version.id, by=auth.current().staff.id, now=clock.now())
    done("已提交审核。审核通过之前，市民得到的答复不变。")
    return away("rules.show", rule_id=version.rule_id)


@blueprint.post("/versions/<int:version_id>/withdraw")
@needs(Right.RULES_WRITE)
def withdraw(version_id: int) -> Response:
    """Take a draft or a submission back."""
    version = versions.access_version(auth.member(), version_id, Right.RULES_WRITE)
    versions.withdraw(version.id, now=clock.now())
    done("已撤回，内容留在历史版本里。")
    return away("rules.show", rule_id=version.rule_id)


@blueprint.post("/versions/<int:version_id>/approve")
@needs(Right.RULES_REVIEW)
def approve(version_id: int) -> Answer:
    """Publish what was read."""
    version = versions.access_version(auth.member(), version_id, Right.RULES_REVIEW)
    form = DecisionForm()
    if not form.validate():
        return _review(version, form), 422
    approving = partial(
        versions.approve,
        version.id,
        sha256=form.sha256.data or "",
        by=auth.current().staff.id,
        policy=_policy(version),
        comment=form.comment.data or "",
        waiver=form.waiver.data or "",
        now=clock.now(),
    )
    try:
        _after_trial(version, Right.RULES_REVIEW, approving)
    except SamplesBroken as error:
        form.form_errors.append(str(error))
        return _review(version, form, error.broken), 409
    return _published(version)


@blueprint.post("/versions/<int:version_id>/reject")
@needs(Right.RULES_REVIEW)
def reject(version_id: int) -> Answer:
    """Send a version back with words."""
    version = versions.access_version(auth.member(), version_id, Right.RULES_REVIEW)
    form = DecisionForm()
    if form.validate():
        with forms.blaming(form):
            by, now = auth.current().staff.id, clock.now()
            versions.reject(version.id, form.comment.data or "", by=by, now=now)
    if form.is_refused:
        return _review(version, form), 422
    done("已退回，作者会在待办里看到您的意见。")
    return away("rules.show", rule_id=version.rule_id)


@blueprint.post("/versions/<int:version_id>/publish")
@needs(Right.RULES_WRITE)
def publish(version_id: int) -> Answer:
    """Publish without a second person, where the department allows."""
    version = versions.access_version(auth.member(), version_id, Right.RULES_WRITE)
    form = DecisionForm()
    if not form.validate():
        return _review(version, form), 422
    return publish_alone(version, sha256=form.sha256.data or "", waiver=form.waiver.data or "")


def publish_alone(version: RuleVersion, *, sha256: str = "", waiver: str = "") -> Response:
    """Publish, or show which samples would lose their answer. `sha256` is of what was read.

    What the request has changed before is kept.
    """
    publishing = partial(
        versions.publish,
        version.id,
        sha256=sha256 or version.sha256,
        by=auth.current().staff.id,
        policy=_policy(version),
        waiver=waiver,
        now=clock.now(),
    )
    try:
        _after_trial(version, Right.RULES_WRITE, publishing)
    except SamplesBroken as error:
        warn(str(error))
        return away("rules.review", version_id=version.id)
    return _published(version)


def _after_trial(
    version: RuleVersion, right: Right, deed: Callable[..., RuleVersion]
) -> RuleVersion:
    """Do a deed with the trial of the samples; anew when other rules moved in between."""

    def attempt() -> Trial:
        picture = live.refresh()
        with reading():
            proposed = versions.access_version(auth.member(), version.id, right)
        return _tried(proposed, picture)

    for _ in range(_TRIALS - 1):
        with suppress(RulesMoved):
            return deed(trial=edge.aside(attempt))
    return deed(trial=edge.aside(attempt))


def _tried(version: RuleVersion, picture: Live) -> Trial:
    revision = picture.revisions.get(stored.REVISION, 0)
    return versions.tried(version, picture.book, revision=revision, now=clock.now())


@blueprint.post("/<int:rule_id>/restore/<int:number>")
@needs(Right.RULES_WRITE)
def restore(rule_id: int, number: int) -> Response:
    """Propose an old version anew."""
    stored.access_rule(auth.member(), rule_id, Right.RULES_WRITE)
    old = history.numbered(rule_id, number)
    auth.member().require(
        Right.RULES_WRITE, department_id=old.department_id, account_id=old.account_id
    )
    by, now = auth.current().staff.id, clock.now()
    version = versions.roll_back(rule_id, number, base=None, author_id=by, now=now)
    done(f"已按第 {number} 版的内容写成新的草稿，发布后才会生效。")
    return away("rules.review", version_id=version.id)


# ---- the rule itself ----


@blueprint.post("/<int:rule_id>/off")
@needs(Right.RULES_WRITE)
def switch_off(rule_id: int) -> Response:
    """Take a rule out of force."""
    row = stored.access_rule(auth.member(), rule_id, Right.RULES_WRITE)
    switches.switch_off(row.id, version=_seen(row), now=clock.now())
    done("已停用，市民不会再得到这条答复。")
    return away("rules.show", rule_id=rule_id)


@blueprint.post("/<int:rule_id>/on")
@needs(Right.RULES_WRITE)
def switch_on(rule_id: int) -> Response:
    """Put a rule into force again."""
    row = stored.access_rule(auth.member(), rule_id, Right.RULES_WRITE)
    switches.switch_on(row.id, version=_seen(row), now=clock.now())
    done("已启用，两秒之内生效。")
    return away("rules.show", rule_id=rule_id)


@blueprint.post("/<int:rule_id>/delete")
@needs(Right.RULES_WRITE)
def delete(rule_id: int) -> Response:
    """Remove a rule that was never published."""
    row = stored.access_rule(auth.member(), rule_id, Right.RULES_WRITE)
    switches.delete(row.id, version=_seen(row))
    done("已删除。")
    return away("rules.index")


def _seen(row: StoredRule) -> int:
    """The version of the rule that was on the page; without one, nothing fits."""
    form = StepForm()
    return form.version.data if form.validate() and form.version.data is not None else -1


def _published(version: RuleVersion) -> Response:
    if media_names(version.draft.replies):
        jobs.enqueue(MEDIA_REFRESH, key=MEDIA_REFRESH)
    done("已发布，两秒之内生效。")
    return away("rules.show", rule_id=version.rule_id)


def _policy(version: RuleVersion) -> Policy:
    owner = Owner(version.department_id, version.account_id)
    return policies.nearest(owner.chain(live.current()))


# ---- what pages show ----


def _content(draft: RuleDraft) -> tuple[Difference, ...]:
    return tuple(one for one in differences.between(None, draft) if one.field != "owner")


def _between(before: RuleVersion | None, after: RuleVersion) -> tuple[Difference, ...]:
    picture = live.current()
    old = Owner(before.department_id, before.account_id).name(picture) if before else ""
    new = Owner(after.department_id, after.account_id).name(picture)
    return differences.between(
        before.draft if before else None, after.draft, owner_before=old, owner_after=new
    )


def _names(listed: Sequence[RuleVersion]) -> dict[int, str]:
    """The names of all who had to do with these versions, in one query."""
    ids = {key for one in listed for key in (one.author_id, one.submitter_id, one.reviewer_id)}
    return people.names({key for key in ids if key is not None})


def _told(found: Sequence[Broken]) -> list[dict[str, object]]:
    picture = live.current()
    accounts = {account.id: account.name for account in picture.accounts.values()}
    return [
        {
            "sample": one.sample,
            "rule": one.rule.name,
            "account": accounts.get(one.account_id, ""),
            "answering": one.answering.name if one.answering else "",
            "emergency": one.emergency,
        }
        for one in found
    ]


def _words() -> dict[str, object]:
    return {
        "fields": words.FIELDS,
        "shown": words.shown,
        "states": words.VERSION_STATES,
        "rule_states": words.RULE_STATES,
        "scopes": words.SCOPE_NAMES,
    }
