"""The list of people, a person's page, adding and changing."""

from typing import TypeVar

from flask import render_template, request, url_for
from wtforms import IntegerField, SelectField, StringField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from app import auth
from app.auth import confirmed, needs
from app.console import forms
from app.console.drawing import away, done
from app.console.staff.group import Answer, blueprint, departments_of, invitation
from config import audit, clock
from config.tenancy import Right
from matrix import departments
from matrix.staff import directory, factors, grants, managing, people, sessions, throttle
from matrix.staff.directory import Filter
from matrix.staff.people import LONGEST_NAME, Staff, StaffChanged, State
from matrix.staff.roles import LABELS, Role

_HIGHEST_ID = 2**31 - 1
_CITY = "不属于任何单位（全市）"
_ASKED = ("word", "department_id", "role", "state")
Chosen = TypeVar("Chosen", bound="PersonForm")
_STATES = {State.ACTIVE: "在岗", State.DISABLED: "已停用"}
blueprint.add_app_template_filter(_STATES.get, "staff_state")
blueprint.add_app_template_filter(LABELS.get, "role")


class FilterForm(forms.Form):
    """Whom to look for."""

    class Meta(forms.Form.Meta):
        """A search changes nothing: its address can be kept and sent."""

        csrf = False

    word = StringField("姓名或登录名", [Length(max=LONGEST_NAME)], [forms.trimmed])
    department_id = SelectField("单位", default="")
    role = SelectField("角色", choices=forms.choices(LABELS, "全部角色"), default="")
    state = SelectField("状态", choices=forms.choices(_STATES, "全部状态"), default="")
    after = IntegerField(validators=[Optional(), NumberRange(1, _HIGHEST_ID)])

    def wanted(self) -> Filter:
        """What was asked for."""
        return Filter(
            word=self.word.data or "",
            department_id=int(self.department_id.data) if self.department_id.data else None,
            role=Role(self.role.data) if self.role.data else None,
            state=State(self.state.data) if self.state.data else None,
        )


class PersonForm(forms.Form):
    """A person's name and department."""

    name = StringField(
        "姓名", [InputRequired("请填写姓名"), Length(max=LONGEST_NAME)], [forms.trimmed]
    )
    department_id = SelectField("所在单位", default="")
    version = IntegerField(validators=[Optional(), NumberRange(1, _HIGHEST_ID)])

    def owner(self) -> int | None:
        """The department chosen; None for the whole city."""
        return int(self.department_id.data) if self.department_id.data else None


class NewForm(PersonForm):
    """A new person."""

    sign_in_name = StringField(
        "登录名", [InputRequired("请填写登录名"), Length(max=32)], [forms.trimmed]
    )


@blueprint.get("/")
@needs(Right.STAFF_READ)
def index() -> Answer:
    """Who there is."""
    form, page = FilterForm(request.args), directory.Page([], None)
    places = directory.places(auth.member(), Right.STAFF_READ)
    form.department_id.choices = [*forms.choices([], "全部单位"), *departments_of(places)]
    if form.validate():
        page = directory.page(auth.member(), form.wanted(), after=form.after.data, now=clock.now())
    asked = {name: value for name in _ASKED if (value := request.args.get(name))}
    shown = render_template(
        "console/staff/index.html",
        form=form,
        page=page,
        asked=asked,
        names=_names(page),
        next=url_for("staff.index", **asked, after=page.next) if page.next else None,  # type: ignore[arg-type]  # names of the form, none of url_for's own
        today=clock.local_day(clock.now()),
    )
    return (shown, 422) if form.is_refused else shown


def _names(page: directory.Page) -> directory.Names:
    return directory.names(
        [card.person for card in page.cards],
        [grant for card in page.cards for grant in card.grants],
    )


@blueprint.get("/<int:staff_id>")
@needs(Right.STAFF_READ)
def show(staff_id: int) -> str:
    """One person."""
    now, member = clock.now(), auth.member()
    person = people.access_staff(member, staff_id, Right.STAFF_READ)
    standing = grants.standing([staff_id])
    return render_template(
        "console/staff/show.html",
        person=person,
        grants=standing,
        names=directory.names([person], standing),
        sessions=sessions.living(staff_id, now=now),
        is_locked=throttle.is_locked(person.sign_in_name, now=now),
        codes_left=factors.codes_left(staff_id),
        manageable=managing.may_manage(member, person, standing),
        is_me=staff_id == member.staff_id,
        today=clock.local_day(now),
    )


@blueprint.get("/new")
@needs(Right.STAFF_MANAGE)
def new() -> str:
    """A form for a new person."""
    return _new(_offered(NewForm()))


@blueprint.post("/new")
@needs(Right.STAFF_MANAGE)
@confirmed
def add() -> Answer:
    """Enter a person, and show the link for their first password."""
    form = _offered(NewForm())
    if form.validate():
        with forms.blaming(form):
            person, secret = managing.add(
                auth.member(),
                sign_in_name=form.sign_in_name.data or "",
                name=form.name.data or "",
                department_id=form.owner(),
                now=clock.now(),
            )
            return invitation(person, secret)
    return _new(form), 422


def _new(form: NewForm) -> str:
    return render_template("console/staff/new.html", form=form)


def _offered(form: Chosen) -> Chosen:
    """The form with the departments where this member manages staff."""
    places = directory.places(auth.member(), Right.STAFF_MANAGE)
    city = forms.choices([], _CITY) if places.is_city else []
    form.department_id.choices = [*city, *departments_of(places)]
    return form


@blueprint.get("/<int:staff_id>/edit")
@needs(Right.STAFF_MANAGE)
def edit(staff_id: int) -> str:
    """A form for a person's name and department."""
    person = managing.manageable(auth.member(), staff_id)
    form = PersonForm(
        name=person.name, department_id=str(person.department_id or ""), version=person.version
    )
    return render_template("console/staff/edit.html", form=_offered(form), person=person)


@blueprint.post("/<int:staff_id>/edit")
@needs(Right.STAFF_MANAGE)
def change(staff_id: int) -> Answer:
    """Change a person's name and department."""
    form = _offered(PersonForm())
    person = managing.manageable(auth.member(), staff_id)
    if form.validate():
        with forms.blaming(form):
            _change(person, form)
    if not form.is_refused:
        done("资料已修改。")
        return away("staff.show", staff_id=staff_id)
    return render_template("console/staff/edit.html", form=form, person=person), 422


def _said(name: str, value: str) -> str:
    if name != "department_id":
        return value
    return departments.names([int(value)]).get(int(value), "") if value else _CITY


def _change(person: Staff, form: PersonForm) -> None:
    """Save what was typed, or show what somebody else made of it."""
    try:
        managing.edit(
            auth.member(),
            person.id,
            name=form.name.data or "",
            department_id=form.owner(),
            version=form.version.data or 0,
        )
    except StaffChanged:
        now = {"name": person.name, "department_id": str(person.department_id or "")}
        form.set_beside(
            now,
            audit.newest("staff", person.id),
            _said,
            version=person.version,
        )
