"""The list of staff, one person, creating and editing."""

from typing import TypeVar

from flask import render_template, request, url_for
from wtforms import IntegerField, SelectField, StringField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from app.console import forms
from app.console.responses import ViewResult, flash_success, redirect_to
from app.console.staff.blueprint import blueprint, department_choices, render_one_time_link
from app.web import auth
from app.web.auth import requires, requires_confirmation
from config import audit, clock
from config.errors import Stale
from config.permissions import Permission
from matrix import departments
from matrix.staff import administration, directory, grants, members, sessions, throttle, two_factor
from matrix.staff.directory import StaffFilter
from matrix.staff.members import MAX_NAME_LENGTH, Staff, StaffAction, StaffState
from matrix.staff.roles import Role

# a larger number does not fit into the integer column, which PostgreSQL answers by an error
_HIGHEST_ID = 2**31 - 1
_CITY_LABEL = "不属于任何单位（全市）"
_QUERY_FIELDS = ("word", "department_id", "role", "state")
PersonFormT = TypeVar("PersonFormT", bound="PersonForm")
_STATE_LABELS = {StaffState.ACTIVE: "在岗", StaffState.DISABLED: "已停用"}
blueprint.add_app_template_filter(_STATE_LABELS.get, "staff_state_label")


class FilterForm(forms.Form):
    """The conditions of the list."""

    class Meta(forms.Form.Meta):
        """No CSRF token: a search changes nothing, and its address can be bookmarked and shared."""

        csrf = False

    word = StringField("姓名或登录名", [Length(max=MAX_NAME_LENGTH)], [forms.strip])
    department_id = SelectField("单位", default="")
    role = SelectField(
        "角色",
        choices=forms.choices(((role, role.label) for role in Role), "全部角色"),
        default="",
    )
    state = SelectField("状态", choices=forms.choices(_STATE_LABELS, "全部状态"), default="")
    after = IntegerField(validators=[Optional(), NumberRange(1, _HIGHEST_ID)])

    def filter(self) -> StaffFilter:
        """The form as a filter; the form must be valid."""
        return StaffFilter(
            query=self.word.data or "",
            department_id=int(self.department_id.data) if self.department_id.data else None,
            role=Role(self.role.data) if self.role.data else None,
            state=StaffState(self.state.data) if self.state.data else None,
        )


class PersonForm(forms.Form):
    """A person's name and department."""

    name = StringField(
        "姓名", [InputRequired("请填写姓名"), Length(max=MAX_NAME_LENGTH)], [forms.strip]
    )
    department_id = SelectField("所在单位", default="")
    version = IntegerField(validators=[Optional(), NumberRange(1, _HIGHEST_ID)])

    def chosen_department(self) -> int | None:
        """The department chosen; None for the whole city."""
        return int(self.department_id.data) if self.department_id.data else None


class NewPersonForm(PersonForm):
    """A new person."""

    sign_in_name = StringField(
        "登录名", [InputRequired("请填写登录名"), Length(max=32)], [forms.strip]
    )


@blueprint.get("/")
@requires(Permission.STAFF_READ)
def index() -> ViewResult:
    """The list of staff that the person may see."""
    form, page = FilterForm(request.args), directory.StaffPage([], None)
    # Choices first: WTForms checks a submitted value against them, and
    # refuses departments that the person may not see.
    places = directory.scopes_for_staff(auth.member(), Permission.STAFF_READ)
    form.department_id.choices = [*forms.choices([], "全部单位"), *department_choices(places)]
    if form.validate():
        page = directory.list_for_staff(
            auth.member(), form.filter(), after=form.after.data, now=clock.now()
        )
    query_params = {name: value for name in _QUERY_FIELDS if (value := request.args.get(name))}
    # a filter that is refused is shown again with an empty list, and its error
    html = render_template(
        "console/staff/index.html",
        form=form,
        page=page,
        query_params=query_params,
        names=_names(page),
        next_url=_next_url(page, query_params),
        today=clock.local_day(clock.now()),
    )
    return (html, 422) if form.is_refused else html


def _next_url(page: directory.StaffPage, query_params: dict[str, str]) -> str | None:
    if page.next_id is None:
        return None
    # names of the form, none of url_for's own
    return url_for("staff.index", **query_params, after=page.next_id)  # type: ignore[arg-type]


