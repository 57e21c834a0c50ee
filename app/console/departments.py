"""Departments: the tree of the city's units, and creating, editing, moving and merging them."""

import secrets
from collections import Counter
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, render_template, request
from wtforms import HiddenField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length, Regexp

from app.console import forms
from app.console.forms import department_choices, strip
from app.console.responses import ViewResult, flash_success, redirect_to
from app.web.auth import member, requires, requires_confirmation
from config import audit, clock
from config.errors import Stale
from config.permissions import Permission
from matrix import accounts, departments
from matrix.departments import Department, DepartmentAction, DepartmentState
from matrix.departments.directory import CLOSED, OfficeHours
from matrix.staff.sign_in import capabilities

blueprint = Blueprint("departments", __name__, url_prefix="/console/departments")

# the choice of no parent: a department at the top of the tree
_NO_PARENT = 0
_PERMISSION = Permission.DEPARTMENTS_MANAGE


# how the form says that nobody is there; files say CLOSED
_DAY_OFF = "休息"
_SPAN_PATTERN = r"([01]?\d|2[0-3]):[0-5]\d\s*[-–—~至]\s*([01]?\d|2[0-3]):[0-5]\d"
_SPAN = Regexp(f"^({_SPAN_PATTERN})?$", message="应写成 08:30-12:00")
_WEEKEND = Regexp(f"^({_SPAN_PATTERN}|{_DAY_OFF})?$", message=f"应写成 09:00-12:00 或“{_DAY_OFF}”")


class DepartmentForm(forms.Form):
    """What describes a department."""

    name = StringField("名称", [DataRequired("请填写名称"), Length(max=60)], [strip])
    kind = StringField("类别", [Length(max=30, message="最长 30 个字")], [strip])
    phone = StringField("联系电话", [Length(max=40, message="最长 40 个字符")], [strip])
    address = StringField("地址", [Length(max=200, message="最长 200 个字")], [strip])
    short_names = TextAreaField("简称", [Length(max=300, message="最长 300 个字")], [strip])
    duties = TextAreaField("职责", [Length(max=1000, message="最长 1000 个字")], [strip])
    weekday_am = StringField("工作日上午", [_SPAN], [strip])
    weekday_pm = StringField("工作日下午", [_SPAN], [strip])
    weekend = StringField("周末和节假日", [_WEEKEND], [strip])
    hours_note = StringField("办公时间说明", [Length(max=100, message="最长 100 个字")], [strip])

    def details(self, before: Mapping[str, Any]) -> dict[str, Any]:
        """The department's details with what was typed; what has no field stays.

        Nothing empty is stored, so that an audit entry does not show a change from nothing to
        nothing.
        """
        weekend = self.weekend.data or ""
        hours = {
            "weekday_am": self.weekday_am.data,
            "weekday_pm": self.weekday_pm.data,
            "weekend": CLOSED if weekend == _DAY_OFF else weekend,
            "note": self.hours_note.data,
        }
        typed = {
            "address": self.address.data,
            "short_names": forms.split_lines(self.short_names.data),
            "duties": forms.split_lines(self.duties.data),
            "hours": {name: text for name, text in hours.items() if text},
        }
        kept = {name: value for name, value in before.items() if name not in typed}
        return kept | {name: value for name, value in typed.items() if value}


class NewDepartmentForm(DepartmentForm):
    """A new department."""

    parent = SelectField("上级单位", coerce=int)
    code = StringField("编号", [Length(max=64, message="最长 64 个字符")], [strip])


class EditForm(DepartmentForm):
    """An existing department; `version` tells which state of it was read."""

    version = HiddenField()


class TargetForm(forms.Form):
    """Another department: the new parent, or the successor of a merger."""

    target = SelectField("单位", coerce=int)


def _access(department_id: int) -> Department:
    return departments.access_department(member(), department_id, _PERMISSION)


