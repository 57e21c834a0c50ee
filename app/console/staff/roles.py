"""Granting and revoking roles, and the table of who may do what."""

from typing import Any

from flask import render_template
from wtforms import DateField, SelectField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # its types are a version behind
from wtforms.validators import InputRequired, Optional

from app.console import forms
from app.console.responses import ViewResult, flash_success, redirect_to
from app.console.staff.blueprint import blueprint, department_choices
from app.web import auth
from app.web.auth import requires, requires_confirmation
from config import clock
from config.permissions import Permission
from matrix.staff import administration, directory
from matrix.staff.directory import StaffFilter
from matrix.staff.grants import GrantSpec
from matrix.staff.members import Staff, StaffState
from matrix.staff.roles import (
    ROLE_PERMISSIONS,
    ROLES_REQUIRING_TWO_FACTOR,
    Role,
)

_CITY_VALUE = "city"
# a table that is printed and signed is not divided into pages
_MAX_PRINTED = 1000


class GrantForm(forms.Form):
    """A role, its scope, and its first and last day."""

    role = SelectField("角色", [InputRequired("请选择角色")], default="")
    place = SelectField("适用范围", [InputRequired("请选择适用范围")], default="")
    starts_on = DateField("开始日期", [Optional()])
    ends_on = DateField("结束日期", [Optional()])

    def spec(self) -> GrantSpec:
        """The form as a spec; the form must be valid."""
        # one list of choices for three kinds of scope, hence the prefix in its values
        kind, _, key = self.place.data.partition(":")
        return GrantSpec(
            role=Role(self.role.data),
            department_id=int(key) if kind == "department" else None,
            account_id=int(key) if kind == "account" else None,
            starts_on=self.starts_on.data,
            ends_on=self.ends_on.data,
        )


def _grant_form(**data: Any) -> GrantForm:
    """The form, with the roles and scopes that the signed-in person may grant as choices."""
    form, member = GrantForm(**data), auth.member()
    places = directory.scopes_for_staff(member, Permission.STAFF_MANAGE)
    form.role.choices = forms.choices(
        # only roles that the granting person's own permissions cover;
        # otherwise rights could be raised by granting
        ((role, role.label) for role in administration.list_grantable_roles(member)),
        "请选择",
    )
    form.place.choices = [
        *forms.choices([], "请选择"),
        *([SelectChoice(_CITY_VALUE, "全市")] if places.is_city_wide else []),
        *(
            SelectChoice(f"department:{each.value}", each.label, optgroup="单位（含下级）")
            for each in department_choices(places)
        ),
        *(
            SelectChoice(f"account:{key}", name, optgroup="单个公众号")
            for key, name in places.accounts
        ),
    ]
    return form


@blueprint.get("/<int:staff_id>/roles/new")
@requires(Permission.STAFF_MANAGE)
def new_grant(staff_id: int) -> str:
    """A form to grant a role."""
    person = administration.access_manageable(auth.member(), staff_id)
    place = f"department:{person.department_id}" if person.department_id else ""
    return _render_grant(_grant_form(place=place), person)


@blueprint.post("/<int:staff_id>/roles/new")
@requires(Permission.STAFF_MANAGE)
# a change of rights, ASVS 7.5.3
@requires_confirmation
def create_grant(staff_id: int) -> ViewResult:
    """Grant a role."""
    form, person = _grant_form(), administration.access_manageable(auth.member(), staff_id)
    if form.validate():
        with forms.errors_on(form, "role", account_id="place"):
            administration.grant_role(auth.member(), staff_id, form.spec(), now=clock.now())
            flash_success(
                f"已授予“{Role(form.role.data).label}”。{person.name}需要重新登录；之前发出的链接也已失效。"
            )
            return redirect_to("staff.show", staff_id=staff_id)
    return _render_grant(form, person), 422


@blueprint.post("/<int:staff_id>/roles/<int:grant_id>/revoke")
@requires(Permission.STAFF_MANAGE)
@requires_confirmation
def revoke_grant(staff_id: int, grant_id: int) -> ViewResult:
    """Revoke a role."""
    revoked = administration.revoke_role(auth.member(), staff_id, grant_id, now=clock.now())
    flash_success(f"已收回“{revoked.role.label}”，TA 需要重新登录；之前发出的链接也已失效。")
    return redirect_to("staff.show", staff_id=staff_id)


@blueprint.get("/rights")
@requires(Permission.STAFF_READ)
def permissions() -> str:
    """Who has which role, and which permissions each role has; laid out for print."""
    active = StaffFilter(state=StaffState.ACTIVE)
    page = directory.list_for_staff(auth.member(), active, now=clock.now(), size=_MAX_PRINTED)
    return render_template(
        "console/staff/permissions.html",
        page=page,
        names=directory.scope_names(
            [card.person for card in page.items],
            [each for card in page.items for each in card.grants],
        ),
        roles=list(Role),
        permissions=list(Permission),
        role_permissions=ROLE_PERMISSIONS,
        with_second_factor=ROLES_REQUIRING_TWO_FACTOR,
        today=clock.local_day(clock.now()),
    )


def _render_grant(form: GrantForm, person: Staff) -> str:
    return render_template(
        "console/staff/new_grant.html",
        form=form,
        person=person,
        role_permissions={
            role: [
                permission.label
                for permission in Permission
                if permission in ROLE_PERMISSIONS[role]
            ]
            for role in administration.list_grantable_roles(auth.member())
        },
    )
