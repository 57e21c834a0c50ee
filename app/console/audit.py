"""The audit: who did what to what, found again, read in words, and taken out as a file."""

from collections.abc import Iterable
from io import BytesIO

from flask import Blueprint, current_app, render_template, request, send_file, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response
from wtforms import DateField, IntegerField, SelectField, StringField
from wtforms.validators import Length, NumberRange, Optional

from app import auth
from app.auth import confirmed, needs
from app.console import forms
from config import clock
from config.audit import Entry, exporting, reading, seals, search, words
from config.audit.exporting import Format
from config.audit.search import LONGEST_WORD, Query
from config.tenancy import Right
from matrix import accounts, departments

blueprint = Blueprint("audit", __name__, url_prefix="/console/audit")
blueprint.add_app_template_filter(words.action, "action")
blueprint.add_app_template_filter(words.actor, "actor")
blueprint.add_app_template_filter(words.kind, "kind")
Answer = str | Response | tuple[str, int]

_HIGHEST_ID = 2**31 - 1
_DEPARTMENTS = ("department_id", "parent_id", "successor_id")
# pages that show one object, by the kind the audit calls it
_PAGES = {
    "account": ("accounts.show", "account_id"),
    "rule": ("rules.show", "rule_id"),
    "staff": ("staff.show", "staff_id"),
}
_ASKED = tuple(Query.__dataclass_fields__)


class SearchForm(forms.Form):
    """What to look for."""

    class Meta(forms.Form.Meta):
        """A search changes nothing: its address can be kept and sent."""

        csrf = False

    person = StringField("人员", [Length(max=LONGEST_WORD)], [forms.trimmed])
    action = SelectField("操作", choices=forms.choices(words.ACTIONS, "全部操作"), default="")
    kind = SelectField("对象类型", choices=forms.choices(words.KINDS, "全部类型"), default="")
    label = StringField("对象名称", [Length(max=LONGEST_WORD)], [forms.trimmed])
    first = DateField("从", [Optional()])
    last = DateField("到", [Optional()])
    request_id = StringField("请求编号", [Length(max=LONGEST_WORD)], [forms.trimmed])
    # these two come by links from the pages of people and things
    actor_id = IntegerField(validators=[Optional(), NumberRange(1, _HIGHEST_ID)])
    object_id = StringField(validators=[Length(max=LONGEST_WORD)], filters=[forms.trimmed])
    before = IntegerField(validators=[Optional(), NumberRange(1, _HIGHEST_ID)])

    def query(self) -> Query:
        """What was asked for."""
        return Query(**{name: self[name].data for name in _ASKED})


class ExportForm(SearchForm):
    """The same, and what kind of file."""

    format = SelectField("文件格式", choices=forms.choices((each, each) for each in Format))


@blueprint.get("/")
@needs(Right.AUDIT_READ)
def index() -> Answer:
    """Search, the newest first."""
    form, page = SearchForm(request.args), search.Page([])
    if form.validate():
        with forms.blaming(form):
            page = search.search(auth.member(), form.query(), before=form.before.data)
    shown = _found(form, page, request.args)
    return (shown, 422) if form.is_refused else shown


def _found(form: SearchForm, page: search.Page, given: MultiDict[str, str]) -> str:
    asked = {name: given[name] for name in _ASKED if given.get(name)}
    older = url_for("audit.index", **asked, before=page.older) if page.older else None  # type: ignore[arg-type]  # names of the form, none of url_for's own
    return render_template(
        "console/audit/index.html",
        form=form,
        page=page,
        asked=asked,
        lines=_lines(page.rows),
        older=older,
        narrowed=_narrowed(form, page),
        seal=seals.newest(),
        troubles=seals.troubles(),
    )


def _narrowed(form: SearchForm, page: search.Page) -> str:
    """In words, what only a link can ask for."""
    said = []
    if form.actor_id.data:
        said.append(f"{page.rows[0].actor_label if page.rows else '该人员'}的操作")
    if form.object_id.data:
        said.append("对这一个对象的操作")
    return "、".join(said)


@blueprint.get("/<int:entry_id>")
@needs(Right.AUDIT_READ)
def show(entry_id: int) -> str:
    """One change, whole."""
    entry = search.access_entry(auth.member(), entry_id)
    return render_template(
        "console/audit/show.html",
        entry=entry,
        changes=reading.changes(entry, _names([entry])),
        at=f"{clock.local(entry.at):%Y-%m-%d %H:%M:%S}",
        page=_page_of(entry),
        seal=seals.over(entry.id),
    )


@blueprint.post("/export")
@needs(Right.AUDIT_EXPORT)
@confirmed
def export() -> Answer:
    """A file of what a search finds."""
    form = ExportForm(request.form)
    if form.validate():
        with forms.blaming(form):
            made = exporting.export(
                auth.member(),
                form.query(),
                Format(form.format.data),
                names=_names,
                now=clock.now(),
            )
            return send_file(
                BytesIO(made.body), made.mime, as_attachment=True, download_name=made.name
            )
    return _found(form, search.Page([]), request.form), 422


def _lines(rows: Iterable[Entry]) -> list[tuple[Entry, list[reading.Change]]]:
    """Each row with what it changed; names are asked for once."""
    rows = list(rows)
    names = _names(rows)
    return [(row, reading.changes(row, names)) for row in rows]


def _names(rows: Iterable[Entry]) -> reading.Names:
    """What the ids in some rows stand for, in two queries."""
    rows = list(rows)
    owners = {key for row in rows for name in _DEPARTMENTS for key in reading.ids_in(row, name)}
    keys = {key for row in rows for key in reading.ids_in(row, "account_id")}
    units = {str(key): name for key, name in departments.names(map(int, owners)).items()}
    return {
        **dict.fromkeys(_DEPARTMENTS, units),
        "account_id": {str(key): name for key, name in accounts.names(map(int, keys)).items()},
    }


def _page_of(entry: Entry) -> str | None:
    """The address of the object's own page, where it has one."""
    endpoint, name = _PAGES.get(entry.object_kind, ("", ""))
    if endpoint not in current_app.view_functions or not entry.object_id.isdigit():
        return None
    return url_for(endpoint, **{name: int(entry.object_id)})  # type: ignore[arg-type]  # the name of a part of the path
