"""Rules from files (upload, check, preview, confirm, progress, result) and into files."""

from io import BytesIO
from typing import Any

from flask import Response, render_template, request, send_file
from flask_wtf.file import FileField, FileRequired
from werkzeug.datastructures import FileStorage
from wtforms import RadioField, SelectField

from app import snapshots
from app.console import forms
from app.console.responses import ViewResult, flash_success, redirect_to
from app.console.rules.blueprint import tools_blueprint
from app.content import departments
from app.jobs import rule_file_imports
from app.rule_files import exports
from app.snapshots import Snapshot
from app.web import auth
from app.web.auth import requires
from config import clock
from config.permissions import Permission
from keywords.rules import rule_imports
from keywords.rules.rule_imports import MAX_FILE_BYTES, RuleImport
from matrix.departments import Tree

_XLSX_MIME = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# more rules take longer than a request may; a department alone has fewer
MAX_EXPORTED_RULES = 3000


class UploadForm(forms.Form):
    """A file of rules."""

    file = FileField("文件", [FileRequired("请选择文件")])


class ConfirmForm(forms.Form):
    """What becomes of the imported rules: drafts, or submitted for review at once."""

    then = RadioField(
        "导入以后",
        choices={"draft": "存为草稿，我再逐条看", "submit": "直接全部提交审核"},
        default="draft",
    )


class ExportForm(forms.Form):
    """Whose rules are exported, and in which format; read from the query."""

    class Meta(forms.Form.Meta):
        """An export changes nothing, so it needs no CSRF token."""

        csrf = False

    owner = SelectField("导出哪些")
    format = SelectField("格式", choices={"xlsx": "Excel", "yaml": "YAML"})


@tools_blueprint.route("/imports", methods=["GET", "POST"])
@requires(Permission.RULES_WRITE)
def imports() -> ViewResult:
    """Upload a file, which a job then checks; the list of one's own imports."""
    form = UploadForm()
    if form.validate_on_submit():
        with forms.errors_on(form, "file"):
            row = _upload(form.file.data)
        if not form.is_refused:
            return redirect_to("rule_tools.show_import", import_id=row.id)
    page = _render(form, _export_form())
    return (page, 422) if form.is_submitted() else page


def _upload(upload: FileStorage) -> RuleImport:
    """Store the file. Raises Invalid for what is no Excel or YAML file, or too large."""
    with upload.stream as stream:
        # one byte more than allowed is enough to see that it is too large
        body = stream.read(MAX_FILE_BYTES + 1)
    # some browsers send the whole path of the file
    name = (upload.filename or "").replace("\\", "/").rpartition("/")[2]
    return rule_imports.upload(name, body, by=auth.member(), now=clock.now())


@tools_blueprint.get("/imports/<int:import_id>")
@requires(Permission.RULES_WRITE)
def show_import(import_id: int) -> str:
    """One import: its progress, its preview or its problems; for htmx the part that polls."""
    row = rule_imports.access_import(auth.member(), import_id)
    return _render_import(row, ConfirmForm())


@tools_blueprint.post("/imports/<int:import_id>/confirm")
@requires(Permission.RULES_WRITE)
def confirm_import(import_id: int) -> ViewResult:
    """Have a checked import applied by a job."""
    # only one's own imports: whoever confirms has seen the preview
    row, form = rule_imports.access_import(auth.member(), import_id), ConfirmForm()
    if form.validate():
        with forms.errors_on(form, "then"):
            rule_imports.confirm(row.id, submits=form.then.data == "submit", now=clock.now())
    if form.is_refused:
        return _render_import(row, form), 422
    return redirect_to("rule_tools.show_import", import_id=row.id)


@tools_blueprint.post("/imports/<int:import_id>/discard")
@requires(Permission.RULES_WRITE)
def discard_import(import_id: int) -> ViewResult:
    """Discard a checked import; nothing is changed."""
    row = rule_imports.access_import(auth.member(), import_id)
    rule_imports.discard(row.id, now=clock.now())
    flash_success("已放弃这次导入，没有改动任何规则。")
    return redirect_to("rule_tools.imports")


@tools_blueprint.get("/imports/example.xlsx")
@requires(Permission.RULES_WRITE)
def import_template() -> Response:
    """A spreadsheet with all columns and two example rows."""
    return _download(exports.xlsx_template(), "规则导入模板.xlsx", _XLSX_MIME)


