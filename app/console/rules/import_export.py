"""Rules out of files and into files: upload, preview, confirm, progress, result; export."""

from io import BytesIO
from typing import Any

from flask import Response, render_template, request, send_file
from flask_wtf.file import FileField, FileRequired
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response as AnyResponse
from wtforms import RadioField, SelectField

from app import snapshots
from app.console import forms
from app.console.rules.tools_blueprint import tools_blueprint
from app.console.template_globals import flash_success, redirect_to
from app.content import departments
from app.jobs import rule_file_imports
from app.rule_files import exports
from app.snapshots import Snapshot
from app.web import auth
from app.web.auth import requires
from config import clock
from config.permissions import Permission, PermissionScope
from keywords.rules import rule_imports as room
from keywords.rules.rule_imports import MAX_FILE_BYTES, RuleImport
from matrix.departments import Tree

_XLSX_MIME = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# more takes longer than a page may; a department at a time is less
MAX_EXPORTED_RULES = 3000


class UploadForm(forms.Form):
    """A file of rules."""

    file = FileField("文件", [FileRequired("请选择文件")])


class ConfirmForm(forms.Form):
    """What becomes of the rules of a file."""

    then = RadioField(
        "导入以后",
        choices={"draft": "存为草稿，我再逐条看", "submit": "直接全部提交审核"},
        default="draft",
    )


class ExportForm(forms.Form):
    """What is exported, and how; it is read from the address."""

    class Meta(forms.Form.Meta):
        """Reading changes nothing and needs no token."""

        csrf = False

    owner = SelectField("导出哪些")
    format = SelectField("格式", choices={"xlsx": "Excel", "yaml": "YAML"})


@tools_blueprint.route("/imports", methods=["GET", "POST"])
@requires(Permission.RULES_WRITE)
def imports() -> AnyResponse | str | tuple[str, int]:
    """Bring a file in; one's own imports so far."""
    form = UploadForm()
    if form.validate_on_submit():
        with forms.errors_on(form, "file"):
            row = _upload(form.file.data)
        if not form.is_refused:
            return redirect_to("rule_tools.show_import", import_id=row.id)
    page = _render(form, _export_form())
    return (page, 422) if form.is_submitted() else page


def _upload(upload: FileStorage) -> RuleImport:
    with upload.stream as stream:
        body = stream.read(MAX_FILE_BYTES + 1)
    name = (upload.filename or "").replace("\\", "/").rpartition("/")[2]
    return room.upload(name, body, by=auth.member(), now=clock.now())


@tools_blueprint.get("/imports/<int:import_id>")
@requires(Permission.RULES_WRITE)
def show_import(import_id: int) -> str:
    """One import: how far it is, what it would do, what is wrong. Within htmx the moving part."""
    row = room.access_import(auth.member(), import_id)
    return _render_import(row, ConfirmForm())


@tools_blueprint.post("/imports/<int:import_id>/confirm")
@requires(Permission.RULES_WRITE)
def confirm_import(import_id: int) -> AnyResponse | tuple[str, int]:
    """Have it applied."""
    row, form = room.access_import(auth.member(), import_id), ConfirmForm()
    if form.validate():
        with forms.errors_on(form, "then"):
            room.confirm(row.id, submits=form.then.data == "submit", now=clock.now())
    if form.is_refused:
        return _render_import(row, form), 422
    return redirect_to("rule_tools.show_import", import_id=row.id)


@tools_blueprint.post("/imports/<int:import_id>/discard")
@requires(Permission.RULES_WRITE)
def discard_import(import_id: int) -> AnyResponse:
    """Give it up."""
    row = room.access_import(auth.member(), import_id)
    room.discard(row.id, now=clock.now())
    flash_success("已放弃这次导入，没有改动任何规则。")
    return redirect_to("rule_tools.imports")


@tools_blueprint.get("/imports/example.xlsx")
@requires(Permission.RULES_WRITE)
def import_template() -> Response:
    """An empty sheet with all columns and two rows to learn from."""
    return _download(exports.xlsx_template(), "规则导入模板.xlsx", _XLSX_MIME)


