"""Phrases: the ready answers of my departments, to add, change and give up."""

from flask import render_template
from werkzeug.wrappers import Response
from wtforms import IntegerField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from app.auth import member, needs
from app.console import forms
from app.console.drawing import away, done
from app.console.talks.group import blueprint
from config import audit, clock
from config.tenancy import Right
from matrix import departments
from matrix import phrases as stored
from matrix.phrases import PhraseChanged

Answer = str | Response | tuple[str, int]


class PhraseForm(forms.Form):
    """One ready answer."""

    title = StringField("名称", [InputRequired("请填写名称"), Length(max=20)])
    content = TextAreaField("内容", [InputRequired("请填写内容"), Length(max=600)])
    version = IntegerField()


class NewForm(PhraseForm):
    """One ready answer and whose it is."""

    department = SelectField("单位", coerce=int)

    def __init__(self) -> None:
        super().__init__()
        area = member().area(Right.TALKS_ANSWER)
        own = departments.tree().parents if area.everywhere else area.departments
        names = departments.names(own)
        in_order = sorted(names, key=names.__getitem__)
        self.department.choices = {str(key): names[key] for key in in_order}


@blueprint.route("/phrases", methods=["GET", "POST"])
@needs(Right.TALKS_ANSWER)
def phrases() -> Answer:
    """All phrases I may change, and a form for another."""
    form = NewForm()
    if form.validate_on_submit():
        with forms.blaming(form, "title"):
            stored.add(
                member(),
                form.department.data,
                title=form.title.data or "",
                content=form.content.data or "",
                now=clock.now(),
            )
    if form.is_submitted() and not form.is_refused:
        done("已添加。")
        return away("talks.phrases")
    listed = stored.phrases_for_staff(member())
    page = render_template(
        "console/talks/phrases.html",
        form=form,
        phrases=listed,
        names=departments.names({phrase.department_id for phrase in listed}),
    )
    return (page, 422) if form.is_submitted() else page


@blueprint.route("/phrases/<int:phrase_id>", methods=["GET", "POST"])
@needs(Right.TALKS_ANSWER)
def phrase(phrase_id: int) -> Answer:
    """Change one phrase."""
    found = stored.access_phrase(member(), phrase_id, Right.TALKS_ANSWER)
    form = PhraseForm(obj=found)
    if form.validate_on_submit():
        with forms.blaming(form):
            _revise(found, form)
    if form.is_submitted() and not form.is_refused:
        done("已保存。")
        return away("talks.phrases")
    page = render_template("console/talks/phrase.html", form=form, phrase=found)
    return (page, 422) if form.is_submitted() else page


def _revise(found: stored.Phrase, form: PhraseForm) -> None:
    """Save what was typed, or show what somebody else made of it."""
    try:
        stored.revise(
            member(),
            found.id,
            title=form.title.data or "",
            content=form.content.data or "",
            version=form.version.data or 0,
        )
    except PhraseChanged:
        now = {"title": found.title, "content": found.content}
        form.set_beside(now, audit.newest("phrase", found.id), version=found.version)


@blueprint.post("/phrases/<int:phrase_id>/remove")
@needs(Right.TALKS_ANSWER)
def remove_phrase(phrase_id: int) -> Answer:
    """Give a phrase up."""
    stored.remove(member(), phrase_id)
    done("已删除。")
    return away("talks.phrases")