@tools_blueprint.get("/export")
@requires(Permission.RULES_READ)
def export() -> Response | tuple[str, int]:
    """The rules that the person may read, as a file; 422 for more than MAX_EXPORTED_RULES."""
    snapshot, form = snapshots.current(), _export_form()
    if not form.validate():
        return _render(UploadForm(formdata=None), form), 422
    # one more than allowed shows that there are too many, without counting
    rules = exports.list_for_staff(
        auth.member(), limit=MAX_EXPORTED_RULES + 1, **_owner_filter(form, snapshot)
    )
    if len(rules) > MAX_EXPORTED_RULES:
        form.owner.errors = [f"超过 {MAX_EXPORTED_RULES} 条，请选一个单位或账号分别导出"]
        return _render(UploadForm(formdata=None), form), 422
    # local time: the name is for people, who export the same again and again
    timestamp = f"{clock.local(clock.now()):%Y%m%d-%H%M}"
    if form.format.data == "yaml":
        return _download(exports.to_yaml_text(rules), f"规则-{timestamp}.yaml", "application/yaml")
    return _download(
        exports.to_xlsx(rules, _names_by_code(snapshot)), f"规则-{timestamp}.xlsx", _XLSX_MIME
    )


def _download(body: bytes | str, name: str, mimetype: str) -> Response:
    # from memory, as the whole is bounded by MAX_EXPORTED_RULES
    buffer = BytesIO(body.encode() if isinstance(body, str) else body)
    return send_file(buffer, mimetype=mimetype, as_attachment=True, download_name=name)


def _render(form: UploadForm, export_form: ExportForm) -> str:
    return render_template(
        "console/rules/import_export/index.html",
        form=form,
        export_form=export_form,
        rows=rule_imports.list_for_staff(auth.member()),
    )


def _render_import(row: RuleImport, form: ConfirmForm) -> str:
    is_partial = "HX-Request" in request.headers
    return render_template(
        f"console/rules/import_export/{'_import' if is_partial else 'import'}.html",
        row=row,
        form=form,
        # asked of the cache only while a job is running
        progress=rule_file_imports.progress(row.id) if row.is_running else 0,
    )


# ---- what can be exported ----


def _export_form() -> ExportForm:
    snapshot = snapshots.current()
    form = ExportForm(request.args)
    form.owner.choices = {"": "我能看到的全部规则"} | dict(_owner_choices(snapshot))
    return form


def _owner_choices(snapshot: Snapshot) -> list[tuple[str, str]]:
    """Departments, indented as a tree, and accounts that the person may read."""
    permission_scope = auth.member().scope(Permission.RULES_READ)
    department_choices = [
        (
            f"d{key}",
            "　" * len(snapshot.department_tree.above(key))
            + f"{snapshot.department_names.get(key, '')}及下级",
        )
        # indented by full-width spaces, as browsers collapse normal ones in the options of a select
        for key in _depth_first(snapshot.department_tree)
        if permission_scope.contains(department_id=key)
    ]
    account_choices = [
        (f"a{account.id}", f"账号：{account.name}")
        for account in sorted(snapshot.accounts.values(), key=lambda account: account.name)
        if permission_scope.contains(account_id=account.id)
    ]
    return [*department_choices, *account_choices]


def _depth_first(tree: Tree) -> list[int]:
    """All department ids, each followed by those below it."""
    roots = [key for key, parent in sorted(tree.parents.items()) if parent is None]
    ordered: list[int] = []
    # a stack instead of recursion, reversed because the last one put on it is the next
    stack = roots[::-1]
    while stack:
        key = stack.pop()
        ordered.append(key)
        children = [child_id for child_id, parent in sorted(tree.parents.items()) if parent == key]
        stack.extend(children[::-1])
    return ordered


def _owner_filter(form: ExportForm, snapshot: Snapshot) -> dict[str, Any]:
    """The chosen owner as keyword arguments of `exports.list_for_staff`; none for all."""
    chosen = form.owner.data or ""
    if chosen.startswith("a"):
        return {"account_id": int(chosen[1:])}
    if chosen.startswith("d"):
        return {"department_ids": snapshot.department_tree.within(int(chosen[1:]))}
    return {}


def _names_by_code(snapshot: Snapshot) -> dict[str, str]:
    """Names of departments by their slug and of accounts by their appid, for the Excel column."""
    department_names = {
        code: snapshot.department_names.get(key, "")
        for code, key in departments.ids_by_code().items()
    }
    return department_names | {appid: account.name for appid, account in snapshot.accounts.items()}
