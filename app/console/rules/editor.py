"""Writing a rule: the form, what it would change, and how it looks on a phone."""

import secrets
from dataclasses import replace
from typing import Any

from flask import render_template, request
from werkzeug.wrappers import Response

from app import auth, live
from app.auth import needs
from app.console.drawing import away, done
from app.console.rules import words
from app.console.rules.blueprint import blueprint
from app.console.rules.form import (
    TYPES_OF,
    KeywordRow,
    ReplyRow,
    RuleForm,
    blame,
    filled,
    has_own_media,
    read,
)
from app.console.rules.life import publish_alone
from app.console.rules.words import Owner
from app.live import Live
from config import clock
from config.database import session
from config.errors import Invalid
from config.tenancy import Right
from keywords import conflicts, differences, drafts, history, policies, stored, versions
from keywords.conflicts import Conflict
from keywords.drafts import RuleDraft
from keywords.history import RuleVersion, State
from keywords.matching import Matcher
from keywords.policies import Policy
from keywords.rehearsal import Rehearsal, awake
from keywords.replies import Text, media_names
from keywords.rules import Keyword, Mode, Occasion, Rule
from keywords.stored import CodeTaken
from keywords.versions import VersionChanged
from matrix.departments import Department
from matrix.staff import people

Answer = str | Response | tuple[str, int]
_NOBODY = RuleDraft("new", "", (), ())
# sorts behind every code, so that a rule that would win by its code alone is told
_UNKNOWN = "~"


@blueprint.route("/new", methods=["GET", "POST"])
@needs(Right.RULES_WRITE)
def new() -> Answer:
    """Write a rule that is not there yet; the address may bring words along."""
    if request.method == "GET":
        return _page(_begun(), None)
    form = RuleForm()
    if not form.validate() or not _is_within(form):
        return _page(form, None), 422
    draft = read(form, _code(form.whose))
    if draft is None or not has_own_media(form, draft, frozenset()):
        return _page(form, None), 422
    version = _save(form, draft, None)
    return (_page(form, None), 422) if version is None else _go_on(version)


@blueprint.route("/<int:rule_id>/edit", methods=["GET", "POST"])
@needs(Right.RULES_WRITE)
def edit(rule_id: int) -> Answer:
    """Write the next version of a rule; what citizens get stays as it is meanwhile."""
    row = stored.access_rule(auth.member(), rule_id, Right.RULES_WRITE)
    newest = history.newest(rule_id)
    if newest is not None:
        versions.access_version(auth.member(), newest.id, Right.RULES_WRITE)
    if request.method == "GET":
        return _page(_opened(rule_id, newest), rule_id, newest)
    form = RuleForm()
    if not form.validate() or not _is_within(form):
        return _page(form, rule_id, newest), 422
    draft = read(form, row.code)
    before = media_names((newest.draft if newest else stored.to_draft(row)).replies)
    if draft is None or not has_own_media(form, draft, before):
        return _page(form, rule_id, newest), 422
    try:
        version = _save(form, draft, rule_id)
    except VersionChanged as error:
        return _clash(form, draft, error.newest), 409
    return (_page(form, rule_id, newest), 422) if version is None else _go_on(version)


@blueprint.post("/look")
@needs(Right.RULES_WRITE)
def look() -> str:
    """What the form would do, while somebody types in it. Asks the database for nothing."""
    form, picture, now = RuleForm(), live.current(), clock.now()
    asked = request.args.get("rule", type=int)
    known = next((rule.code for rule in picture.book.city.rules if rule.id == asked), _UNKNOWN)
    try:
        draft, problem = _sketch(form, known), ""
    except Invalid as error:
        return render_template("console/rules/_look.html", problem=error.problem, draft=None)
    whose = form.whose
    rule = draft.rule(department_id=whose.department_id, account_id=whose.account_id)
    found = conflicts.find(picture.book, rule, now=now) if form.owner.data else ()
    phrase = request.form.get("phrase", "").strip()[:200]
    return render_template(
        "console/rules/_look.html",
        draft=draft,
        problem=problem,
        choice=words.CHOICES[draft.choice],
        conflicts=[(conflict, _said(conflict, picture)) for conflict in found],
        grave=words.GRAVE,
        phrase=phrase,
        tried=_tried(picture, rule, phrase) if phrase else None,
    )


