"""The audit log: searching it, reading one entry in words, exporting entries as a file."""

from collections.abc import Iterable
from io import BytesIO

from flask import Blueprint, render_template, request, send_file, url_for
from werkzeug.datastructures import MultiDict
from wtforms import DateField, IntegerField, SelectField, StringField
from wtforms.validators import Length, NumberRange, Optional

from app.audit_labels import LABELS
from app.console import forms
from app.console.responses import ViewResult
from app.jobs.audit_seals import AuditAlert
from app.web import auth
from app.web.auth import requires, requires_confirmation
from config import alerts, clock
from config.audit import AuditEntry, diff, exports, hash_chain, labels, search
from config.audit.exports import ExportFormat
from config.audit.search import MAX_TERM_LENGTH, Query
from config.permissions import Permission
from matrix import accounts, departments

blueprint = Blueprint("audit", __name__, url_prefix="/console/audit")
# filters of the whole application, because other pages show the last change of an object, too
blueprint.add_app_template_filter(LABELS.action, "action_label")
blueprint.add_app_template_filter(labels.actor, "actor_name")
blueprint.add_app_template_filter(LABELS.kind, "kind_label")
# a larger number does not fit into the integer column, which PostgreSQL answers by an error
_HIGHEST_ID = 2**31 - 1
_DEPARTMENT_FIELDS = ("department_id", "parent_id", "successor_id")
# endpoint and path variable of the page that shows an object, by its kind in the audit log
_OBJECT_PAGES = {
    "account": ("accounts.show", "account_id"),
    "rule": ("rules.show", "rule_id"),
    "staff": ("staff.show", "staff_id"),
}
_QUERY_FIELDS = tuple(Query.__dataclass_fields__)


class SearchForm(forms.Form):
    """The conditions of a search."""

    class Meta(forms.Form.Meta):
        """No CSRF token: a search changes nothing, and its address can be bookmarked and shared."""

        csrf = False

    person = StringField("人员", [Length(max=MAX_TERM_LENGTH)], [forms.strip])
    action = SelectField("操作", choices=forms.choices(LABELS.actions, "全部操作"), default="")
    kind = SelectField("对象类型", choices=forms.choices(LABELS.kinds, "全部类型"), default="")
    label = StringField("对象名称", [Length(max=MAX_TERM_LENGTH)], [forms.strip])
    first = DateField("从", [Optional()])
    last = DateField("到", [Optional()])
    request_id = StringField("请求编号", [Length(max=MAX_TERM_LENGTH)], [forms.strip])
    # set by links from the pages of staff and objects; there is no field for them
    actor_id = IntegerField(validators=[Optional(), NumberRange(1, _HIGHEST_ID)])
    object_id = StringField(validators=[Length(max=MAX_TERM_LENGTH)], filters=[forms.strip])
    before = IntegerField(validators=[Optional(), NumberRange(1, _HIGHEST_ID)])

    def to_query(self) -> Query:
        """The form as a query; the form must be valid."""
        return Query(**{name: self[name].data for name in _QUERY_FIELDS})


class ExportForm(SearchForm):
    """The conditions of a search, and the format of the file."""

    format = SelectField("文件格式", choices=forms.choices((each, each) for each in ExportFormat))


@blueprint.get("/")
@requires(Permission.AUDIT_READ)
def index() -> ViewResult:
    """Search the log; the newest entries come first."""
    form, page = SearchForm(request.args), search.SearchPage([])
    if form.validate():
        with forms.errors_on(form):
            page = search.search_for_staff(auth.member(), form.to_query(), before=form.before.data)
    html = _render_results(form, page, request.args)
    return (html, 422) if form.is_refused else html


def _render_results(form: SearchForm, page: search.SearchPage, args: MultiDict[str, str]) -> str:
    # only the names of the form: whatever else stands in an address
    # must not travel on in our links
    query_params = {name: args[name] for name in _QUERY_FIELDS if args.get(name)}
    older_url = (
        # names of the form, none of url_for's own
        url_for("audit.index", **query_params, before=page.next_before)  # type: ignore[arg-type]
        if page.next_before
        else None
    )
    return render_template(
        "console/audit/index.html",
        form=form,
        page=page,
        query_params=query_params,
        rows_with_changes=_with_changes(page.rows),
        older_url=older_url,
        link_filter_text=_link_filter_text(form, page),
        seal=hash_chain.find_latest(),
        chain_problems=alerts.list_open_messages(AuditAlert),
    )


def _link_filter_text(form: SearchForm, page: search.SearchPage) -> str:
    """The conditions that only a link sets, in words; empty without any."""
    parts = []
    if form.actor_id.data:
        parts.append(f"{page.rows[0].actor_label if page.rows else '该人员'}的操作")
    if form.object_id.data:
        parts.append("对这一个对象的操作")
    return "、".join(parts)


@blueprint.get("/<int:entry_id>")
@requires(Permission.AUDIT_READ)
def show(entry_id: int) -> str:
    """One entry with all its changes."""
    entry = search.access_entry(auth.member(), entry_id)
    return render_template(
        "console/audit/show.html",
        entry=entry,
        changes=diff.changes(entry, _names_of_ids([entry])),
        at=f"{clock.local(entry.at):%Y-%m-%d %H:%M:%S}",
        object_url=_object_url(entry),
        seal=hash_chain.find_covering(entry.id),
    )


@blueprint.post("/export")
@requires(Permission.AUDIT_EXPORT)
# The file leaves the hub with personal data (ASVS 7.5.3); and a POST, since it is recorded.
@requires_confirmation
def export() -> ViewResult:
    """The entries that a search finds, as a file to download."""
    form = ExportForm(request.form)
    if form.validate():
        with forms.errors_on(form):
            file = exports.export_entries(
                auth.member(),
                form.to_query(),
                ExportFormat(form.format.data),
                action_labels=LABELS,
                resolve_names=_names_of_ids,
                now=clock.now(),
            )
            return send_file(
                BytesIO(file.body), file.mime, as_attachment=True, download_name=file.name
            )
    # the page without rows: a refused export must not run the search as well
    return _render_results(form, search.SearchPage([]), request.form), 422


def _with_changes(rows: Iterable[AuditEntry]) -> list[tuple[AuditEntry, list[diff.FieldChange]]]:
    """Each entry with its changes; the names in them are looked up once for all."""
    rows = list(rows)
    names = _names_of_ids(rows)
    return [(row, diff.changes(row, names)) for row in rows]


def _names_of_ids(rows: Iterable[AuditEntry]) -> diff.NamesByField:
    """The names that ids in these entries stand for, by field and id, in two queries."""
    rows = list(rows)
    owners = {key for row in rows for name in _DEPARTMENT_FIELDS for key in diff.ids_in(row, name)}
    keys = {key for row in rows for key in diff.ids_in(row, "account_id")}
    units = {str(key): name for key, name in departments.names(map(int, owners)).items()}
    return {
        **dict.fromkeys(_DEPARTMENT_FIELDS, units),
        "account_id": {str(key): name for key, name in accounts.names(map(int, keys)).items()},
    }


def _object_url(entry: AuditEntry) -> str | None:
    """The address of the object's own page; None where it has none."""
    if entry.object_kind not in _OBJECT_PAGES or not entry.object_id.isdigit():
        return None
    endpoint, name = _OBJECT_PAGES[entry.object_kind]
    return url_for(endpoint, **{name: int(entry.object_id)})  # type: ignore[arg-type]  # the name of a part of the path
