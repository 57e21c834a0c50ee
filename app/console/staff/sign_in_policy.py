"""The rules of signing in, and the networks from which a role works."""

from flask import render_template, request
from wtforms import SelectField, StringField
from wtforms.validators import InputRequired, Length

from app.console import forms
from app.console.responses import ViewResult, flash_success, redirect_to
from app.console.staff.blueprint import blueprint
from app.web import auth
from app.web.auth import requires, requires_confirmation
from config import clock, settings
from config.errors import Invalid
from config.permissions import Permission
from matrix.staff import administration
from matrix.staff.roles import ROLES_REQUIRING_TWO_FACTOR, Role
from matrix.staff.sign_in import ip_allowlist
from matrix.staff.sign_in.one_time_links import LIFETIMES, LinkPurpose
from matrix.staff.sign_in.sessions import CONFIRMATION_LIFETIME


class NetworkForm(forms.Form):
    """A network from which a role works."""

    role = SelectField(
        "角色",
        [InputRequired("请选择角色")],
        choices=forms.choices(((role, role.label) for role in Role), "请选择"),
        default="",
    )
    network = StringField("网段", [InputRequired("请填写网段"), Length(max=50)], [forms.strip])
    note = StringField("说明", [Length(max=60)], [forms.strip])


@blueprint.get("/policy")
@requires(Permission.STAFF_READ)
def sign_in_policy() -> str:
    """The rules as they are set, and the allowed networks."""
    return _render(NetworkForm())


@blueprint.post("/policy/networks")
@requires(Permission.STAFF_MANAGE)
@requires_confirmation
def allow_network() -> ViewResult:
    """Allow a network for a role. From its first one on, the role works from its networks only."""
    form = NetworkForm()
    if form.validate():
        with forms.errors_on(form, "network"):
            administration.allow_network(
                auth.member(),
                Role(form.role.data),
                form.network.data or "",
                form.note.data or "",
                # the own address is passed along, so that nobody locks
                # themselves out by a list without it
                address=request.remote_addr or "",
                now=clock.now(),
            )
            flash_success("已加入名单。")
            return redirect_to("staff.sign_in_policy")
    return _render(form), 422


@blueprint.post("/policy/networks/<int:network_id>/remove")
@requires(Permission.STAFF_MANAGE)
@requires_confirmation
def remove_network(network_id: int) -> ViewResult:
    """Remove a network from the list."""
    try:
        administration.disallow_network(
            auth.member(), network_id, address=request.remote_addr or ""
        )
    except Invalid as error:
        return _render(NetworkForm(formdata=None), error.problem), 422
    flash_success("已移出名单。")
    return redirect_to("staff.sign_in_policy")


def _render(form: NetworkForm, problem: str = "") -> str:
    return render_template(
        "console/staff/sign_in_policy.html",
        form=form,
        problem=problem,
        networks=ip_allowlist.list_all(),
        settings=settings.get(),
        reconfirm_minutes=int(CONFIRMATION_LIFETIME.total_seconds() // 60),
        reset_link_minutes=int(LIFETIMES[LinkPurpose.RESET].total_seconds() // 60),
        invitation_link_hours=int(LIFETIMES[LinkPurpose.INVITE].total_seconds() // 3600),
        two_factor_roles=[role.label for role in Role if role in ROLES_REQUIRING_TWO_FACTOR],
        own_address=request.remote_addr,
        is_city_wide=auth.member().scope(Permission.STAFF_MANAGE).everywhere,
    )
