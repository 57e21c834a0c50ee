"""Writing a rule: the form, what it would change, and how it looks on a phone."""

import secrets
from typing import Any

from flask import render_template, request
from werkzeug.wrappers import Response

from app import snapshots
from app.console.rules import labels
from app.console.rules.blueprint import blueprint
from app.console.rules.editor.form import (
    TYPES_BY_FIELD,
    KeywordRow,
    ReplyRow,
    RuleForm,
    add_error,
    check_media,
    form_from_spec,
    spec_from_form,
)
from app.console.rules.labels import Owner
from app.console.rules.workflow import publish_without_review
from app.console.template_globals import flash_success, redirect_to
from app.snapshots import Snapshot
from app.web import auth
from app.web.auth import requires
from config import clock
from config.database import session
from config.errors import Invalid
from config.permissions import Permission
from keywords.matching.matcher import Matcher
from keywords.publishing import conflicts, diff, workflow
from keywords.publishing.conflicts import Conflict
from keywords.publishing.what_if import WhatIf, next_active_moment
from keywords.publishing.workflow import VersionChanged
from keywords.rules import replies, review_policies, store, versions
from keywords.rules.replies import Text, media_names
from keywords.rules.review_policies import ReviewPolicy
from keywords.rules.spec import RuleSpec
from keywords.rules.store import SlugTaken
from keywords.rules.values import Keyword, MatchInput, MatchMode, Rule
from keywords.rules.versions import RuleVersion, VersionState
from keywords.spec_fields import LONGEST_KEYWORD
from matrix.departments import Department
from matrix.staff import members

ViewResult = str | Response | tuple[str, int]
# sorts behind every code, so that a rule that would win by its code alone is told
_PLACEHOLDER_SLUG = "~"


@blueprint.route("/new", methods=["GET", "POST"])
@requires(Permission.RULES_WRITE)
def new() -> ViewResult:
    """Write a rule that is not there yet; the address may bring words along."""
    if request.method == "GET":
        return _render(_new_form(), None)
    form = RuleForm()
    if not form.validate() or not _require_owner(form):
        return _render(form, None), 422
    spec = spec_from_form(form, _new_slug(form.chosen_owner))
    if spec is None or not check_media(form, spec, frozenset()):
        return _render(form, None), 422
    version = _save_version(form, spec, None)
    return (_render(form, None), 422) if version is None else _next_step(version)


@blueprint.route("/<int:rule_id>/edit", methods=["GET", "POST"])
@requires(Permission.RULES_WRITE)
def edit(rule_id: int) -> ViewResult:
    """Write the next version of a rule; what citizens get stays as it is meanwhile."""
    row = store.access_rule(auth.member(), rule_id, Permission.RULES_WRITE)
    newest = versions.find_newest(rule_id)
    if newest is not None:
        workflow.access_version(auth.member(), newest.id, Permission.RULES_WRITE)
    if request.method == "GET":
        return _render(_edit_form(rule_id, newest), rule_id, newest)
    form = RuleForm()
    if not form.validate() or not _require_owner(form):
        return _render(form, rule_id, newest), 422
    spec = spec_from_form(form, row.slug)
    known_media = media_names((newest.spec if newest else store.to_spec(row)).replies)
    if spec is None or not check_media(form, spec, known_media):
        return _render(form, rule_id, newest), 422
    try:
        version = _save_version(form, spec, rule_id)
    except VersionChanged as error:
        return _render_conflict(form, spec, error.newest), 409
    return (_render(form, rule_id, newest), 422) if version is None else _next_step(version)


@blueprint.post("/look")
@requires(Permission.RULES_WRITE)
def preview() -> str:
    """What the form would do, while somebody types in it. Asks the database for nothing."""
    form, snapshot, now = RuleForm(), snapshots.current(), clock.now()
    rule_id_arg = request.args.get("rule", type=int)
    known_slug = next(
        (rule.slug for rule in snapshot.ruleset.all_rules_matcher.rules if rule.id == rule_id_arg),
        _PLACEHOLDER_SLUG,
    )
    try:
        spec, problem = _partial_spec(form, known_slug), ""
    except Invalid as error:
        return render_template("console/rules/_preview.html", problem=error.problem, spec=None)
    owner = form.chosen_owner
    rule = spec.rule(department_id=owner.department_id, account_id=owner.account_id)
    conflicts_found = conflicts.detect(snapshot.ruleset, rule, now=now) if form.owner.data else ()
    phrase = request.form.get("phrase", "").strip()[:200]
    return render_template(
        "console/rules/_preview.html",
        spec=spec,
        problem=problem,
        choice=labels.CHOICES[spec.choice],
        conflicts=[
            (conflict, _conflict_context(conflict, snapshot)) for conflict in conflicts_found
        ],
        grave=labels.SEVERE_CONFLICTS,
        phrase=phrase,
        tried=_try_phrase(snapshot, rule, phrase) if phrase else None,
    )


