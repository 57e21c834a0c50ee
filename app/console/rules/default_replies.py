"""Manners: what is said where no rule speaks, and what a department asks of its editors."""

from typing import Any

from flask import render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import HiddenField, IntegerField, RadioField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange

from app import snapshots
from app.console import forms
from app.console.forms import strip
from app.console.rules import labels
from app.console.rules.blueprint import blueprint
from app.console.rules.labels import Owner
from app.console.template_globals import flash_success, redirect_to
from app.web import auth
from app.web.auth import requires, requires_confirmation
from config import audit, clock
from config.errors import NotFound
from config.permissions import Permission
from keywords.rules import default_replies, review_policies
from keywords.rules.default_replies import BUILTIN_FALLBACK, MAX_TEXT_LENGTH, DefaultReplyChanged
from keywords.rules.review_policies import MAX_REVIEW_MONTHS, ReviewPolicyChanged
from keywords.rules.values import AccountPosition

ViewResult = str | Response | tuple[str, int]
_REVIEW_CHOICES = {"yes": "须由另一个人审核", "no": "编辑自己可以发布", "above": "按上级的要求"}


class FallbackForm(forms.Form):
    """What is said when nothing fits; empty goes by what is said above."""

    text = TextAreaField("默认答复", [Length(max=MAX_TEXT_LENGTH)], filters=[strip])
    seen = HiddenField()


class EmergencyForm(forms.Form):
    """The city's prompt, and its own words of danger."""

    prompt = TextAreaField(
        "紧急提示", [InputRequired("请填写"), Length(max=MAX_TEXT_LENGTH)], filters=[strip]
    )
    words = TextAreaField("本市补充的紧急词")
    seen = HiddenField()


class PolicyForm(forms.Form):
    """What a department asks before its rules change."""

    needs_review = RadioField("规则发布前", choices=_REVIEW_CHOICES)
    review_months = IntegerField(
        "多久复核一次（月）", [InputRequired("请填写月数"), NumberRange(1, MAX_REVIEW_MONTHS)]
    )
    version = HiddenField()


@blueprint.route("/texts", methods=["GET", "POST"])
@requires(Permission.RULES_WRITE)
def edit_default_replies() -> ViewResult:
    """The fallback of one owner; those of the member's area beside it."""
    member, snapshot = auth.member(), snapshots.current()
    choices = labels.owner_choices(snapshot, member.scope(Permission.RULES_WRITE))
    owner = Owner.from_key(request.args.get("owner") or choices[0][0])
    owner_ids = {"department_id": owner.department_id, "account_id": owner.account_id}
    row = default_replies.access_fallback(member, **owner_ids, right=Permission.RULES_WRITE)
    form = FallbackForm(
        data={"text": row.text if row else "", "seen": default_replies.edit_token(row)}
    )
    if form.validate_on_submit():
        with forms.errors_on(form, "text"):
            try:
                _set_fallback(form, owner)
            except DefaultReplyChanged as error:
                last_change = audit.find_latest("default_reply", error.facts["key"])
                current_values = {"text": row.text if row else ""}
                form.show_conflict(
                    current_values, last_change, hidden=default_replies.edit_token(row)
                )
    if not form.is_submitted() or form.is_refused:
        page = _render_default_replies(form, owner, choices)
        return (page, 422) if form.is_submitted() else page
    flash_success("默认答复已更新，两秒之内生效。")
    return redirect_to("rules.edit_default_replies", owner=owner.key)


def _set_fallback(form: FallbackForm, owner: Owner) -> None:
    seen_version, now = form.seen.data or "", clock.now()
    department_id, account_id = owner.department_id, owner.account_id
    if form.text.data:
        default_replies.set_fallback(
            form.text.data,
            department_id=department_id,
            account_id=account_id,
            expected=seen_version,
            now=now,
        )
    elif seen_version:
        default_replies.clear_fallback(
            department_id=department_id, account_id=account_id, expected=seen_version
        )


@blueprint.post("/texts/emergency")
@requires(Permission.RULES_WRITE)
@requires_confirmation
def update_emergency_prompt() -> ViewResult:
    """Set the city's emergency prompt and words."""
    member, form = auth.member(), EmergencyForm()
    default_replies.access_emergency(member, Permission.RULES_WRITE)
    if form.validate():
        emergency_words = [
            line.strip() for line in (form.words.data or "").splitlines() if line.strip()
        ]
        with forms.errors_on(form, "words", **{"emergency.text": "prompt"}):
            _set_emergency(form, emergency_words)
    if form.is_refused:
        choices = labels.owner_choices(snapshots.current(), member.scope(Permission.RULES_WRITE))
        return _render_default_replies(FallbackForm(formdata=None), Owner(), choices, form), 422
    flash_success("紧急提示已更新，两秒之内生效。")
    return redirect_to("rules.edit_default_replies")


