"""Canned responses of one's departments: the list, a new one, editing, deleting."""

from flask import render_template
from wtforms import IntegerField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from app.console import forms
from app.console.conversations.blueprint import blueprint
from app.console.responses import ViewResult, flash_success, redirect_to
from app.web.auth import member, requires
from config import audit, clock
from config.errors import Stale
from config.permissions import Permission
from matrix import canned_responses, departments
from matrix.canned_responses import CannedResponse, CannedResponseAction


class CannedResponseForm(forms.Form):
    """A canned response; `version` is the one that was on the page."""

    title = StringField("名称", [InputRequired("请填写名称"), Length(max=20)])
    content = TextAreaField("内容", [InputRequired("请填写内容"), Length(max=600)])
    version = IntegerField()


class NewCannedResponseForm(CannedResponseForm):
    """A new canned response and the department it belongs to."""

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
        # sorted by name, since the ids say nothing to the reader; WTForms refuses any other id
        self.department.choices = {str(key): names[key] for key in sorted_ids}


@blueprint.route("/phrases", methods=["GET", "POST"])
@requires(Permission.CONVERSATIONS_REPLY)
def list_canned_responses() -> ViewResult:
    """All canned responses that the person may change, and a form for a new one."""
    form = NewCannedResponseForm()
    if form.validate_on_submit():
        with forms.errors_on(form, "title"):
            canned_responses.create(
                member(),
                form.department.data,
                title=form.title.data or "",
                content=form.content.data or "",
                now=clock.now(),
            )
    if form.is_submitted() and not form.is_refused:
        flash_success("已添加。")
        return redirect_to("conversations.list_canned_responses")
    rows = canned_responses.list_for_staff(member())
    page = render_template(
        "console/conversations/canned_responses.html",
        form=form,
        canned_responses=rows,
        department_names=departments.names({row.department_id for row in rows}),
    )
    return (page, 422) if form.is_submitted() else page


@blueprint.route("/phrases/<int:canned_response_id>", methods=["GET", "POST"])
@requires(Permission.CONVERSATIONS_REPLY)
def edit_canned_response(canned_response_id: int) -> ViewResult:
    """Edit a canned response."""
    row = canned_responses.access_response(
        member(), canned_response_id, Permission.CONVERSATIONS_REPLY
    )
    form = CannedResponseForm(obj=row)
    if form.validate_on_submit():
        with forms.errors_on(form):
            _update(row, form)
    if form.is_submitted() and not form.is_refused:
        flash_success("已保存。")
        return redirect_to("conversations.list_canned_responses")
    page = render_template("console/conversations/canned_response.html", form=form)
    return (page, 422) if form.is_submitted() else page


def _update(row: CannedResponse, form: CannedResponseForm) -> None:
    """Save the form, or show on it what somebody else saved meanwhile."""
    try:
        canned_responses.update(
            member(),
            row.id,
            title=form.title.data or "",
            content=form.content.data or "",
            version=form.version.data or 0,
        )
    except Stale:
        current = {"title": row.title, "content": row.content}
        form.show_conflict(
            current, audit.find_latest(CannedResponseAction.kind, row.id), version=row.version
        )


@blueprint.post("/phrases/<int:canned_response_id>/remove")
@requires(Permission.CONVERSATIONS_REPLY)
def delete_canned_response(canned_response_id: int) -> ViewResult:
    """Delete a canned response."""
    canned_responses.delete_response(member(), canned_response_id)
    flash_success("已删除。")
    return redirect_to("conversations.list_canned_responses")
