"""The rules of signing in, and from which networks a role works."""

from flask import render_template, request
from wtforms import SelectField, StringField
from wtforms.validators import InputRequired, Length

from app import auth
from app.auth import confirmed, needs
from app.console import forms
from app.console.drawing import away, done
from app.console.staff.group import Answer, blueprint
from config import clock, settings
from config.errors import Invalid
from config.tenancy import Right
from matrix.staff import managing, networks
from matrix.staff.links import LASTS, Purpose
from matrix.staff.roles import LABELS, WITH_SECOND_FACTOR, Role
from matrix.staff.sessions import FRESH


class NetworkForm(forms.Form):
    """A network from which a role works."""

    role = SelectField(
        "角色", [InputRequired("请选择角色")], choices=forms.choices(LABELS, "请选择"), default=""
    )
    network = StringField("网段", [InputRequired("请填写网段"), Length(max=50)], [forms.trimmed])
    note = StringField("说明", [Length(max=60)], [forms.trimmed])


@blueprint.get("/policy")
@needs(Right.STAFF_READ)
def policy() -> str:
    """How signing in is ruled."""
    return _page(NetworkForm())


@blueprint.post("/policy/networks")
@needs(Right.STAFF_MANAGE)
@confirmed
def allow_network() -> Answer:
    """Let a role work from a network only."""
    form = NetworkForm()
    if form.validate():
        with forms.blaming(form, "network"):
            managing.allow_network(
                auth.member(),
                Role(form.role.data),
                form.network.data or "",
                form.note.data or "",
                address=request.remote_addr or "",
                now=clock.now(),
            )
            done("已加入名单。")
            return away("staff.policy")
    return _page(form), 422


@blueprint.post("/policy/networks/<int:network_id>/remove")
@needs(Right.STAFF_MANAGE)
@confirmed
def forbid_network(network_id: int) -> Answer:
    """Take a network from the list."""
    try:
        managing.forbid_network(auth.member(), network_id, address=request.remote_addr or "")
    except Invalid as error:
        return _page(NetworkForm(formdata=None), error.problem), 422
    done("已移出名单。")
    return away("staff.policy")


def _page(form: NetworkForm, problem: str = "") -> str:
    return render_template(
        "console/staff/policy.html",
        form=form,
        problem=problem,
        lines=networks.listed(),
        rules=settings.get(),
        fresh=int(FRESH.total_seconds() // 60),
        reset=int(LASTS[Purpose.RESET].total_seconds() // 60),
        invite=int(LASTS[Purpose.INVITE].total_seconds() // 3600),
        factor=[LABELS[role] for role in Role if role in WITH_SECOND_FACTOR],
        own=request.remote_addr,
        is_citys=auth.member().area(Right.STAFF_MANAGE).everywhere,
    )
