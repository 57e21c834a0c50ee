"""Manners: what is said where no rule speaks, and what a department asks of its editors."""

from typing import Any

from flask import render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import HiddenField, IntegerField, RadioField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange

from app import auth, live
from app.auth import confirmed, needs
from app.console import forms
from app.console.drawing import away, done
from app.console.forms import trimmed
from app.console.rules import words
from app.console.rules.blueprint import blueprint
from app.console.rules.words import Owner
from config import audit, clock
from config.errors import NotFound
from config.tenancy import Right
from keywords import policies, texts
from keywords.policies import MOST_MONTHS, PolicyChanged
from keywords.rules import Reach
from keywords.texts import FALLBACK, LONGEST_TEXT, TextChanged

Answer = str | Response | tuple[str, int]
_DEMANDS = {"yes": "须由另一个人审核", "no": "编辑自己可以发布", "above": "按上级的要求"}


class FallbackForm(forms.Form):
    """What is said when nothing fits; empty goes by what is said above."""

    text = TextAreaField("默认答复", [Length(max=LONGEST_TEXT)], filters=[trimmed])
    seen = HiddenField()


class EmergencyForm(forms.Form):
    """The city's prompt, and its own words of danger."""

    prompt = TextAreaField(
        "紧急提示", [InputRequired("请填写"), Length(max=LONGEST_TEXT)], filters=[trimmed]
    )
    words = TextAreaField("本市补充的紧急词")
    seen = HiddenField()


class PolicyForm(forms.Form):
    """What a department asks before its rules change."""

    needs_review = RadioField("规则发布前", choices=_DEMANDS)
    review_months = IntegerField(
        "多久复核一次（月）", [InputRequired("请填写月数"), NumberRange(1, MOST_MONTHS)]
    )
    version = HiddenField()


@blueprint.route("/texts", methods=["GET", "POST"])
@needs(Right.RULES_WRITE)
def texts_page() -> Answer:
    """The fallback of one owner; those of the member's area beside it."""
    member, picture = auth.member(), live.current()
    choices = words.owners(picture, member.area(Right.RULES_WRITE))
    owner = Owner.of(request.args.get("owner") or choices[0][0])
    whose = {"department_id": owner.department_id, "account_id": owner.account_id}
    row = texts.access_fallback(member, **whose, right=Right.RULES_WRITE)
    form = FallbackForm(data={"text": row.text if row else "", "seen": texts.seen_of(row)})
    if form.validate_on_submit():
        with forms.blaming(form, "text"):
            try:
                _set_fallback(form, owner)
            except TextChanged as error:
                last = audit.newest("keyword_text", error.facts["key"])
                said = {"text": row.text if row else ""}
                form.set_beside(said, last, seen=texts.seen_of(row))
    if not form.is_submitted() or form.is_refused:
        page = _texts(form, owner, choices)
        return (page, 422) if form.is_submitted() else page
    done("默认答复已更新，两秒之内生效。")
    return away("rules.texts_page", owner=owner.key)


def _set_fallback(form: FallbackForm, owner: Owner) -> None:
    seen, now = form.seen.data or "", clock.now()
    department_id, account_id = owner.department_id, owner.account_id
    if form.text.data:
        texts.set_fallback(
            form.text.data, department_id=department_id, account_id=account_id, seen=seen, now=now
        )
    elif seen:
        texts.clear_fallback(department_id=department_id, account_id=account_id, seen=seen)


@blueprint.post("/texts/emergency")
@needs(Right.RULES_WRITE)
@confirmed
def emergency() -> Answer:
    """Set the city's emergency prompt and words."""
    member, form = auth.member(), EmergencyForm()
    texts.access_emergency(member, Right.RULES_WRITE)
    if form.validate():
        listed = [line.strip() for line in (form.words.data or "").splitlines() if line.strip()]
        with forms.blaming(form, "words", **{"emergency.text": "prompt"}):
            _set_emergency(form, listed)
    if form.is_refused:
        choices = words.owners(live.current(), member.area(Right.RULES_WRITE))
        return _texts(FallbackForm(formdata=None), Owner(), choices, form), 422
    done("紧急提示已更新，两秒之内生效。")
    return away("rules.texts_page")