def _set_emergency(form: EmergencyForm, emergency_words: list[str]) -> None:
    seen_version = form.seen.data or ""
    try:
        default_replies.set_emergency(
            form.prompt.data or "", emergency_words, expected=seen_version, now=clock.now()
        )
    except DefaultReplyChanged as error:
        row = default_replies.access_emergency(auth.member(), Permission.RULES_WRITE)
        now = {
            "prompt": row.text if row else default_replies.BUILTIN_EMERGENCY,
            "words": "\n".join(row.words) if row else "",
        }
        last_change, page = (
            audit.find_latest("default_reply", error.facts["key"]),
            url_for("rules.edit_default_replies"),
        )
        form.show_conflict(
            now, last_change, reopen_url=page, hidden=default_replies.edit_token(row)
        )


def _render_default_replies(
    form: FallbackForm,
    owner: Owner,
    choices: list[tuple[str, str]],
    emergency_form: EmergencyForm | None = None,
) -> str:
    member, snapshot = auth.member(), snapshots.current()
    may_edit_city = member.scope(Permission.RULES_WRITE).everywhere
    if may_edit_city and emergency_form is None:
        row = default_replies.access_emergency(member, Permission.RULES_WRITE)
        prompt = row.text if row else default_replies.BUILTIN_EMERGENCY
        emergency_words = "\n".join(row.words) if row else ""
        data = {"prompt": prompt, "words": emergency_words, "seen": default_replies.edit_token(row)}
        emergency_form = EmergencyForm(formdata=None, data=data)
    chain = owner.department_chain(snapshot)
    inherited_policy = chain if owner.account_id is not None else chain[1:]
    is_city = owner == Owner()
    inherited = (
        BUILTIN_FALLBACK
        if is_city
        else default_replies.load().fallback_for(AccountPosition(0, (), inherited_policy))
    )
    return render_template(
        "console/rules/default_replies.html",
        form=form,
        owner=owner,
        owner_name=owner.name(snapshot),
        choices=choices,
        own={
            Owner(row.department_id, row.account_id).key
            for row in default_replies.list_for_staff(member)
        },
        inherited=inherited,
        danger=emergency_form if may_edit_city else None,
        longest=MAX_TEXT_LENGTH,
    )


@blueprint.route("/policy/<int:department_id>", methods=["GET", "POST"])
@requires(Permission.DEPARTMENTS_MANAGE)
def review_policy(department_id: int) -> ViewResult:
    """What a department and those below ask before their rules change."""
    snapshot, requested_department_id = (
        snapshots.current(),
        request.args.get("of", department_id, type=int),
    )
    if request.method == "GET" and requested_department_id != department_id:
        return redirect_to("rules.review_policy", department_id=requested_department_id)
    row = review_policies.access_policy(auth.member(), department_id, Permission.DEPARTMENTS_MANAGE)
    if department_id not in snapshot.department_tree.parents:
        raise NotFound(kind="department", id=department_id)
    chain = Owner(department_id).department_chain(snapshot)
    current = review_policies.nearest(chain)
    current_choice = "above" if row is None else ("yes" if row.needs_review else "no")
    form = PolicyForm(
        data={
            "needs_review": current_choice,
            "review_months": current.review_months,
            "version": str(row.version if row else 0),
        }
    )
    if form.validate_on_submit():
        with forms.errors_on(form):
            try:
                _set_policy(form, department_id, has_own=row is not None)
            except ReviewPolicyChanged:
                current_values = {
                    "needs_review": current_choice,
                    "review_months": current.review_months,
                }
                last_change = audit.find_latest("review_policy", department_id)
                form.show_conflict(
                    current_values,
                    last_change,
                    _policy_field_text,
                    version=row.version if row else 0,
                )
    if not form.is_submitted() or form.is_refused:
        inherited_policy = review_policies.nearest(chain[1:])
        page = render_template(
            "console/rules/review_policy.html",
            form=form,
            department_id=department_id,
            name=snapshot.department_names.get(department_id, ""),
            above=inherited_policy,
            above_name=snapshot.department_names.get(inherited_policy.department_id or 0, "系统"),
            most_months=MAX_REVIEW_MONTHS,
            choices=[
                (key, snapshot.department_names.get(key, ""))
                for key in sorted(snapshot.department_tree.parents)
                if auth.member().may(Permission.DEPARTMENTS_MANAGE, department_id=key)
            ],
        )
        return (page, 422) if form.is_submitted() else page
    flash_success("已更新。")
    return redirect_to("rules.review_policy", department_id=department_id)


def _policy_field_text(name: str, value: Any) -> str:
    return _REVIEW_CHOICES[value] if name == "needs_review" else str(value)


def _set_policy(form: PolicyForm, department_id: int, *, has_own: bool) -> None:
    seen_version = form.version.data or ""
    version = int(seen_version) if seen_version.isdecimal() else -1
    if form.needs_review.data != "above":
        review_policies.set_policy(
            department_id,
            needs_review=form.needs_review.data == "yes",
            review_months=form.review_months.data or 0,
            version=version,
            now=clock.now(),
        )
    elif has_own:
        review_policies.clear(department_id, version=version)