# ---- beginning ----


def _new_form() -> RuleForm:
    """An empty form with what the address brings: keyword, department, account, sample."""
    snapshot, member = snapshots.current(), auth.member()
    owner = _requested_owner(snapshot)
    keywords = tuple(
        Keyword(word[:LONGEST_KEYWORD], MatchMode.CONTAINS)
        for word in dict.fromkeys(map(str.strip, request.args.getlist("keyword")))
        if word
    )
    samples = tuple(filter(None, (item.strip()[:200] for item in request.args.getlist("sample"))))
    policy = review_policies.nearest(owner.department_chain(snapshot))
    # no rule yet, and nothing of it is checked: only what the form begins with
    spec = RuleSpec.model_construct(
        code="new",
        name=keywords[0].text if keywords else "",
        keywords=keywords[:50],
        replies=(),
        samples=samples[:20],
        review_by=policy.review_by(clock.local_day(clock.now())),
    )
    form = form_from_spec(spec, owner)
    if not member.may(
        Permission.RULES_WRITE, department_id=owner.department_id, account_id=owner.account_id
    ):
        form.owner.data = labels.owner_choices(snapshot, member.scope(Permission.RULES_WRITE))[0][0]
    return form


def _requested_owner(snapshot: Snapshot) -> Owner:
    account_id = request.args.get("account", type=int)
    department_id = request.args.get("department", type=int)
    if account_id is not None:
        return Owner(account_id=account_id)
    return Owner(department_id or auth.current().staff.department_id)


def _edit_form(rule_id: int, newest: RuleVersion | None) -> RuleForm:
    """The form with the newest version, or with the row of a rule that has none."""
    row = store.get(rule_id)
    if newest is None:
        spec, owner = store.to_spec(row), Owner(row.department_id, row.account_id)
    else:
        spec, owner = newest.spec, Owner(newest.department_id, newest.account_id)
    added = tuple(
        Keyword(word[:LONGEST_KEYWORD])
        for word in map(str.strip, request.args.getlist("add_keyword"))
        if word
    )
    listed = tuple(dict.fromkeys((*spec.keywords, *added)))
    spec = spec.model_copy(update={"keywords": listed})
    return form_from_spec(spec, owner, base=newest.lock_version if newest else None)


# ---- keeping ----


def _require_owner(form: RuleForm) -> bool:
    """True for an owner of the member's own. Raises NotFound for others."""
    owner = form.chosen_owner
    auth.member().require(
        Permission.RULES_WRITE, department_id=owner.department_id, account_id=owner.account_id
    )
    return True


def _save_version(form: RuleForm, spec: RuleSpec, rule_id: int | None) -> RuleVersion | None:
    """The version; None when the deed refused, which the form then says."""
    owner, base = form.chosen_owner, form.base.data or ""
    try:
        return workflow.save_draft(
            spec,
            rule_id=rule_id,
            base_lock_version=int(base) if base.isdecimal() else None,
            department_id=owner.department_id,
            account_id=owner.account_id,
            author_id=auth.current().staff.id,
            now=clock.now(),
        )
    except Invalid as error:
        add_error(form, error)
    except SlugTaken as error:
        form.form_errors.append(str(error))
    return None


def _new_slug(owner: Owner) -> str:
    """A code for a new rule: whose it is, and chance."""
    snapshot = snapshots.current()
    if owner.account_id is not None:
        prefix = next(
            item.appid for item in snapshot.accounts.values() if item.id == owner.account_id
        )
    elif owner.department_id is None:
        prefix = "city"
    else:
        prefix = session.get_one(Department, owner.department_id).slug
    return f"{prefix[:48]}.{secrets.token_hex(4)}"


def _next_step(version: RuleVersion) -> Response:
    """Do what the pressed button says after the draft was kept."""
    next_step, now = request.form.get("then", ""), clock.now()
    if version.state is VersionState.PUBLISHED:
        flash_success("内容没有变化。")
    elif next_step == "submit" and version.state is VersionState.DRAFT:
        workflow.submit(version.id, submitter_id=auth.current().staff.id, now=now)
        flash_success("已提交审核。审核通过之前，市民得到的答复不变。")
    elif next_step == "publish" and version.state is VersionState.DRAFT:
        return publish_without_review(version)
    else:
        flash_success("草稿已保存，还没有发布。")
    return redirect_to("rules.show", rule_id=version.rule_id)


