"""The pages that write a rule: a new one, or the next version of one that exists.

Both save a draft; the button that was pressed says what follows: submit, publish or nothing.
"""

import secrets

from flask import render_template, request
from werkzeug.wrappers import Response

from app import snapshots
from app.console.responses import ViewResult, flash_success, flash_warning, redirect_to
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
from app.console.rules.owner import Owner, owner_choices
from app.console.rules.review import may_publish, publish_when_checked
from app.web import auth
from app.web.auth import requires
from config import clock
from config.database import session
from config.errors import Invalid, Stale
from config.permissions import Permission
from keywords.publishing import diff, workflow
from keywords.publishing.workflow import ReviewRequired
from keywords.rules import review_policies, store, versions
from keywords.rules.replies import media_names
from keywords.rules.review_policies import ReviewPolicy
from keywords.rules.spec import RuleSpec
from keywords.rules.spec_fields import MAX_KEYWORD_LENGTH
from keywords.rules.store import SlugTaken
from keywords.rules.values import Keyword, MatchMode
from keywords.rules.versions import RuleVersion, VersionState
from matrix.departments import Department
from matrix.staff import members

# the query of a new form comes from outside; more of anything is cut off
_MAX_QUERY_KEYWORDS = 50
_MAX_QUERY_SAMPLES = 20
_MAX_SAMPLE_LENGTH = 200


@blueprint.route("/new", methods=["GET", "POST"])
@requires(Permission.RULES_WRITE)
def new() -> ViewResult:
    """Write a new rule; the query may bring `keyword`s, `sample`s, a `department` or `account`."""
    if request.method == "GET":
        return _render(_new_form(), None)
    form = RuleForm()
    if not form.validate():
        return _render(form, None), 422
    _require_owner(form)
    rule_spec = spec_from_form(form, _new_slug(form.chosen_owner))
    if rule_spec is None or not check_media(form, rule_spec, frozenset()):
        return _render(form, None), 422
    version = _save_version(form, rule_spec, None)
    return (_render(form, None), 422) if version is None else _next_step(version)


@blueprint.route("/<int:rule_id>/edit", methods=["GET", "POST"])
@requires(Permission.RULES_WRITE)
def edit(rule_id: int) -> ViewResult:
    """Write the next version of a rule; what citizens get stays as it is until it is published.

    409 with both contents when somebody else has saved a version since the form was opened.
    """
    row = store.access_rule(auth.member(), rule_id, Permission.RULES_WRITE)
    newest = versions.find_newest(rule_id)
    if newest is not None:
        workflow.access_version(auth.member(), newest.id, Permission.RULES_WRITE)
    if request.method == "GET":
        return _render(_edit_form(rule_id, newest), rule_id, newest)
    form = RuleForm()
    if not form.validate():
        return _render(form, rule_id, newest), 422
    _require_owner(form)
    rule_spec = spec_from_form(form, row.slug)
    # what the rule has already stays usable: an editor must be able to correct a word in a rule
    # whose picture another department owns
    known_media = media_names((newest.spec if newest else store.to_spec(row)).replies)
    if rule_spec is None or not check_media(form, rule_spec, known_media):
        return _render(form, rule_id, newest), 422
    try:
        version = _save_version(form, rule_spec, rule_id)
    except Stale as error:
        return _render_conflict(form, rule_spec, error.newest), 409
    return (_render(form, rule_id, newest), 422) if version is None else _next_step(version)


# ---- filling in the form ----


def _new_form() -> RuleForm:
    """An empty form with what the query brings: keyword, department, account, sample.

    Without a permission for that owner the first permitted one is chosen.
    """
    snapshot, member = snapshots.current(), auth.member()
    owner = _requested_owner()
    keywords = tuple(
        Keyword(word[:MAX_KEYWORD_LENGTH], MatchMode.CONTAINS)
        for word in dict.fromkeys(map(str.strip, request.args.getlist("keyword")))
        if word
    )
    given_samples = (text.strip()[:_MAX_SAMPLE_LENGTH] for text in request.args.getlist("sample"))
    samples = tuple(filter(None, given_samples))
    policy = review_policies.nearest(owner.department_chain(snapshot))
    # not validated: it is what the form shows first, and no valid rule yet
    rule_spec = RuleSpec.model_construct(
        slug="new",
        name=keywords[0].text if keywords else "",
        keywords=keywords[:_MAX_QUERY_KEYWORDS],
        replies=(),
        samples=samples[:_MAX_QUERY_SAMPLES],
        review_by=policy.review_by(clock.local_day(clock.now())),
    )
    form = form_from_spec(rule_spec, owner)
    if not member.may(Permission.RULES_WRITE, **owner.ids):
        form.owner.data = owner_choices(snapshot, member.scope(Permission.RULES_WRITE))[0][0]
    return form


def _requested_owner() -> Owner:
    account_id = request.args.get("account", type=int)
    department_id = request.args.get("department", type=int)
    if account_id is not None:
        return Owner(account_id=account_id)
    return Owner(department_id or auth.current().staff.department_id)


