"""Standard texts: what the hub says on occasions for which there are no rules, one for the city."""

from collections.abc import Mapping

from flask import render_template, request
from wtforms import HiddenField, TextAreaField
from wtforms.validators import Length

from app.console import forms
from app.console.forms import strip
from app.console.responses import ViewResult, flash_success, redirect_to
from app.console.rules.blueprint import blueprint
from app.web import auth
from app.web.auth import requires
from config import clock
from config.errors import Stale
from config.permissions import Permission
from keywords.rules import default_replies
from keywords.rules.default_replies import MAX_TEXT_LENGTH
from keywords.rules.standard_texts import BUILTIN_TEXTS, PLACEHOLDERS, StandardText


class StandardTextsForm(forms.Form):
    """All texts at once, one field each; an empty one brings the built-in text back."""

    seen = HiddenField()


for _occasion in StandardText:
    _field = TextAreaField(_occasion.label, [Length(max=MAX_TEXT_LENGTH)], filters=[strip])
    setattr(StandardTextsForm, _occasion, _field)


@blueprint.route("/texts/standard", methods=["GET", "POST"])
@requires(Permission.RULES_WRITE)
def edit_standard_texts() -> ViewResult:
    """The city's texts, which those who may write rules everywhere change and others read."""
    may_edit = auth.member().scope(Permission.RULES_WRITE).everywhere
    if may_edit or request.method == "POST":
        written = default_replies.access_texts(auth.member(), Permission.RULES_WRITE)
    else:
        written = default_replies.written_texts()
    form = StandardTextsForm(
        data=_field_data(written) | {"seen": default_replies.texts_token(written)}
    )
    if form.validate_on_submit():
        _save(form)
    if not form.is_submitted() or form.is_refused:
        page = render_template(
            "console/rules/standard_texts.html",
            form=form,
            occasions=list(StandardText),
            written=written,
            placeholders=PLACEHOLDERS,
            may_edit=may_edit,
            max_length=MAX_TEXT_LENGTH,
        )
        return (page, 422) if form.is_submitted() else page
    flash_success("已保存，两秒之内生效。")
    return redirect_to("rules.edit_standard_texts")


def _field_data(written: Mapping[StandardText, str]) -> dict[str, str]:
    """What the hub says on each occasion, as data of the form."""
    return {each.value: text for each, text in {**BUILTIN_TEXTS, **written}.items()}


def _save(form: StandardTextsForm) -> None:
    """Save all texts, or show on the form what somebody else saved meanwhile."""
    texts = {occasion: form[occasion].data for occasion in StandardText}
    with forms.errors_on(form, **{f"texts.{each}": each.value for each in StandardText}):
        try:
            default_replies.set_texts(texts, expected=form.seen.data or "", now=clock.now())
        except Stale as error:
            token = default_replies.texts_token(error.newest)
            # of all these texts it is not known which was changed, and so not by whom
            form.show_conflict(_field_data(error.newest), None, seen=token)
