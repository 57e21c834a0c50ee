"""Alarms: what a person must look at, urgent ones first, and what was done about it."""

from typing import Any

from flask import Blueprint, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import StringField
from wtforms.validators import InputRequired, Length

from app.console import forms
from app.console.template_globals import flash_success, redirect_to
from app.web.auth import member, requires
from config import alerts, clock
from config.alerts import Alert
from config.permissions import Permission
from matrix import conversations
from matrix.inbox import EMERGENCY_ALERT

blueprint = Blueprint("alerts", __name__, url_prefix="/console/alarms")
ViewResult = str | Response | tuple[str, int]


class ResolveForm(forms.Form):
    """What was done."""

    note = StringField("处理情况", [InputRequired("请写明处理情况"), Length(max=500)])


@blueprint.get("/")
@requires(Permission.CONVERSATIONS_READ, Permission.ALERTS_RESOLVE)
def index() -> str:
    """What is open."""
    return render_template("console/alerts/index.html", **_open_context())


@blueprint.get("/list")
@requires(Permission.CONVERSATIONS_READ, Permission.ALERTS_RESOLVE)
def poll() -> ViewResult:
    """The open ones, if they look another way than the reader's."""
    context = _open_context()
    if context["mark"] == request.args.get("mark"):
        return "", 204
    return render_template("console/alerts/_open.html", **context)


@blueprint.get("/closed")
@requires(Permission.CONVERSATIONS_READ, Permission.ALERTS_RESOLVE)
def resolved() -> str:
    """What was closed, by whom and how."""
    page = alerts.list_resolved_for_staff(member(), before=request.args.get("before", type=int))
    older = url_for("alerts.resolved", before=page.before) if page.before else None
    return render_template(
        "console/alerts/resolved.html",
        alarms=page.alerts,
        links=conversation_urls(page.alerts),
        older=older,
    )


@blueprint.route("/<int:alert_id>/close", methods=["GET", "POST"])
@requires(Permission.ALERTS_RESOLVE)
def resolve(alert_id: int) -> ViewResult:
    """Ask what was done, and close."""
    alert = alerts.access_alert(member(), alert_id, Permission.ALERTS_RESOLVE)
    form = ResolveForm()
    if form.validate_on_submit():
        with forms.errors_on(form, "note"):
            alerts.resolve(member(), alert_id, note=form.note.data or "", now=clock.now())
    if form.is_submitted() and not form.is_refused:
        flash_success("已处理。")
        return redirect_to("alerts.index")
    page = render_template("console/alerts/_resolve.html", alarm=alert, form=form)
    return (page, 422) if form.is_submitted() else page


def _open_context() -> dict[str, Any]:
    open_alerts = alerts.list_open_for_staff(member())
    etag = "-".join(f"{alert.id:x}x{alert.count}" for alert in open_alerts)
    return {
        "alerts": open_alerts,
        "links": conversation_urls(open_alerts),
        "mark": etag,
        "poll": url_for("alerts.poll", mark=etag),
    }


def conversation_urls(open_alerts: list[Alert] | tuple[Alert, ...]) -> dict[int, str]:
    """Where the thing stands that an alarm is about, by the alarm's id."""
    messages = {
        alert.id: int(alert.subject) for alert in open_alerts if alert.kind == EMERGENCY_ALERT
    }
    followers_by_message = conversations.follower_ids_by_message(messages.values())
    return {
        alert_id: url_for(
            "conversations.show", follower_id=followers_by_message[inbox_id], at=inbox_id
        )
        for alert_id, inbox_id in messages.items()
        if inbox_id in followers_by_message
    }