# ---- beginning ----


def _begun() -> RuleForm:
    """An empty form with what the address brings: keyword, department, account, sample."""
    picture, member = live.current(), auth.member()
    owner = _wished_owner(picture)
    brought = tuple(
        Keyword(word[: drafts.LONGEST_KEYWORD], Mode.CONTAINS)
        for word in dict.fromkeys(map(str.strip, request.args.getlist("keyword")))
        if word
    )
    samples = tuple(filter(None, (one.strip()[:200] for one in request.args.getlist("sample"))))
    policy = policies.nearest(owner.chain(picture))
    draft = replace(
        _NOBODY,
        name=brought[0].text if brought else "",
        keywords=brought[:50],
        samples=samples[:20],
        review_by=policy.review_by(clock.local_day(clock.now())),
    )
    form = filled(draft, owner)
    if not member.may(
        Right.RULES_WRITE, department_id=owner.department_id, account_id=owner.account_id
    ):
        form.owner.data = words.owners(picture, member.area(Right.RULES_WRITE))[0][0]
    return form


def _wished_owner(picture: Live) -> Owner:
    account_id = request.args.get("account", type=int)
    department_id = request.args.get("department", type=int)
    if account_id is not None:
        return Owner(account_id=account_id)
    return Owner(department_id or auth.current().staff.department_id)


def _opened(rule_id: int, newest: RuleVersion | None) -> RuleForm:
    """The form with the newest version, or with the row of a rule that has none."""
    row = stored.get(rule_id)
    if newest is None:
        draft, owner = stored.to_draft(row), Owner(row.department_id, row.account_id)
    else:
        draft, owner = newest.draft, Owner(newest.department_id, newest.account_id)
    added = tuple(
        Keyword(word[: drafts.LONGEST_KEYWORD])
        for word in map(str.strip, request.args.getlist("add_keyword"))
        if word
    )
    draft = replace(draft, keywords=tuple(dict.fromkeys((*draft.keywords, *added))))
    return filled(draft, owner, base=newest.stamp if newest else None)


# ---- keeping ----


def _is_within(form: RuleForm) -> bool:
    """True for an owner of the member's own. Raises NotFound for others."""
    whose = form.whose
    auth.member().require(
        Right.RULES_WRITE, department_id=whose.department_id, account_id=whose.account_id
    )
    return True


def _save(form: RuleForm, draft: RuleDraft, rule_id: int | None) -> RuleVersion | None:
    """The version; None when the deed refused, which the form then says."""
    whose, base = form.whose, form.base.data or ""
    try:
        return versions.save(
            draft,
            rule_id=rule_id,
            base=int(base) if base.isdecimal() else None,
            department_id=whose.department_id,
            account_id=whose.account_id,
            author_id=auth.current().staff.id,
            now=clock.now(),
        )
    except Invalid as error:
        blame(form, error)
    except CodeTaken as error:
        form.form_errors.append(str(error))
    return None


def _code(owner: Owner) -> str:
    """A code for a new rule: whose it is, and chance."""
    picture = live.current()
    if owner.account_id is not None:
        prefix = next(one.appid for one in picture.accounts.values() if one.id == owner.account_id)
    elif owner.department_id is None:
        prefix = "city"
    else:
        prefix = session.get_one(Department, owner.department_id).code
    return f"{prefix[:48]}.{secrets.token_hex(4)}"


def _go_on(version: RuleVersion) -> Response:
    """Do what the pressed button says after the draft was kept."""
    step, now = request.form.get("then", ""), clock.now()
    if version.state is State.PUBLISHED:
        done("内容没有变化。")
    elif step == "submit" and version.state is State.DRAFT:
        versions.submit(version.id, by=auth.current().staff.id, now=now)
        done("已提交审核。审核通过之前，市民得到的答复不变。")
    elif step == "publish" and version.state is State.DRAFT:
        return publish_alone(version)
    else:
        done("草稿已保存，还没有发布。")
    return away("rules.show", rule_id=version.rule_id)


