"""Departments: the tree of the city's units, as those who manage it change it."""

import secrets
from collections import Counter
from typing import Any

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response
from wtforms import HiddenField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from app.auth import confirmed, member, needs
from app.console import forms
from app.console.drawing import away, done
from app.console.forms import indented, trimmed
from config import audit, clock
from config.errors import Stale
from config.tenancy import Right
from matrix import accounts, departments
from matrix.departments import Department, State

blueprint = Blueprint("departments", __name__, url_prefix="/console/departments")
Answer = str | Response | tuple[str, int]
_TOP = 0  # in a list of departments: below none
_RIGHT = Right.DEPARTMENTS_MANAGE


class DepartmentForm(forms.Form):
    """What is said about a department."""

    name = StringField("名称", [DataRequired("请填写名称"), Length(max=60)], [trimmed])
    kind = StringField("类别", [Length(max=30, message="最长 30 个字")], [trimmed])
    phone = StringField("联系电话", [Length(max=40, message="最长 40 个字符")], [trimmed])
    duties = TextAreaField("职责", [Length(max=1000, message="最长 1000 个字")], [trimmed])


class NewForm(DepartmentForm):
    """A department that is to be founded."""

    parent = SelectField("上级单位", coerce=int)
    code = StringField("编号", [Length(max=64, message="最长 64 个字符")], [trimmed])


class ChangeForm(DepartmentForm):
    """A department as it was when the page was opened."""

    version = HiddenField()


class PlaceForm(forms.Form):
    """Another department, to stand below or to be merged into."""

    target = SelectField("单位", coerce=int)


def _reachable(department_id: int) -> Department:
    return departments.access_department(member(), department_id, _RIGHT)


class MergeForm(PlaceForm):
    """The department that answers from now on."""

    target = SelectField("承接单位", [DataRequired("请选择承接单位")], coerce=int)


@blueprint.get("/")
@needs(_RIGHT)
def index() -> str:
    """The tree, with former names, accounts and successors."""
    words = request.args.get("q", "").strip()
    own = departments.departments_for_staff(member(), _RIGHT)
    former = departments.former_names_of(row.id for row in own)
    rows = [
        (row, depth)
        for row, depth in departments.outline(own)
        if any(words in name for name in (row.name, *former.get(row.id, [])))
    ]
    owned = accounts.accounts_for_staff(member(), Right.ACCOUNTS_READ)
    return render_template(
        "console/departments/index.html",
        rows=rows,
        total=len(own),
        words=words,
        former=former,
        names={row.id: row.name for row in own},
        owned=Counter(account.department_id for account in owned),
        merged=State.MERGED,
    )


# ---- founding and describing ----


@blueprint.route("/new", methods=["GET", "POST"])
@needs(_RIGHT)
def new() -> Answer:
    """Found a department."""
    form = NewForm(data={"parent": request.args.get("parent", _TOP, int)})
    form.parent.choices = _places(with_top=True)
    made = None
    if form.validate_on_submit():
        with forms.blaming(form, id="code"):
            made = _founded(form)
    if made is None:
        page = render_template("console/departments/new.html", form=form)
        return (page, 422) if form.is_submitted() else page
    done(f"{made.name}已建立。")
    return away("departments.index")


def _founded(form: NewForm) -> Department:
    parent_id = form.parent.data or None
    member().require(_RIGHT, department_id=parent_id)
    return departments.add(
        code=form.code.data or f"unit-{secrets.token_hex(4)}",
        name=form.name.data or "",
        kind=form.kind.data or "",
        phone=form.phone.data or "",
        details={"duties": _lines(form.duties.data or "")} if form.duties.data else {},
        parent_id=parent_id,
        now=clock.now(),
    )


