"""The audit: who did what to what, found again, read in words, and taken out as a file."""

from collections.abc import Iterable
from io import BytesIO

from flask import Blueprint, current_app, render_template, request, send_file, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response
from wtforms import DateField, IntegerField, SelectField, StringField
from wtforms.validators import Length, NumberRange, Optional

from app.console import forms
from app.web import auth
from app.web.auth import requires, requires_confirmation
from config import clock
from config.audit import AuditEntry, diff, exports, hash_chain, labels, search
from config.audit.exports import ExportFormat
from config.audit.search import MAX_TERM_LENGTH, Query
from config.permissions import Permission
from matrix import accounts, departments

blueprint = Blueprint("audit", __name__, url_prefix="/console/audit")
blueprint.add_app_template_filter(labels.action, "action")
blueprint.add_app_template_filter(labels.actor, "actor")
blueprint.add_app_template_filter(labels.kind, "kind")
ViewResult = str | Response | tuple[str, int]

_HIGHEST_ID = 2**31 - 1
_DEPARTMENT_FIELDS = ("department_id", "parent_id", "successor_id")
# pages that show one object, by the kind the audit calls it
_OBJECT_PAGES = {
    "account": ("accounts.show", "account_id"),
    "rule": ("rules.show", "rule_id"),
    "staff": ("staff.show", "staff_id"),
}
_QUERY_FIELDS = tuple(Query.__dataclass_fields__)


class SearchForm(forms.Form):
    """What to look for."""

    class Meta(forms.Form.Meta):
        """A search changes nothing: its address can be kept and sent."""

        csrf = False

    person = StringField("人员", [Length(max=MAX_TERM_LENGTH)], [forms.strip])
    action = SelectField("操作", choices=forms.choices(labels.ACTIONS, "全部操作"), default="")
    kind = SelectField("对象类型", choices=forms.choices(labels.KINDS, "全部类型"), default="")
    label = StringField("对象名称", [Length(max=MAX_TERM_LENGTH)], [forms.strip])
    first = DateField("从", [Optional()])
    last = DateField("到", [Optional()])
    request_id = StringField("请求编号", [Length(max=MAX_TERM_LENGTH)], [forms.strip])
    # these two come by links from the pages of people and things
    actor_id = IntegerField(validators=[Optional(), NumberRange(1, _HIGHEST_ID)])
    object_id = StringField(validators=[Length(max=MAX_TERM_LENGTH)], filters=[forms.strip])
    before = IntegerField(validators=[Optional(), NumberRange(1, _HIGHEST_ID)])

    def to_query(self) -> Query:
        """What was asked for."""
        return Query(**{name: self[name].data for name in _QUERY_FIELDS})


class ExportForm(SearchForm):
    """The same, and what kind of file."""

    format = SelectField("文件格式", choices=forms.choices((each, each) for each in ExportFormat))


@blueprint.get("/")
@requires(Permission.AUDIT_READ)
def index() -> ViewResult:
    """Search, the newest first."""
    form, page = SearchForm(request.args), search.SearchPage([])
    if form.validate():
        with forms.errors_on(form):
            page = search.search_for_staff(auth.member(), form.to_query(), before=form.before.data)
    html = _render_results(form, page, request.args)
    return (html, 422) if form.is_refused else html


def _render_results(form: SearchForm, page: search.SearchPage, args: MultiDict[str, str]) -> str:
    query_params = {name: args[name] for name in _QUERY_FIELDS if args.get(name)}
    older_url = (
        url_for("audit.index", **query_params, before=page.next_before)
        if page.next_before
        else None
    )  # type: ignore[arg-type]  # names of the form, none of url_for's own
    return render_template(
        "console/audit/index.html",
        form=form,
        page=page,
        asked=query_params,
        lines=_with_changes(page.rows),
        older=older_url,
        narrowed=_link_filter_text(form, page),
        seal=hash_chain.find_latest(),
        troubles=hash_chain.open_alert_messages(),
    )


def _link_filter_text(form: SearchForm, page: search.SearchPage) -> str:
    """In words, what only a link can ask for."""
    parts = []
    if form.actor_id.data:
        parts.append(f"{page.rows[0].actor_label if page.rows else '该人员'}的操作")
    if form.object_id.data:
        parts.append("对这一个对象的操作")
    return "、".join(parts)


@blueprint.get("/<int:entry_id>")
@requires(Permission.AUDIT_READ)
def show(entry_id: int) -> str:
    """One change, whole."""
    entry = search.access_entry(auth.member(), entry_id)
    return render_template(
        "console/audit/show.html",
        entry=entry,
        changes=diff.changes(entry, _names_of_ids([entry])),
        at=f"{clock.local(entry.at):%Y-%m-%d %H:%M:%S}",
        page=_object_url(entry),
        seal=hash_chain.find_covering(entry.id),
    )


@blueprint.post("/export")
@requires(Permission.AUDIT_EXPORT)
@requires_confirmation
def export() -> ViewResult:
    """A file of what a search finds."""
    form = ExportForm(request.form)
    if form.validate():
        with forms.errors_on(form):
            file = exports.export_entries(
                auth.member(),
                form.to_query(),
                ExportFormat(form.format.data),
                resolve_names=_names_of_ids,
                now=clock.now(),
            )
            return send_file(
                BytesIO(file.body), file.mime, as_attachment=True, download_name=file.name
            )
    return _render_results(form, search.SearchPage([]), request.form), 422


def _with_changes(rows: Iterable[AuditEntry]) -> list[tuple[AuditEntry, list[diff.FieldChange]]]:
    """Each row with what it changed; names are asked for once."""
    rows = list(rows)
    names = _names_of_ids(rows)
    return [(row, diff.changes(row, names)) for row in rows]


def _names_of_ids(rows: Iterable[AuditEntry]) -> diff.NamesByField:
    """What the ids in some rows stand for, in two queries."""
    rows = list(rows)
    owners = {key for row in rows for name in _DEPARTMENT_FIELDS for key in diff.ids_in(row, name)}
    keys = {key for row in rows for key in diff.ids_in(row, "account_id")}
    units = {str(key): name for key, name in departments.names(map(int, owners)).items()}
    return {
        **dict.fromkeys(_DEPARTMENT_FIELDS, units),
        "account_id": {str(key): name for key, name in accounts.names(map(int, keys)).items()},
    }


def _object_url(entry: AuditEntry) -> str | None:
    """The address of the object's own page, where it has one."""
    endpoint, name = _OBJECT_PAGES.get(entry.object_kind, ("", ""))
    if endpoint not in current_app.view_functions or not entry.object_id.isdigit():
        return None
    return url_for(endpoint, **{name: int(entry.object_id)})  # type: ignore[arg-type]  # the name of a part of the path
