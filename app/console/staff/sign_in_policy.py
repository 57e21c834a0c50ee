"""The rules of signing in, and from which networks a role works."""

from flask import render_template, request
from wtforms import SelectField, StringField
from wtforms.validators import InputRequired, Length

from app.console import forms
from app.console.staff.blueprint import ViewResult, blueprint
from app.console.template_globals import flash_success, redirect_to
from app.web import auth
from app.web.auth import requires, requires_confirmation
from config import clock, settings
from config.errors import Invalid
from config.permissions import Permission
from matrix.staff import administration, ip_allowlist
from matrix.staff.one_time_links import LIFETIMES, LinkPurpose
from matrix.staff.roles import ROLE_LABELS, ROLES_REQUIRING_TWO_FACTOR, Role
from matrix.staff.sessions import CONFIRMATION_LIFETIME


class NetworkForm(forms.Form):
    """A network from which a role works."""

    role = SelectField(
        "角色",
        [InputRequired("请选择角色")],
        choices=forms.choices(ROLE_LABELS, "请选择"),
        default="",
    )
    network = StringField("网段", [InputRequired("请填写网段"), Length(max=50)], [forms.strip])
    note = StringField("说明", [Length(max=60)], [forms.strip])


@blueprint.get("/policy")
@requires(Permission.STAFF_READ)
def sign_in_policy() -> str:
    """How signing in is ruled."""
    return _render(NetworkForm())


@blueprint.post("/policy/networks")
@requires(Permission.STAFF_MANAGE)
@requires_confirmation
def allow_network() -> ViewResult:
    """Let a role work from a network only."""
    form = NetworkForm()
    if form.validate():
        with forms.errors_on(form, "network"):
            administration.allow_network(
                auth.member(),
                Role(form.role.data),
                form.network.data or "",
                form.note.data or "",
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
    """Take a network from the list."""
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
        lines=ip_allowlist.list_all(),
        rules=settings.get(),
        fresh=int(CONFIRMATION_LIFETIME.total_seconds() // 60),
        reset=int(LIFETIMES[LinkPurpose.RESET].total_seconds() // 60),
        invite=int(LIFETIMES[LinkPurpose.INVITE].total_seconds() // 3600),
        factor=[ROLE_LABELS[role] for role in Role if role in ROLES_REQUIRING_TWO_FACTOR],
        own=request.remote_addr,
        is_citys=auth.member().scope(Permission.STAFF_MANAGE).everywhere,
    )