@tools_blueprint.get("/export")
@requires(Permission.RULES_READ)
def export() -> Response | tuple[str, int]:
    """The rules a member may read, as a file."""
    snapshot, form = snapshots.current(), _export_form()
    if not form.validate():
        return _render(UploadForm(formdata=None), form), 422
    rules = exports.list_for_staff(
        auth.member(), limit=MAX_EXPORTED_RULES + 1, **_owner_filter(form, snapshot)
    )
    if len(rules) > MAX_EXPORTED_RULES:
        form.owner.errors = [f"超过 {MAX_EXPORTED_RULES} 条，请选一个单位或账号分别导出"]
        return _render(UploadForm(formdata=None), form), 422
    timestamp = f"{clock.local(clock.now()):%Y%m%d-%H%M}"
    if form.format.data == "yaml":
        return _download(exports.to_yaml_text(rules), f"规则-{timestamp}.yaml", "application/yaml")
    return _download(
        exports.to_xlsx(rules, _names_by_code(snapshot)), f"规则-{timestamp}.xlsx", _XLSX_MIME
    )


def _download(body: bytes | str, name: str, mimetype: str) -> Response:
    buffer = BytesIO(body.encode() if isinstance(body, str) else body)
    return send_file(buffer, mimetype=mimetype, as_attachment=True, download_name=name)


def _render(form: UploadForm, export_form: ExportForm) -> str:
    return render_template(
        "console/rules/import_export/index.html",
        form=form,
        wanted=export_form,
        rows=room.list_for_staff(auth.member()),
    )


def _render_import(row: RuleImport, form: ConfirmForm) -> str:
    is_partial = "HX-Request" in request.headers
    return render_template(
        f"console/rules/import_export/{'_import' if is_partial else 'import'}.html",
        row=row,
        form=form,
        reached=rule_file_imports.progress(row.id) if row.is_running else 0,
    )


# ---- what can be exported ----


def _export_form() -> ExportForm:
    snapshot = snapshots.current()
    form = ExportForm(request.args)
    form.owner.choices = {"": "我能看到的全部规则"} | dict(_owner_choices(snapshot))
    return form


def _owner_choices(snapshot: Snapshot) -> list[tuple[str, str]]:
    """Departments, as a tree, and accounts of the member's area."""
    permission_scope = auth.member().scope(Permission.RULES_READ)
    department_choices = [
        (
            f"d{key}",
            f"{'　' * len(snapshot.department_tree.above(key))}{snapshot.department_names.get(key, '')}及下级",
        )
        for key in _depth_first(snapshot.department_tree)
        if permission_scope.contains(department_id=key)
    ]
    account_choices = [
        (f"a{account.id}", f"账号：{account.name}")
        for account in sorted(snapshot.accounts.values(), key=lambda account: account.name)
        if _is_inside(permission_scope, account.id)
    ]
    return [*department_choices, *account_choices]


def _depth_first(tree: Tree) -> list[int]:
    """All departments, each followed by those below it."""
    roots = [key for key, parent in sorted(tree.parents.items()) if parent is None]
    ordered: list[int] = []
    stack = roots[::-1]
    while stack:
        key = stack.pop()
        ordered.append(key)
        children = [child_id for child_id, parent in sorted(tree.parents.items()) if parent == key]
        stack.extend(children[::-1])
    return ordered


def _is_inside(permission_scope: PermissionScope, account_id: int) -> bool:
    return permission_scope.contains(account_id=account_id)


def _owner_filter(form: ExportForm, snapshot: Snapshot) -> dict[str, Any]:
    chosen = form.owner.data or ""
    if chosen.startswith("a"):
        return {"account_id": int(chosen[1:])}
    if chosen.startswith("d"):
        return {"department_ids": snapshot.department_tree.within(int(chosen[1:]))}
    return {}


def _names_by_code(snapshot: Snapshot) -> dict[str, str]:
    """What people call the departments and accounts, by code."""
    department_choices = {
        code: snapshot.department_names.get(key, "")
        for code, key in departments.ids_by_code().items()
    }
    return department_choices | {
        appid: account.name for appid, account in snapshot.accounts.items()
    }
