"""Alerts: what staff must look at now, urgent ones first, and how it was resolved."""

from flask import Blueprint, render_template, request, url_for
from wtforms import StringField
from wtforms.validators import InputRequired, Length

from app.console import forms
from app.console.responses import ViewResult, flash_success, redirect_to
from app.jobs.audit_seals import AuditAlert
from app.jobs.rule_reminders import RuleAlert
from app.web.auth import member, requires
from config import alerts, clock
from config.alerts import Alert, AlertKind
from config.jobs import JobAlert
from config.permissions import Permission
from keywords.rules.policy_requests import ReviewAlert
from matrix import conversations
from matrix.accounts.jobs_and_alerts import AccountAlert
from matrix.inbox import InboxAlert
from matrix.menus.jobs_and_alerts import MenuAlert
from matrix.staff.sign_in.throttle import StaffAlert

# every kind of alert by its stored string
KINDS: dict[str, AlertKind] = {
    kind.value: kind
    for kinds in (
        AccountAlert,
        AuditAlert,
        InboxAlert,
        JobAlert,
        MenuAlert,
        ReviewAlert,
        RuleAlert,
        StaffAlert,
    )
    for kind in kinds
}

blueprint = Blueprint("alerts", __name__, url_prefix="/console/alarms")


class ResolveForm(forms.Form):
    """How an alert was resolved."""

    note = StringField("处理情况", [InputRequired("请写明处理情况"), Length(max=500)])


@blueprint.get("/")
@requires(Permission.CONVERSATIONS_READ, Permission.ALERTS_RESOLVE)
def index() -> str:
    """The open alerts."""
    return render_template("console/alerts/index.html", **_open_context())


@blueprint.get("/list")
@requires(Permission.CONVERSATIONS_READ, Permission.ALERTS_RESOLVE)
def poll() -> ViewResult:
    """The open alerts as part of a page, which polls this address.

    204 while they are what the page shows already: it sends the `etag` that it was given.
    """
    context = _open_context()
    if context["etag"] == request.args.get("etag"):
        # htmx leaves the page as it is at 204: what somebody is reading does not jump
        return "", 204
    return render_template("console/alerts/_open.html", **context)


@blueprint.get("/closed")
@requires(Permission.CONVERSATIONS_READ, Permission.ALERTS_RESOLVE)
def resolved() -> str:
    """The resolved alerts, the newest first."""
    page = alerts.list_resolved_for_staff(member(), before=request.args.get("before", type=int))
    older = url_for("alerts.resolved", before=page.before) if page.before else None
    return render_template(
        "console/alerts/resolved.html",
        alerts=page.alerts,
        kinds=KINDS,
        conversation_urls=conversation_urls(page.alerts),
        older_url=older,
    )


@blueprint.route("/<int:alert_id>/close", methods=["GET", "POST"])
@requires(Permission.ALERTS_RESOLVE)
def resolve(alert_id: int) -> ViewResult:
    """A dialog that asks what was done; submitting it resolves the alert."""
    alert = alerts.access_alert(member(), alert_id, Permission.ALERTS_RESOLVE)
    form = ResolveForm()
    if form.validate_on_submit():
        with forms.errors_on(form, "note"):
            alerts.resolve(member(), alert_id, note=form.note.data or "", now=clock.now())
    # asked after the deed, which may have put an error on the form
    if form.is_submitted() and not form.is_refused:
        flash_success("已处理。")
        return redirect_to("alerts.index")
    page = render_template("console/alerts/_resolve.html", alert=alert, form=form)
    return (page, 422) if form.is_submitted() else page


def _open_context() -> dict[str, object]:
    open_alerts = alerts.list_open_for_staff(member())
    # the count is part of it, because an alert that is raised again keeps its id
    etag = "-".join(f"{alert.id:x}x{alert.count}" for alert in open_alerts)
    return {
        "alerts": open_alerts,
        "kinds": KINDS,
        "conversation_urls": conversation_urls(open_alerts),
        "etag": etag,
        "poll_url": url_for("alerts.poll", etag=etag),
    }


def conversation_urls(open_alerts: list[Alert] | tuple[Alert, ...]) -> dict[int, str]:
    """The address of the conversation that an emergency alert is about, by the alert's id.

    Alerts without a conversation, or of another kind, are left out.
    """
    messages = {
        # the subject of an emergency alert is the id of the inbox message
        alert.id: int(alert.subject)
        for alert in open_alerts
        if alert.kind == InboxAlert.EMERGENCY
    }
    followers_by_message = conversations.follower_ids_by_message(messages.values())
    return {
        alert_id: url_for(
            "conversations.show", follower_id=followers_by_message[inbox_id], at=inbox_id
        )
        for alert_id, inbox_id in messages.items()
        if inbox_id in followers_by_message
    }
