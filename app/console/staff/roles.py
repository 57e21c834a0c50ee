"""Granting and revoking roles, and the matrix of who may do what."""

from typing import Any

from flask import render_template
from wtforms import DateField, SelectField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # its types are a version behind
from wtforms.validators import InputRequired, Optional

from app import auth
from app.auth import confirmed, needs
from app.console import forms
from app.console.drawing import away, done
from app.console.staff.group import Answer, blueprint, departments_of
from config import clock
from config.tenancy import Right
from matrix.staff import directory, managing
from matrix.staff.directory import Filter
from matrix.staff.grants import Wish
from matrix.staff.people import Staff, State
from matrix.staff.roles import LABELS, RIGHT_LABELS, RIGHTS, WITH_SECOND_FACTOR, Role

_CITY = "city"
_MOST_PRINTED = 1000


class GrantForm(forms.Form):
    """A role, where, and from when to when."""

    role = SelectField("角色", [InputRequired("请选择角色")], default="")
    place = SelectField("适用范围", [InputRequired("请选择适用范围")], default="")
    starts_on = DateField("开始日期", [Optional()])
    ends_on = DateField("结束日期", [Optional()])

    def wish(self) -> Wish:
        """What was chosen."""
        kind, _, key = self.place.data.partition(":")
        return Wish(
            role=Role(self.role.data),
            department_id=int(key) if kind == "department" else None,
            account_id=int(key) if kind == "account" else None,
            starts_on=self.starts_on.data,
            ends_on=self.ends_on.data,
        )


def _form(**given: Any) -> GrantForm:
    """The form with the roles and places of this member."""
    form, member = GrantForm(**given), auth.member()
    places = directory.places(member, Right.STAFF_MANAGE)
    form.role.choices = forms.choices(
        ((role, LABELS[role]) for role in managing.grantable(member)), "请选择"
    )
    form.place.choices = [
        *forms.choices([], "请选择"),
        *([SelectChoice(_CITY, "全市")] if places.is_city else []),
        *(
            SelectChoice(f"department:{each.value}", each.label, optgroup="单位（含下级）")
            for each in departments_of(places)
        ),
        *(
            SelectChoice(f"account:{key}", name, optgroup="单个公众号")
            for key, name in places.accounts
        ),
    ]
    return form


@blueprint.get("/<int:staff_id>/roles/new")
@needs(Right.STAFF_MANAGE)
def grant(staff_id: int) -> str:
    """A form for a role."""
    person = managing.manageable(auth.member(), staff_id)
    place = f"department:{person.department_id}" if person.department_id else ""
    return _page(_form(place=place), person)


@blueprint.post("/<int:staff_id>/roles/new")
@needs(Right.STAFF_MANAGE)
@confirmed
def give(staff_id: int) -> Answer:
    """Give a person a role."""
    form, person = _form(), managing.manageable(auth.member(), staff_id)
    if form.validate():
        with forms.blaming(form, "role", account_id="place"):
            managing.give(auth.member(), staff_id, form.wish(), now=clock.now())
            done(f"已授予“{LABELS[Role(form.role.data)]}”。{person.name}需要重新登录。")
            return away("staff.show", staff_id=staff_id)
    return _page(form, person), 422


@blueprint.post("/<int:staff_id>/roles/<int:grant_id>/revoke")
@needs(Right.STAFF_MANAGE)
@confirmed
def revoke(staff_id: int, grant_id: int) -> Answer:
    """Take a role back."""
    taken = managing.revoke(auth.member(), staff_id, grant_id, now=clock.now())
    done(f"已收回“{LABELS[taken.role]}”，TA 需要重新登录。")
    return away("staff.show", staff_id=staff_id)


@blueprint.get("/rights")
@needs(Right.STAFF_READ)
def rights() -> str:
    """Who has which role, and which right each role gives; made for paper."""
    active = Filter(state=State.ACTIVE)
    page = directory.page(auth.member(), active, now=clock.now(), size=_MOST_PRINTED)
    return render_template(
        "console/staff/rights.html",
        page=page,
        names=directory.names(
            [card.person for card in page.cards],
            [each for card in page.cards for each in card.grants],
        ),
        roles=list(Role),
        rights=RIGHT_LABELS,
        gives=RIGHTS,
        with_second_factor=WITH_SECOND_FACTOR,
        today=clock.local_day(clock.now()),
    )


def _page(form: GrantForm, person: Staff) -> str:
    return render_template(
        "console/staff/grant.html",
        form=form,
        person=person,
        gives={
            role: [RIGHT_LABELS[right] for right in RIGHT_LABELS if right in RIGHTS[role]]
            for role in managing.grantable(auth.member())
        },
    )
