"""Default replies: each owner's fallback when no rule answers, and the city's emergency prompt."""

from flask import render_template, request, url_for
from wtforms import HiddenField, TextAreaField
from wtforms.validators import InputRequired, Length

from app import snapshots
from app.console import forms
from app.console.forms import strip
from app.console.responses import ViewResult, flash_success, redirect_to
from app.console.rules.blueprint import blueprint
from app.console.rules.owner import Owner, owner_choices
from app.web import auth
from app.web.auth import requires, requires_confirmation
from config import audit, clock
from config.errors import Stale
from config.permissions import Permission
from keywords.rules import default_replies
from keywords.rules.default_replies import (
    BUILTIN_FALLBACK,
    MAX_TEXT_LENGTH,
    DefaultReplyAction,
    DefaultReplyRow,
)
from keywords.rules.inheritance import AccountPosition


class FallbackForm(forms.Form):
    """The fallback of one owner; an empty text removes it, and the one further up counts again."""

    text = TextAreaField("默认答复", [Length(max=MAX_TEXT_LENGTH)], filters=[strip])
    seen = HiddenField()


class EmergencyForm(forms.Form):
    """The city's emergency prompt, and its emergency words besides the built-in ones."""

    prompt = TextAreaField(
        "紧急提示", [InputRequired("请填写"), Length(max=MAX_TEXT_LENGTH)], filters=[strip]
    )
    words = TextAreaField("本市补充的紧急词")
    seen = HiddenField()


# ---- the fallback of one owner ----


@blueprint.route("/texts", methods=["GET", "POST"])
@requires(Permission.RULES_WRITE)
def edit_default_replies() -> ViewResult:
    """The fallback of the owner that the query names, else of the first the person may edit."""
    member, snapshot = auth.member(), snapshots.current()
    choices = owner_choices(snapshot, member.scope(Permission.RULES_WRITE))
    owner = Owner.from_key(request.args.get("owner") or choices[0][0])
    row = default_replies.access_fallback(member, **owner.ids, right=Permission.RULES_WRITE)
    edit_token = default_replies.edit_token(row)
    form = FallbackForm(data={"text": row.text if row else "", "seen": edit_token})
    if form.validate_on_submit():
        with forms.errors_on(form, "text"):
            try:
                _set_fallback(form, owner)
            except Stale as error:
                newest: DefaultReplyRow | None = error.newest
                last_change = audit.find_latest(DefaultReplyAction.kind, error.facts["key"])
                current = {"text": newest.text if newest else ""}
                edit_token = default_replies.edit_token(newest)
                form.show_conflict(current, last_change, seen=edit_token)
    if not form.is_submitted() or form.is_refused:
        page = _render(form, owner, choices)
        return (page, 422) if form.is_submitted() else page
    flash_success("默认答复已更新，两秒之内生效。")
    return redirect_to("rules.edit_default_replies", owner=owner.key)


def _set_fallback(form: FallbackForm, owner: Owner) -> None:
    """Save or remove the fallback. Raises Stale when it is not what was seen."""
    seen = form.seen.data or ""
    if form.text.data:
        default_replies.set_fallback(form.text.data, **owner.ids, expected=seen, now=clock.now())
    elif seen:
        default_replies.clear_fallback(**owner.ids, expected=seen)


# ---- the city's emergency prompt ----


@blueprint.post("/texts/emergency")
@requires(Permission.RULES_WRITE)
# what a citizen in danger reads, at every account at once
@requires_confirmation
def update_emergency_prompt() -> ViewResult:
    """Set the city's emergency prompt and words; for those who may write rules everywhere."""
    member, form = auth.member(), EmergencyForm()
    default_replies.access_emergency(member, Permission.RULES_WRITE)
    if form.validate():
        with forms.errors_on(form, "words", **{"emergency.text": "prompt"}):
            _set_emergency(form)
    if form.is_refused:
        choices = owner_choices(snapshots.current(), member.scope(Permission.RULES_WRITE))
        return _render(FallbackForm(formdata=None), Owner(), choices, form), 422
    flash_success("紧急提示已更新，两秒之内生效。")
    return redirect_to("rules.edit_default_replies")


def _set_emergency(form: EmergencyForm) -> None:
    """Save the prompt and words, or show on the form what somebody else saved meanwhile."""
    words = [line.strip() for line in (form.words.data or "").splitlines() if line.strip()]
    try:
        default_replies.set_emergency(
            form.prompt.data or "", words, expected=form.seen.data or "", now=clock.now()
        )
    except Stale as error:
        current = _current_emergency()
        edit_token = current.pop("seen")
        # the form was posted to an address of its own, which cannot be opened by GET
        form.show_conflict(
            current,
            audit.find_latest(DefaultReplyAction.kind, error.facts["key"]),
            reopen_url=url_for("rules.edit_default_replies"),
            seen=edit_token,
        )


def _current_emergency() -> dict[str, str]:
    """The prompt and words that are in force, as data of an EmergencyForm. Raises NotFound."""
    row = default_replies.access_emergency(auth.member(), Permission.RULES_WRITE)
    return {
        "prompt": row.text if row else default_replies.BUILTIN_EMERGENCY,
        "words": "\n".join(row.words) if row else "",
        "seen": default_replies.edit_token(row),
    }


# ---- the page of both ----


def _render(
    form: FallbackForm,
    owner: Owner,
    choices: list[tuple[str, str]],
    emergency_form: EmergencyForm | None = None,
) -> str:
    """The page; with `emergency_form` when that is the form that was refused."""
    member, snapshot = auth.member(), snapshots.current()
    may_edit_city = member.scope(Permission.RULES_WRITE).everywhere
    if may_edit_city and emergency_form is None:
        emergency_form = EmergencyForm(formdata=None, data=_current_emergency())
    rows = default_replies.list_for_staff(member)
    return render_template(
        "console/rules/default_replies.html",
        form=form,
        owner=owner,
        owner_name=owner.name(snapshot),
        owner_choices=choices,
        owners_with_text={Owner(row.department_id, row.account_id).key for row in rows},
        inherited_text=_inherited_text(owner),
        emergency_form=emergency_form if may_edit_city else None,
        max_length=MAX_TEXT_LENGTH,
    )


def _inherited_text(owner: Owner) -> str:
    """The fallback that counts where the owner has none: from further up, else the built-in one."""
    if owner == Owner():
        return BUILTIN_FALLBACK
    chain = owner.department_chain(snapshots.current())
    ancestors = chain if owner.account_id is not None else chain[1:]
    # account 0 does not exist, so only the departments and the city are asked
    return default_replies.load().fallback_for(AccountPosition(0, (), ancestors))