class MergeForm(TargetForm):
    """The successor of a merger."""

    target = SelectField("承接单位", [DataRequired("请选择承接单位")], coerce=int)


@blueprint.get("/")
@requires(_PERMISSION)
def index() -> str:
    """The tree, with former names, accounts and successors."""
    search = request.args.get("q", "").strip()
    managed = departments.list_for_staff(member(), _PERMISSION)
    former_names = departments.former_names_by_department(row.id for row in managed)
    rows = [
        (row, depth)
        for row, depth in departments.outline(managed)
        # former names too: people go on asking for the name they know
        if any(search in name for name in (row.name, *former_names.get(row.id, [])))
    ]
    managed_accounts = accounts.list_for_staff(member(), Permission.ACCOUNTS_READ)
    return render_template(
        "console/departments/index.html",
        rows=rows,
        total=len(managed),
        search=search,
        former_names=former_names,
        names={row.id: row.name for row in managed},
        account_counts=Counter(account.department_id for account in managed_accounts),
        merged_state=DepartmentState.MERGED,
    )


# ---- creating and editing ----


@blueprint.route("/new", methods=["GET", "POST"])
@requires(_PERMISSION)
def new() -> ViewResult:
    """Create a department."""
    form = NewDepartmentForm(data={"parent": request.args.get("parent", _NO_PARENT, int)})
    form.parent.choices = _department_choices(with_top=True)
    department = None
    if form.validate_on_submit():
        with forms.errors_on(form, id="code"):
            department = _create(form)
    if department is None:
        page = render_template("console/departments/new.html", form=form)
        return (page, 422) if form.is_submitted() else page
    flash_success(f"{department.name}已建立。")
    return redirect_to("departments.index")


def _create(form: NewDepartmentForm) -> Department:
    parent_id = form.parent.data or None
    # The form checks its choices, but the rule holds here: who manages
    # the parent will manage the new department as well.
    member().require(_PERMISSION, department_id=parent_id)
    return departments.create(
        # a random one: numbers in order would tell how many departments were made, and collide when
        # two are made at once
        slug=form.code.data or f"unit-{secrets.token_hex(4)}",
        name=form.name.data or "",
        kind=form.kind.data or "",
        phone=form.phone.data or "",
        details=form.details({}),
        parent_id=parent_id,
        now=clock.now(),
    )


@blueprint.route("/<int:department_id>/edit", methods=["GET", "POST"])
@requires(_PERMISSION)
def edit(department_id: int) -> ViewResult:
    """Rename a department and edit its description."""
    department = _access(department_id)
    form = EditForm(data=_form_data(department))
    if form.validate_on_submit():
        with forms.errors_on(form):
            _update(department, form)
    if form.is_submitted() and not form.is_refused:
        flash_success("已保存。")
        return redirect_to("departments.index")
    page = render_template(
        "console/departments/edit.html",
        department=department,
        form=form,
        former_names=departments.former_names(department_id),
        is_closed=department.state is DepartmentState.MERGED,
    )
    return (page, 422) if form.is_submitted() else page


def _update(department: Department, form: EditForm) -> None:
    """Save what was typed, or show the conflict when it has changed since it was read."""
    version = forms.hidden_int(form.version)
    try:
        updated = departments.update(
            department.id,
            kind=form.kind.data or "",
            phone=form.phone.data or "",
            details=form.details(department.details),
            version=version,
        )
        departments.rename(
            department.id, form.name.data or "", now=clock.now(), version=updated.version
        )
    # updated and renamed in one transaction, so either both are saved or neither
    except Stale:
        now = _form_data(department)
        last_change = audit.find_latest(DepartmentAction.kind, department.id)
        form.show_conflict(now, last_change, version=now.pop("version"))


