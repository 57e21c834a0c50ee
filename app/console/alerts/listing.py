"""The list of alerts, which refreshes itself, and what is done with several of them at once."""

from typing import Any

from flask import render_template, request, url_for
from wtforms import SelectField

from app.alert_kinds import KINDS
from app.console import forms
from app.console.alerts.blueprint import READERS, ResolveForm, blueprint, object_links
from app.console.responses import ViewResult, flash_success, flash_warning, redirect_to
from app.web.auth import member, requires
from config import alerts, clock
from config.alerts import AlertAlreadyResolved, AlertAlreadyTaken, AlertState, Resolution, listing
from config.alerts.listing import AlertFilter
from config.errors import NotFound
from config.permissions import Permission
from matrix import conversations, departments

TABS = {
    "": "待处理",
    AlertState.TAKEN.value: "处理中",
    AlertState.RESOLVED.value: "已处理",
}
_MAX_SELECTED = 200
# a longer number is no id and would not fit into a bigint column
_MAX_ID_DIGITS = 18


class FilterForm(forms.Form):
    """The filters of the list; they come with the query."""

    class Meta(forms.Form.Meta):
        """A filter changes nothing, so it needs no CSRF token."""

        csrf = False

    kind = SelectField(
        "种类",
        choices=forms.choices(((kind.value, kind.label) for kind in KINDS.values()), "全部种类"),
        default="",
    )
    department = SelectField("单位", default="")
    account = SelectField("公众号", default="")

    def __init__(self) -> None:
        # from the query and not from a form, so that a filtered list can be bookmarked
        super().__init__(request.args)
        names = conversations.accounts_for_staff(member())
        self.account.choices = forms.choices(names, "全部公众号")
        rows = departments.list_for_staff(member(), Permission.CONVERSATIONS_READ)
        self.department.choices = forms.choices(forms.department_choices(rows), "全部单位")

    @property
    def tab(self) -> str:
        """The key of the open tab; the first for an unknown one."""
        requested = request.args.get("state", "")
        return requested if requested in TABS else ""

    def filters(self) -> AlertFilter:
        """The form as filters; none when a field is malformed, which the form then says."""
        state = AlertState(self.tab) if self.tab else None
        if not self.validate():
            return AlertFilter(state)
        department = self.department.data
        return AlertFilter(
            state,
            kind=self.kind.data or None,
            account_id=int(self.account.data) if self.account.data else None,
            department_ids=departments.tree().within(int(department)) if department else None,
        )

    def query_params(self, **extra: Any) -> dict[str, Any]:
        """The tab and the filled fields as keyword arguments of url_for; `extra` replaces some."""
        args = {name: request.args[name] for name in self._fields if request.args.get(name)}
        return {"state": self.tab or None, **args, **extra}


@blueprint.get("/")
@requires(*READERS)
def index() -> ViewResult:
    """The alerts of a tab."""
    form = FilterForm()
    context = _list_context(form)
    page = render_template(
        "console/alerts/index.html", tabs=TABS, resolve_form=ResolveForm(formdata=None), **context
    )
    return (page, 422) if form.errors else page


@blueprint.get("/list")
@requires(*READERS)
def poll() -> ViewResult:
    """The first page of the list as a part of a page, which polls this address.

    204 while it is what the page shows already: it sends the `etag` that it was given.
    """
    context = _list_context(FilterForm())
    if context["etag"] == request.args.get("etag"):
        # htmx leaves the page as it is at 204: what somebody is reading does not jump
        return "", 204
    return render_template("console/alerts/_list.html", **context)


def _list_context(form: FilterForm) -> dict[str, object]:
    after = request.args.get("after")
    page = listing.list_for_staff(member(), form.filters(), after=after)
    # the count is part of it, because an alert that is raised again keeps its id
    etag = "-".join(f"{row.id:x}x{row.count}{row.taken_by_id or ''}" for row in page.alerts)
    # new alerts move rows from page to page, so a later page that refreshed would jump
    polls = after is None and form.tab != AlertState.RESOLVED
    return {
        "form": form,
        "page": page,
        "links": object_links(page.alerts),
        "etag": etag,
        "poll_url": url_for("alerts.poll", **form.query_params(etag=etag)) if polls else None,
        "first_url": url_for("alerts.index", **form.query_params()) if after else None,
        "next_url": url_for("alerts.index", **form.query_params(after=page.after))
        if page.after
        else None,
    }


# ---- several at once ----


@blueprint.post("/selected/take")
@requires(Permission.ALERTS_RESOLVE)
def take_selected() -> ViewResult:
    """Take all selected alerts; those that somebody else has taken meanwhile are left."""
    now, late = clock.now(), 0
    ids = _selected_ids()
    for alert_id in ids:
        try:
            alerts.take(member(), alert_id, now=now)
        except (AlertAlreadyTaken, AlertAlreadyResolved):
            late += 1
    _flash_counts("接手", len(ids) - late, late)
    return _back_to_list()


@blueprint.post("/selected/close")
@requires(Permission.ALERTS_RESOLVE)
def resolve_selected() -> ViewResult:
    """Resolve all selected alerts with one note; those resolved meanwhile are left."""
    form, now, late = ResolveForm(), clock.now(), 0
    ids = _selected_ids()
    if not form.validate_on_submit():
        flash_warning(next(iter(form.errors.values()))[0])
        return _back_to_list()
    for alert_id in ids:
        try:
            alerts.resolve(
                member(),
                alert_id,
                note=form.note.data or "",
                resolution=Resolution(form.resolution.data),
                now=now,
            )
        except AlertAlreadyResolved:
            late += 1
    _flash_counts("处理", len(ids) - late, late)
    return _back_to_list()


def _back_to_list() -> ViewResult:
    # the forms post to an address with the filters in it
    return redirect_to("alerts.index", **FilterForm().query_params())


def _selected_ids() -> list[int]:
    """The selected alerts in one order, so that two who select the same ones do not deadlock.

    Raises NotFound for something that is no id.
    """
    values = request.form.getlist("alert")[:_MAX_SELECTED]
    if not all(value.isdecimal() and len(value) <= _MAX_ID_DIGITS for value in values):
        raise NotFound(kind="alert")
    return sorted({int(value) for value in values})


def _flash_counts(deed: str, count: int, late: int) -> None:
    if count:
        flash_success(f"已{deed} {count} 条提醒。")
    if late:
        flash_warning(f"{late} 条已由其他人{deed}。")
    if not count and not late:
        flash_warning("请先勾选提醒。")