@blueprint.route("/<int:department_id>/edit", methods=["GET", "POST"])
@needs(_RIGHT)
def edit(department_id: int) -> Answer:
    """Rename and describe a department."""
    department = _reachable(department_id)
    form = ChangeForm(data=_shown(department))
    if form.validate_on_submit():
        with forms.blaming(form):
            _change(department, form)
    if form.is_submitted() and not form.is_refused:
        done("已保存。")
        return away("departments.index")
    page = render_template(
        "console/departments/edit.html",
        department=department,
        form=form,
        former=departments.former_names(department_id),
        is_closed=department.state is State.MERGED,
    )
    return (page, 422) if form.is_submitted() else page


def _change(department: Department, form: ChangeForm) -> None:
    """Save what was typed; when somebody else was first, nothing, and what they made of it."""
    seen = forms.number(form.version)
    details = {**department.details, "duties": _lines(form.duties.data or "")}
    if not details["duties"]:
        del details["duties"]
    try:
        described = departments.describe(
            department.id,
            kind=form.kind.data or "",
            phone=form.phone.data or "",
            details=details,
            version=seen,
        )
        departments.rename(
            department.id, form.name.data or "", now=clock.now(), version=described.version
        )
    except Stale:
        now = _shown(department)
        last = audit.newest("department", department.id)
        form.set_beside(now, last, version=now.pop("version"))


def _shown(department: Department) -> dict[str, Any]:
    return {
        "name": department.name,
        "kind": department.kind,
        "phone": department.phone,
        "duties": "\n".join(map(str, department.details.get("duties", []))),
        "version": department.version,
    }


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


# ---- moving and merging ----


@blueprint.route("/<int:department_id>/move", methods=["GET", "POST"])
@needs(_RIGHT)
def move(department_id: int) -> Answer:
    """Hang a department below another."""
    department = _reachable(department_id)
    form = PlaceForm(data={"target": department.parent_id or _TOP})
    form.target.choices = _places(but=department, with_top=True)
    if form.validate_on_submit():
        with forms.blaming(form, "target"):
            parent_id = form.target.data or None
            member().require(_RIGHT, department_id=parent_id)
            departments.move(department_id, parent_id)
    if form.is_submitted() and not form.is_refused:
        done(f"{department.name}已移动。")
        return away("departments.index")
    page = render_template("console/departments/move.html", department=department, form=form)
    return (page, 422) if form.is_submitted() else page


@blueprint.get("/<int:department_id>/merge")
@needs(_RIGHT)
def merging(department_id: int) -> str:
    """What merging means, and into which department."""
    department = _reachable(department_id)
    return _merging(department, _merge_form(department))


def _merge_form(department: Department) -> MergeForm:
    form = MergeForm()
    form.target.choices = {0: "请选择"} | _places(but=department)
    return form


def _merging(department: Department, form: MergeForm) -> str:
    tree = departments.tree()
    owned = accounts.accounts_for_staff(member(), Right.ACCOUNTS_READ)
    within = tree.within(department.id)
    return render_template(
        "console/departments/merge.html",
        department=department,
        form=form,
        below=len(within) - 1,
        owned=[account.name for account in owned if account.department_id in within],
    )


@blueprint.post("/<int:department_id>/merge/now")
@needs(_RIGHT)
@confirmed
def merge(department_id: int) -> Answer:
    """Close a department; its successor answers for it from now on."""
    department = _reachable(department_id)
    form = _merge_form(department)
    if form.validate_on_submit():
        with forms.blaming(form, "target"):
            departments.merge(department_id, into=_reachable(form.target.data or _TOP).id)
    if form.is_refused:
        return _merging(department, form), 422
    done(f"{department.name}已并入{departments.names([form.target.data])[form.target.data]}。")
    return away("departments.index")


def _places(*, but: Department | None = None, with_top: bool = False) -> dict[Any, str]:
    """The departments to choose from, as a tree: not the one itself and nothing below it."""
    own = departments.departments_for_staff(member(), _RIGHT)
    hidden = set(departments.tree().within(but.id)) if but is not None else set()
    rows = [row for row in own if row.state is State.ACTIVE and row.id not in hidden]
    has_top = with_top and member().area(_RIGHT).everywhere
    return ({_TOP: "（最上级）"} if has_top else {}) | indented(rows)