def _names(page: directory.StaffPage) -> directory.ScopeNames:
    return directory.scope_names(
        [card.person for card in page.items],
        [grant for card in page.items for grant in card.grants],
    )


@blueprint.get("/<int:staff_id>")
@requires(Permission.STAFF_READ)
def show(staff_id: int) -> str:
    """One person."""
    now, member = clock.now(), auth.member()
    person = members.access_staff(member, staff_id, Permission.STAFF_READ)
    # loaded once: the page shows them, and `may_manage` compares them with the reader's own
    current_grants = grants.list_current([staff_id])
    return render_template(
        "console/staff/show.html",
        person=person,
        grants=current_grants,
        names=directory.scope_names([person], current_grants),
        sessions=sessions.list_active(staff_id, now=now),
        is_locked=throttle.is_locked(person.sign_in_name, now=now),
        recovery_codes_left=two_factor.count_recovery_codes(staff_id),
        may_manage=administration.may_manage(member, person, current_grants),
        is_self=staff_id == member.staff_id,
        today=clock.local_day(now),
    )


@blueprint.get("/new")
@requires(Permission.STAFF_MANAGE)
def new() -> str:
    """A form for a new person."""
    return _render_new(_with_department_choices(NewPersonForm()))


@blueprint.post("/new")
@requires(Permission.STAFF_MANAGE)
# the answer holds a link that lets its reader sign in
@requires_confirmation
def create() -> ViewResult:
    """Create a person, and show the one-time link for their first password."""
    form = _with_department_choices(NewPersonForm())
    if form.validate():
        with forms.errors_on(form):
            person, secret = administration.create(
                auth.member(),
                sign_in_name=form.sign_in_name.data or "",
                name=form.name.data or "",
                department_id=form.chosen_department(),
                now=clock.now(),
            )
            return render_one_time_link(person, secret)
    return _render_new(form), 422


def _render_new(form: NewPersonForm) -> str:
    return render_template("console/staff/new.html", form=form)


def _with_department_choices(form: PersonFormT) -> PersonFormT:
    """The form, with the departments where the signed-in person manages staff as choices."""
    places = directory.scopes_for_staff(auth.member(), Permission.STAFF_MANAGE)
    city_choice = forms.choices([], _CITY_LABEL) if places.is_city_wide else []
    form.department_id.choices = [*city_choice, *department_choices(places)]
    return form


@blueprint.get("/<int:staff_id>/edit")
@requires(Permission.STAFF_MANAGE)
def edit(staff_id: int) -> str:
    """A form for a person's name and department."""
    person = administration.access_manageable(auth.member(), staff_id)
    form = PersonForm(
        name=person.name, department_id=str(person.department_id or ""), version=person.version
    )
    return render_template(
        "console/staff/edit.html", form=_with_department_choices(form), person=person
    )


@blueprint.post("/<int:staff_id>/edit")
@requires(Permission.STAFF_MANAGE)
def update(staff_id: int) -> ViewResult:
    """Save a person's name and department."""
    form = _with_department_choices(PersonForm())
    person = administration.access_manageable(auth.member(), staff_id)
    if form.validate():
        with forms.errors_on(form):
            _update(person, form)
    if not form.is_refused:
        flash_success("资料已修改。")
        return redirect_to("staff.show", staff_id=staff_id)
    return render_template("console/staff/edit.html", form=form, person=person), 422


def _field_text(name: str, value: str) -> str:
    if name != "department_id":
        return value
    return departments.names([int(value)]).get(int(value), "") if value else _CITY_LABEL


def _update(person: Staff, form: PersonForm) -> None:
    """Save what was typed, or show the conflict when it has changed since it was read."""
    try:
        administration.update(
            auth.member(),
            person.id,
            name=form.name.data or "",
            department_id=form.chosen_department(),
            version=form.version.data or 0,
        )
    except Stale:
        now = {"name": person.name, "department_id": str(person.department_id or "")}
        form.show_conflict(
            now,
            audit.find_latest(StaffAction.kind, person.id),
            _field_text,
            version=person.version,
        )