def _edit_form(rule_id: int, newest: RuleVersion | None) -> RuleForm:
    """The form with the newest version's content, or the rule's own where it has no version.

    `add_keyword` in the query adds keywords: so an unanswered question joins an existing rule.
    """
    row = store.get(rule_id)
    if newest is None:
        rule_spec, owner = store.to_spec(row), Owner(row.department_id, row.account_id)
    else:
        rule_spec, owner = newest.spec, Owner(newest.department_id, newest.account_id)
    added = tuple(
        Keyword(word[:MAX_KEYWORD_LENGTH])
        for word in map(str.strip, request.args.getlist("add_keyword"))
        if word
    )
    # no keyword twice, and the known ones first
    listed = tuple(dict.fromkeys((*rule_spec.keywords, *added)))
    rule_spec = rule_spec.model_copy(update={"keywords": listed})
    return form_from_spec(rule_spec, owner, base=newest.lock_version if newest else None)


# ---- saving ----


def _require_owner(form: RuleForm) -> None:
    """Raises NotFound unless the person may write rules for the chosen owner.

    The choices of the form show permitted owners only, but a request may name any.
    """
    auth.member().require(Permission.RULES_WRITE, **form.chosen_owner.ids)


def _save_version(form: RuleForm, rule_spec: RuleSpec, rule_id: int | None) -> RuleVersion | None:
    """Save a draft and return it; None when it was refused, with the reason on the form.

    Raises Stale when `base` in the form is not the newest version's lock version.
    """
    base = form.base.data or ""
    try:
        return workflow.save_draft(
            rule_spec,
            rule_id=rule_id,
            base_lock_version=int(base) if base.isdecimal() else None,
            **form.chosen_owner.ids,
            author_id=auth.current().staff.id,
            now=clock.now(),
        )
    except Invalid as error:
        add_error(form, error)
    except SlugTaken as error:
        form.form_errors.append(str(error))
    return None


def _new_slug(owner: Owner) -> str:
    """A slug for a new rule: the owner's own slug or appid, and eight random hex digits."""
    snapshot = snapshots.current()
    if owner.account_id is not None:
        prefix = next(
            item.appid for item in snapshot.accounts.values() if item.id == owner.account_id
        )
    elif owner.department_id is None:
        prefix = "city"
    else:
        prefix = session.get_one(Department, owner.department_id).slug
    # random, since two editors may begin a rule at the same moment; cut so that the whole fits the
    # 64 characters of a slug
    return f"{prefix[:48]}.{secrets.token_hex(4)}"


def _next_step(version: RuleVersion) -> Response:
    """Do what the pressed button says, now that the draft is saved."""
    next_step, now = request.form.get("then", ""), clock.now()
    # `save_draft` returns the published version when nothing was changed
    if version.state is VersionState.PUBLISHED:
        flash_success("内容没有变化。")
    elif next_step == "submit" and version.state is VersionState.DRAFT:
        workflow.submit(version.id, submitter_id=auth.current().staff.id, now=now)
        flash_success("已提交审核。审核通过之前，市民得到的答复不变。")
    elif next_step == "publish" and version.state is VersionState.DRAFT:
        return _go_and_publish(version)
    else:
        flash_success("草稿已保存，还没有发布。")
    return redirect_to("rules.show", rule_id=version.rule_id)


def _go_and_publish(version: RuleVersion) -> Response:
    """To the review page, which publishes the draft when its samples are checked."""
    if may_publish(version):
        publish_when_checked(version)
    else:
        flash_warning(str(ReviewRequired()))
    return redirect_to("rules.review", version_id=version.id)


# ---- the pages ----


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
        author_name=_author_name(newest) if newest is not None else "",
        policy=policy,
        keyword_row=KeywordRow(prefix="keywords-__i__-"),
        reply_row=ReplyRow(prefix="replies-__i__-"),
        types_by_field=TYPES_BY_FIELD,
        mode_help=labels.MODE_HELP,
        max_replies=form.replies.max_entries,
    )


def _author_name(version: RuleVersion) -> str:
    if version.author_id is None:
        return "系统"
    return members.names({version.author_id}).get(version.author_id, "")


def _render_conflict(form: RuleForm, submitted: RuleSpec, newest: RuleVersion) -> str:
    """Both contents, and a form that carries what was typed to save it over the other."""
    snapshot, newest_owner = snapshots.current(), Owner(newest.department_id, newest.account_id)
    return render_template(
        "console/rules/edit_conflict.html",
        form=form,
        newest=newest,
        author_name=_author_name(newest),
        differences=diff.compare(
            newest.spec,
            submitted,
            owner_before=newest_owner.name(snapshot),
            owner_after=form.chosen_owner.name(snapshot),
        ),
        field_labels=labels.FIELDS,
        value_text=labels.value_text,
        form_items=[
            (name, value)
            for name, value in request.form.items(multi=True)
            if name not in ("csrf_token", "base", "then")
        ],
    )