# ---- showing ----


def _render(form: RuleForm, rule_id: int | None, newest: RuleVersion | None = None) -> str:
    snapshot = snapshots.current()
    policy = (
        review_policies.nearest(form.chosen_owner.department_chain(snapshot))
        if form.owner.data
        else ReviewPolicy()
    )
    return render_template(
        "console/rules/edit.html",
        form=form,
        rule_id=rule_id,
        newest=newest,
        author=_author_name(newest) if newest is not None else "",
        policy=policy,
        keyword_row=KeywordRow(prefix="keywords-__i__-"),
        reply_row=ReplyRow(prefix="replies-__i__-"),
        types_of=TYPES_BY_FIELD,
        mode_help=labels.MODE_HELP,
        most_replies=form.replies.max_entries,
    )


def _author_name(version: RuleVersion) -> str:
    if version.author_id is None:
        return "系统"
    return members.names({version.author_id}).get(version.author_id, "")


def _render_conflict(form: RuleForm, submitted: RuleSpec, newest: RuleVersion) -> str:
    """Somebody else was at the rule: what they left, and what was typed here."""
    snapshot, newest_owner = snapshots.current(), Owner(newest.department_id, newest.account_id)
    return render_template(
        "console/rules/edit_conflict.html",
        form=form,
        newest=newest,
        author=_author_name(newest),
        found=diff.compare(
            newest.spec,
            submitted,
            owner_before=newest_owner.name(snapshot),
            owner_after=form.chosen_owner.name(snapshot),
        ),
        fields=labels.FIELDS,
        shown=labels.value_text,
        carried=[
            (name, value)
            for name, value in request.form.items(multi=True)
            if name not in ("csrf_token", "base", "then")
        ],
    )


def _partial_spec(form: RuleForm, slug: str) -> RuleSpec:
    """The draft as far as it is written. Raises Invalid for what cannot be compiled."""
    data: dict[str, Any] = form.as_dict("draft")
    is_empty = not data["keywords"]
    data |= {"name": data["name"] or "新规则", "priority": data["priority"] or 0}
    data["keywords"] = data["keywords"] or ["-空-"]
    data["replies"] = [*_complete_replies(data["replies"])] or [{"type": "text", "content": "……"}]
    spec = RuleSpec.read(data, is_owned=form.chosen_owner != Owner())
    # a rule without keywords is none yet, but may be looked at
    return spec.model_copy(update={"code": slug} | ({"keywords": ()} if is_empty else {}))


def _complete_replies(shapes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The replies that are written far enough to be shown."""
    return [data for data in shapes if _is_complete_reply(data)]


def _is_complete_reply(data: dict[str, Any]) -> bool:
    try:
        replies.read(data)
    except Invalid:
        return False
    return True


def _conflict_context(conflict: Conflict, snapshot: Snapshot) -> dict[str, Any]:
    """A conflict in words, with whose rule it is."""
    other = conflict.other
    return {
        "text": labels.CONFLICT_TEXTS[conflict.kind].format(
            word=conflict.keyword, other_word=conflict.other_keyword
        ),
        "owner": Owner(other.department_id, other.account_id).name(snapshot),
        "is_own": auth.member().may(
            Permission.RULES_READ, department_id=other.department_id, account_id=other.account_id
        ),
    }


def _try_phrase(snapshot: Snapshot, rule: Rule, phrase: str) -> dict[str, Any]:
    """Who would answer a phrase, and with what words."""
    emergency_word = snapshot.ruleset.find_emergency(phrase)
    if emergency_word:
        return {"emergency": emergency_word, "text": snapshot.ruleset.emergency_reply}
    rehearsal, at = WhatIf(snapshot.ruleset, rule), next_active_moment(rule, now=clock.now())
    own_scopes = rehearsal.own_accounts
    if own_scopes:
        (winner,) = rehearsal.answers_after(own_scopes[0], [phrase], now=at)
    else:
        winner = Matcher([rule]).match(MatchInput(phrase), now=at)
    texts = [item.content for item in winner.replies if isinstance(item, Text)] if winner else []
    fallback = snapshot.ruleset.fallback_reply(own_scopes[0].account_id) if own_scopes else ""
    return {
        "is_mine": winner is not None and winner.slug == rule.slug,
        "winner": winner,
        "text": texts[0] if texts else ("" if winner else fallback),
    }
