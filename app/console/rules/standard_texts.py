"""Standard texts: what the hub says on occasions for which there are no rules, one for the city."""

from flask import render_template
from wtforms import HiddenField, TextAreaField
from wtforms.validators import Length

from app.console import forms
from app.console.forms import strip
from app.console.responses import ViewResult, flash_success, redirect_to
from app.console.rules.blueprint import blueprint
from app.web import auth
from app.web.auth import requires
from config import clock
from config.permissions import Permission
from keywords.rules import default_replies
from keywords.rules.default_replies import MAX_TEXT_LENGTH
from keywords.rules.standard_texts import BUILTIN_TEXTS, PLACEHOLDERS, StandardText


class StandardTextsForm(forms.Form):
    """All texts at once, one field each; an empty one brings the built-in text back."""

    seen = HiddenField()


def _line_ends(text: str | None) -> str:
    """A filter: with the line ends of a text, where a browser sends those of a form."""
    return strip(text).replace("\r\n", "\n")


for _occasion in StandardText:
    _field = TextAreaField(_occasion.label, [Length(max=MAX_TEXT_LENGTH)], filters=[_line_ends])
    setattr(StandardTextsForm, _occasion, _field)


@blueprint.route("/texts/standard", methods=["GET", "POST"])
@requires(Permission.RULES_WRITE)
def edit_standard_texts() -> ViewResult:
    """The city's texts; for those who may write rules everywhere."""
    written = default_replies.access_texts(auth.member(), Permission.RULES_WRITE)
    current = {each.value: text for each, text in {**BUILTIN_TEXTS, **written}.items()}
    token = default_replies.texts_token(written)
    form = StandardTextsForm(data=current | {"seen": token})
    if form.validate_on_submit():
        if form.seen.data == token:
            _save(form)
        else:
            # of all these texts it is not known which was changed, and so not by whom
            form.show_conflict(current, None, seen=token)
    if not form.is_submitted() or form.is_refused:
        page = render_template(
            "console/rules/standard_texts.html",
            form=form,
            occasions=list(StandardText),
            written=written,
            placeholders=PLACEHOLDERS,
            max_length=MAX_TEXT_LENGTH,
        )
        return (page, 422) if form.is_submitted() else page
    flash_success("已保存，两秒之内生效。")
    return redirect_to("rules.edit_standard_texts")


def _save(form: StandardTextsForm) -> None:
    with forms.errors_on(form, **{f"texts.{each}": each.value for each in StandardText}):
        for occasion in StandardText:
            default_replies.set_text(occasion, form[occasion].data, now=clock.now())