# ---- showing ----


def _page(form: RuleForm, rule_id: int | None, newest: RuleVersion | None = None) -> str:
    picture = live.current()
    policy = policies.nearest(form.whose.chain(picture)) if form.owner.data else Policy()
    return render_template(
        "console/rules/edit.html",
        form=form,
        rule_id=rule_id,
        newest=newest,
        author=_author(newest) if newest is not None else "",
        policy=policy,
        keyword_row=KeywordRow(prefix="keywords-__i__-"),
        reply_row=ReplyRow(prefix="replies-__i__-"),
        types_of=TYPES_OF,
        mode_help=words.MODE_HELP,
        most_replies=form.replies.max_entries,
    )


def _author(version: RuleVersion) -> str:
    if version.author_id is None:
        return "系统"
    return people.names({version.author_id}).get(version.author_id, "")


def _clash(form: RuleForm, mine: RuleDraft, newest: RuleVersion) -> str:
    """Somebody else was at the rule: what they left, and what was typed here."""
    picture, theirs = live.current(), Owner(newest.department_id, newest.account_id)
    return render_template(
        "console/rules/clash.html",
        form=form,
        newest=newest,
        author=_author(newest),
        found=differences.between(
            newest.draft,
            mine,
            owner_before=theirs.name(picture),
            owner_after=form.whose.name(picture),
        ),
        fields=words.FIELDS,
        shown=words.shown,
        carried=[
            (name, value)
            for name, value in request.form.items(multi=True)
            if name not in ("csrf_token", "base", "then")
        ],
    )


def _sketch(form: RuleForm, code: str) -> RuleDraft:
    """The draft as far as it is written. Raises Invalid for what cannot be compiled."""
    shape: dict[str, Any] = form.shape("draft")
    is_empty = not shape["keywords"]
    shape |= {"name": shape["name"] or "新规则", "priority": shape["priority"] or 0}
    shape["keywords"] = shape["keywords"] or ["-空-"]
    shape["replies"] = [*_whole(shape["replies"])] or [{"type": "text", "content": "……"}]
    draft = drafts.parse_rule(shape)
    return replace(draft, code=code, keywords=() if is_empty else draft.keywords)


def _whole(listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The replies that are written far enough to be shown."""
    return [shape for shape in listed if _is_whole(shape)]


def _is_whole(shape: dict[str, Any]) -> bool:
    try:
        drafts.parse_rule({"id": "x", "name": "x", "keywords": ["词"], "reply": shape})
    except Invalid:
        return False
    return True


def _said(conflict: Conflict, picture: Live) -> dict[str, Any]:
    """A conflict in words, with whose rule it is."""
    other = conflict.other
    return {
        "text": words.CLASHES[conflict.clash].format(
            word=conflict.word, other_word=conflict.other_word
        ),
        "owner": Owner(other.department_id, other.account_id).name(picture),
        "is_own": auth.member().may(
            Right.RULES_READ, department_id=other.department_id, account_id=other.account_id
        ),
    }


def _tried(picture: Live, rule: Rule, phrase: str) -> dict[str, Any]:
    """Who would answer a phrase, and with what words."""
    danger = picture.book.emergency(phrase)
    if danger:
        return {"emergency": danger, "text": picture.book.emergency_text}
    rehearsal, moment = Rehearsal(picture.book, rule), awake(rule, now=clock.now())
    home = rehearsal.home
    if home:
        (winner,) = rehearsal.answers(home[0], [phrase], now=moment)
    else:
        winner = Matcher([rule]).match(Occasion(phrase), now=moment)
    texts = [one.content for one in winner.replies if isinstance(one, Text)] if winner else []
    fallback = picture.book.fallback(home[0].account_id) if home else ""
    return {
        "is_mine": winner is not None and winner.code == rule.code,
        "winner": winner,
        "text": texts[0] if texts else ("" if winner else fallback),
    }
