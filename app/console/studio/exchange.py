"""Rules out of files and into files: upload, preview, confirm, progress, result; export."""

from io import BytesIO
from typing import Any

from flask import Response, render_template, request, send_file
from flask_wtf.file import FileField, FileRequired
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response as AnyResponse
from wtforms import RadioField, SelectField

from app import auth, live
from app.auth import needs
from app.console import forms
from app.console.drawing import away, done
from app.console.studio.blueprint import blueprint
from app.exchange import sheets, working
from app.live import Live
from app.loading import departments
from config import clock
from config.tenancy import Area, Right
from keywords import imports as room
from keywords.imports import LARGEST_FILE, RuleImport
from matrix.departments import Tree

_EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# more takes longer than a page may; a department at a time is less
MOST_EXPORTED = 3000


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


@blueprint.route("/imports", methods=["GET", "POST"])
@needs(Right.RULES_WRITE)
def imports() -> AnyResponse | str | tuple[str, int]:
    """Bring a file in; one's own imports so far."""
    form = UploadForm()
    if form.validate_on_submit():
        with forms.blaming(form, "file"):
            row = _upload(form.file.data)
        if not form.is_refused:
            return away("studio.show_import", import_id=row.id)
    page = _page(form, _export_form())
    return (page, 422) if form.is_submitted() else page


def _upload(brought: FileStorage) -> RuleImport:
    with brought.stream as stream:
        body = stream.read(LARGEST_FILE + 1)
    name = (brought.filename or "").replace("\\", "/").rpartition("/")[2]
    return room.upload(name, body, by=auth.member(), now=clock.now())


@blueprint.get("/imports/<int:import_id>")
@needs(Right.RULES_WRITE)
def show_import(import_id: int) -> str:
    """One import: how far it is, what it would do, what is wrong. Within htmx the moving part."""
    row = room.access_import(auth.member(), import_id)
    return _import(row, ConfirmForm())


@blueprint.post("/imports/<int:import_id>/confirm")
@needs(Right.RULES_WRITE)
def confirm_import(import_id: int) -> AnyResponse | tuple[str, int]:
    """Have it applied."""
    row, form = room.access_import(auth.member(), import_id), ConfirmForm()
    if form.validate():
        with forms.blaming(form, "then"):
            room.confirm(row.id, submits=form.then.data == "submit", now=clock.now())
    if form.is_refused:
        return _import(row, form), 422
    return away("studio.show_import", import_id=row.id)


@blueprint.post("/imports/<int:import_id>/discard")
@needs(Right.RULES_WRITE)
def discard_import(import_id: int) -> AnyResponse:
    """Give it up."""
    row = room.access_import(auth.member(), import_id)
    room.discard(row.id, now=clock.now())
    done("已放弃这次导入，没有改动任何规则。")
    return away("studio.imports")


@blueprint.get("/imports/example.xlsx")
@needs(Right.RULES_WRITE)
def example() -> Response:
    """An empty sheet with all columns and two rows to learn from."""
    return _file(sheets.example(), "规则导入模板.xlsx", _EXCEL)


@blueprint.get("/export")
@needs(Right.RULES_READ)
def export() -> Response | tuple[str, int]:
    """The rules a member may read, as a file."""
    picture, form = live.current(), _export_form()
    if not form.validate():
        return _page(UploadForm(formdata=None), form), 422
    listed = sheets.readable(auth.member(), at_most=MOST_EXPORTED + 1, **_owner(form, picture))
    if len(listed) > MOST_EXPORTED:
        form.owner.errors = [f"超过 {MOST_EXPORTED} 条，请选一个单位或账号分别导出"]
        return _page(UploadForm(formdata=None), form), 422
    stamp = f"{clock.local(clock.now()):%Y%m%d-%H%M}"
    if form.format.data == "yaml":
        return _file(sheets.as_document(listed), f"规则-{stamp}.yaml", "application/yaml")
    return _file(sheets.as_excel(listed, _names(picture)), f"规则-{stamp}.xlsx", _EXCEL)


def _file(body: bytes | str, name: str, mimetype: str) -> Response:
    held = BytesIO(body.encode() if isinstance(body, str) else body)
    return send_file(held, mimetype=mimetype, as_attachment=True, download_name=name)


def _page(form: UploadForm, wanted: ExportForm) -> str:
    return render_template(
        "console/studio/imports.html",
        form=form,
        wanted=wanted,
        rows=room.imports_for_staff(auth.member()),
    )


def _import(row: RuleImport, form: ConfirmForm) -> str:
    is_partial = "HX-Request" in request.headers
    return render_template(
        f"console/studio/{'_import' if is_partial else 'import'}.html",
        row=row,
        form=form,
        reached=working.progress(row.id) if row.is_running else 0,
    )


# ---- what can be exported ----


def _export_form() -> ExportForm:
    picture = live.current()
    form = ExportForm(request.args)
    form.owner.choices = {"": "我能看到的全部规则"} | dict(_owners(picture))
    return form


def _owners(picture: Live) -> list[tuple[str, str]]:
    """Departments, as a tree, and accounts of the member's area."""
    area = auth.member().area(Right.RULES_READ)
    units = [
        (f"d{key}", f"{'　' * len(picture.tree.above(key))}{picture.names.get(key, '')}及下级")
        for key in _in_order(picture.tree)
        if area.holds(department_id=key)
    ]
    singles = [
        (f"a{account.id}", f"账号：{account.name}")
        for account in sorted(picture.accounts.values(), key=lambda account: account.name)
        if _is_inside(area, account.id)
    ]
    return [*units, *singles]


def _in_order(tree: Tree) -> list[int]:
    """All departments, each followed by those below it."""
    tops = [key for key, parent in sorted(tree.parents.items()) if parent is None]
    found: list[int] = []
    waiting = tops[::-1]
    while waiting:
        key = waiting.pop()
        found.append(key)
        below = [one for one, parent in sorted(tree.parents.items()) if parent == key]
        waiting.extend(below[::-1])
    return found


def _is_inside(area: Area, account_id: int) -> bool:
    return area.holds(account_id=account_id)


def _owner(form: ExportForm, picture: Live) -> dict[str, Any]:
    chosen = form.owner.data or ""
    if chosen.startswith("a"):
        return {"account_id": int(chosen[1:])}
    if chosen.startswith("d"):
        return {"department_ids": picture.tree.within(int(chosen[1:]))}
    return {}


def _names(picture: Live) -> dict[str, str]:
    """What people call the departments and accounts, by code."""
    units = {code: picture.names.get(key, "") for code, key in departments.ids().items()}
    return units | {appid: account.name for appid, account in picture.accounts.items()}
