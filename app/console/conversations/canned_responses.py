"""Phrases: the ready answers of my departments, to add, change and give up."""

from flask import render_template
from werkzeug.wrappers import Response
from wtforms import IntegerField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from app.console import forms
from app.console.conversations.blueprint import blueprint
from app.console.template_globals import flash_success, redirect_to
from app.web.auth import member, requires
from config import audit, clock
from config.permissions import Permission
from matrix import canned_responses as stored
from matrix import departments
from matrix.canned_responses import CannedResponseChanged

ViewResult = str | Response | tuple[str, int]


class CannedResponseForm(forms.Form):
    """One ready answer."""

    title = StringField("名称", [InputRequired("请填写名称"), Length(max=20)])
    content = TextAreaField("内容", [InputRequired("请填写内容"), Length(max=600)])
    version = IntegerField()


class NewCannedResponseForm(CannedResponseForm):
    """One ready answer and whose it is."""

    department = SelectField("单位", coerce=int)

    def __init__(self) -> None:
        super().__init__()
        permission_scope = member().scope(Permission.CONVERSATIONS_REPLY)
        department_ids = (
            departments.tree().parents
            if permission_scope.everywhere
            else permission_scope.departments
        )
        names = departments.names(department_ids)
        sorted_ids = sorted(names, key=names.__getitem__)
        self.department.choices = {str(key): names[key] for key in sorted_ids}


@blueprint.route("/phrases", methods=["GET", "POST"])
@requires(Permission.CONVERSATIONS_REPLY)
def list_canned_responses() -> ViewResult:
    """All phrases I may change, and a form for another."""
    form = NewCannedResponseForm()
    if form.validate_on_submit():
        with forms.errors_on(form, "title"):
            stored.create(
                member(),
                form.department.data,
                title=form.title.data or "",
                content=form.content.data or "",
                now=clock.now(),
            )
    if form.is_submitted() and not form.is_refused:
        flash_success("已添加。")
        return redirect_to("conversations.list_canned_responses")
    rows = stored.list_for_staff(member())
    page = render_template(
        "console/conversations/canned_responses.html",
        form=form,
        phrases=rows,
        names=departments.names({phrase.department_id for phrase in rows}),
    )
    return (page, 422) if form.is_submitted() else page


@blueprint.route("/phrases/<int:canned_response_id>", methods=["GET", "POST"])
@requires(Permission.CONVERSATIONS_REPLY)
def edit_canned_response(canned_response_id: int) -> ViewResult:
    """Change one phrase."""
    row = stored.access_response(member(), canned_response_id, Permission.CONVERSATIONS_REPLY)
    form = CannedResponseForm(obj=row)
    if form.validate_on_submit():
        with forms.errors_on(form):
            _update(row, form)
    if form.is_submitted() and not form.is_refused:
        flash_success("已保存。")
        return redirect_to("conversations.list_canned_responses")
    page = render_template("console/conversations/canned_response.html", form=form, phrase=row)
    return (page, 422) if form.is_submitted() else page


def _update(row: stored.CannedResponse, form: CannedResponseForm) -> None:
    """Save what was typed, or show what somebody else made of it."""
    try:
        stored.update(
            member(),
            row.id,
            title=form.title.data or "",
            content=form.content.data or "",
            version=form.version.data or 0,
        )
    except CannedResponseChanged:
        current = {"title": row.title, "content": row.content}
        form.show_conflict(
            current, audit.find_latest("canned_response", row.id), version=row.version
        )


@blueprint.post("/phrases/<int:canned_response_id>/remove")
@requires(Permission.CONVERSATIONS_REPLY)
def delete_canned_response(canned_response_id: int) -> ViewResult:
    """Give a phrase up."""
    stored.delete_response(member(), canned_response_id)
    flash_success("已删除。")
    return redirect_to("conversations.list_canned_responses")