def _form_data(department: Department) -> dict[str, Any]:
    details = department.details
    hours = OfficeHours.from_details(details.get("hours"))
    return {
        "name": department.name,
        "kind": department.kind,
        "phone": department.phone,
        "address": details.get("address", ""),
        "short_names": "\n".join(map(str, details.get("short_names", []))),
        "duties": "\n".join(map(str, details.get("duties", []))),
        "weekday_am": hours.weekday_am,
        "weekday_pm": hours.weekday_pm,
        "weekend": _DAY_OFF if hours.weekend == CLOSED else hours.weekend,
        "hours_note": hours.note,
        "version": department.version,
    }


# ---- moving and merging ----


@blueprint.route("/<int:department_id>/move", methods=["GET", "POST"])
@requires(_PERMISSION)
def move(department_id: int) -> ViewResult:
    """Move a department, with all below it, to another parent."""
    department = _access(department_id)
    form = TargetForm(data={"target": department.parent_id or _NO_PARENT})
    form.target.choices = _department_choices(excluded=department, with_top=True)
    if form.validate_on_submit():
        with forms.errors_on(form, "target"):
            parent_id = form.target.data or None
            # at the target as well: moving changes who manages the department
            member().require(_PERMISSION, department_id=parent_id)
            if parent_id != department.parent_id:
                departments.move(department_id, parent_id)
                _end_capabilities_below(department_id)
    if form.is_submitted() and not form.is_refused:
        flash_success(f"{department.name}已移动。")
        return redirect_to("departments.index")
    page = render_template("console/departments/move.html", department=department, form=form)
    return (page, 422) if form.is_submitted() else page


@blueprint.get("/<int:department_id>/merge")
@requires(_PERMISSION)
def merge_preview(department_id: int) -> str:
    """What merging does, and a form for the successor."""
    department = _access(department_id)
    return _render_merge(department, _merge_form(department))


def _merge_form(department: Department) -> MergeForm:
    form = MergeForm()
    form.target.choices = {0: "请选择"} | _department_choices(excluded=department)
    return form


def _render_merge(department: Department, form: MergeForm) -> str:
    tree = departments.tree()
    managed_accounts = accounts.list_for_staff(member(), Permission.ACCOUNTS_READ)
    descendant_ids = tree.within(department.id)
    return render_template(
        "console/departments/merge.html",
        department=department,
        form=form,
        descendant_count=len(descendant_ids) - 1,
        account_names=[
            account.name for account in managed_accounts if account.department_id in descendant_ids
        ],
    )


@blueprint.post("/<int:department_id>/merge/now")
@requires(_PERMISSION)
# no page undoes a merger
@requires_confirmation
def merge(department_id: int) -> ViewResult:
    """Close a department; its successor takes over what it owns."""
    department = _access(department_id)
    form = _merge_form(department)
    if form.validate_on_submit():
        with forms.errors_on(form, "target"):
            departments.merge(department_id, into=_access(form.target.data or _NO_PARENT).id)
            _end_capabilities_below(department_id)
    if form.is_refused:
        return _render_merge(department, form), 422
    flash_success(
        f"{department.name}已并入{departments.names([form.target.data])[form.target.data]}。"
    )
    return redirect_to("departments.index")


def _end_capabilities_below(department_id: int) -> None:
    below = departments.tree().within(department_id)
    capabilities.end_in_departments(below, now=clock.now())


def _department_choices(
    *, excluded: Department | None = None, with_top: bool = False
) -> dict[Any, str]:
    """Departments to choose from, as a tree, without `excluded` and all below it.

    `with_top` offers the top of the tree too, to those who manage the whole city.
    """
    managed = departments.list_for_staff(member(), _PERMISSION)
    # a department below itself would be a cycle
    hidden = set(departments.tree().within(excluded.id)) if excluded is not None else set()
    rows = [row for row in managed if row.state is DepartmentState.ACTIVE and row.id not in hidden]
    has_top = with_top and member().scope(_PERMISSION).everywhere
    return ({_NO_PARENT: "（最上级）"} if has_top else {}) | department_choices(rows)