def _set_emergency(form: EmergencyForm, listed: list[str]) -> None:
    seen = form.seen.data or ""
    try:
        texts.set_emergency(form.prompt.data or "", listed, seen=seen, now=clock.now())
    except TextChanged as error:
        row = texts.access_emergency(auth.member(), Right.RULES_WRITE)
        now = {
            "prompt": row.text if row else texts.EMERGENCY,
            "words": "\n".join(row.words) if row else "",
        }
        last, page = audit.newest("keyword_text", error.facts["key"]), url_for("rules.texts_page")
        form.set_beside(now, last, page=page, seen=texts.seen_of(row))


def _texts(
    form: FallbackForm,
    owner: Owner,
    choices: list[tuple[str, str]],
    danger: EmergencyForm | None = None,
) -> str:
    member, picture = auth.member(), live.current()
    is_chief = member.area(Right.RULES_WRITE).everywhere
    if is_chief and danger is None:
        row = texts.access_emergency(member, Right.RULES_WRITE)
        shown = row.text if row else texts.EMERGENCY
        listed = "\n".join(row.words) if row else ""
        data = {"prompt": shown, "words": listed, "seen": texts.seen_of(row)}
        danger = EmergencyForm(formdata=None, data=data)
    chain = owner.chain(picture)
    above = chain if owner.account_id is not None else chain[1:]
    is_city = owner == Owner()
    inherited = FALLBACK if is_city else texts.current().fallback(Reach(0, (), above))
    return render_template(
        "console/rules/texts.html",
        form=form,
        owner=owner,
        owner_name=owner.name(picture),
        choices=choices,
        own={Owner(row.department_id, row.account_id).key for row in texts.for_staff(member)},
        inherited=inherited,
        danger=danger if is_chief else None,
        longest=LONGEST_TEXT,
    )


@blueprint.route("/policy/<int:department_id>", methods=["GET", "POST"])
@needs(Right.DEPARTMENTS_MANAGE)
def policy(department_id: int) -> Answer:
    """What a department and those below ask before their rules change."""
    picture, other = live.current(), request.args.get("of", department_id, type=int)
    if request.method == "GET" and other != department_id:
        return away("rules.policy", department_id=other)
    row = policies.access_policy(auth.member(), department_id, Right.DEPARTMENTS_MANAGE)
    if department_id not in picture.tree.parents:
        raise NotFound(kind="department", id=department_id)
    chain = Owner(department_id).chain(picture)
    current = policies.nearest(chain)
    chosen = "above" if row is None else ("yes" if row.needs_review else "no")
    form = PolicyForm(
        data={
            "needs_review": chosen,
            "review_months": current.review_months,
            "version": str(row.version if row else 0),
        }
    )
    if form.validate_on_submit():
        with forms.blaming(form):
            try:
                _set_policy(form, department_id, has_own=row is not None)
            except PolicyChanged:
                said = {"needs_review": chosen, "review_months": current.review_months}
                last = audit.newest("keyword_policy", department_id)
                form.set_beside(said, last, _policy_said, version=row.version if row else 0)
    if not form.is_submitted() or form.is_refused:
        above = policies.nearest(chain[1:])
        page = render_template(
            "console/rules/policy.html",
            form=form,
            department_id=department_id,
            name=picture.names.get(department_id, ""),
            above=above,
            above_name=picture.names.get(above.department_id or 0, "系统"),
            most_months=MOST_MONTHS,
            choices=[
                (key, picture.names.get(key, ""))
                for key in sorted(picture.tree.parents)
                if auth.member().may(Right.DEPARTMENTS_MANAGE, department_id=key)
            ],
        )
        return (page, 422) if form.is_submitted() else page
    done("已更新。")
    return away("rules.policy", department_id=department_id)


def _policy_said(name: str, value: Any) -> str:
    return _DEMANDS[value] if name == "needs_review" else str(value)


def _set_policy(form: PolicyForm, department_id: int, *, has_own: bool) -> None:
    seen = form.version.data or ""
    version = int(seen) if seen.isdecimal() else -1
    if form.needs_review.data != "above":
        policies.set_policy(
            department_id,
            needs_review=form.needs_review.data == "yes",
            review_months=form.review_months.data or 0,
            version=version,
            now=clock.now(),
        )
    elif has_own:
        policies.clear(department_id, version=version)
