"""One alert: the citizen's words, who was told and how, taking it and resolving it."""

from datetime import timedelta

from flask import render_template

from app.console import forms
from app.console.alerts.blueprint import READERS, ResolveForm, blueprint, object_link
from app.console.responses import ViewResult, flash_success, redirect_to
from app.web.auth import member, requires
from config import alerts, clock
from config.alerts import TAKEN_FOR, Alert, Resolution
from config.permissions import Permission
from matrix import accounts, departments
from matrix.notifications import deliveries
from matrix.notifications.deliveries import AttemptResult, DeliveryState
from matrix.staff import members

_STATE_LABELS = {
    DeliveryState.PENDING: ("等待重试", "yellow"),
    DeliveryState.SENDING: ("正在发送", "blue"),
    DeliveryState.SENT: ("已送达", "green"),
    DeliveryState.FAILED: ("没有送达", "red"),
    DeliveryState.CANCELLED: ("有人接手，不再发送", "secondary"),
}
_RESULT_LABELS = {
    # also when the worker was killed: nobody knows whether it left
    AttemptResult.RUNNING: ("没有结果", "yellow"),
    AttemptResult.SENT: ("成功", "green"),
    AttemptResult.FAILED: ("失败", "red"),
}


@blueprint.get("/<int:alert_id>")
@requires(*READERS)
def show(alert_id: int) -> str:
    """One alert with everybody who was told of it."""
    alert = alerts.access_alert(member(), alert_id)
    told = deliveries.list_for_alert(alert_id)
    people = {row.staff_id for row in told} | {row.on_behalf_of for row in told} - {None}
    return render_template(
        "console/alerts/show.html",
        alert=alert,
        link=object_link(alert),
        owner_name=_owner_name(alert),
        deliveries=told,
        attempts=deliveries.attempts_of([row.id for row in told]),
        names=members.names({key for key in people if key is not None}),
        state_labels=_STATE_LABELS,
        result_labels=_RESULT_LABELS,
        form=ResolveForm(formdata=None),
        taken_minutes=TAKEN_FOR // timedelta(minutes=1),
    )


def _owner_name(alert: Alert) -> str:
    if alert.account_id is not None:
        return accounts.names([alert.account_id]).get(alert.account_id, "")
    if alert.department_id is not None:
        return departments.names([alert.department_id]).get(alert.department_id, "")
    return "全市"


@blueprint.post("/<int:alert_id>/take")
@requires(Permission.ALERTS_RESOLVE)
def take(alert_id: int) -> ViewResult:
    """Take an alert: nobody is told of it any more."""
    alerts.take(member(), alert_id, now=clock.now())
    flash_success("已由您接手，不再通知其他人。处理完请写明结果。")
    return redirect_to("alerts.show", alert_id=alert_id)


@blueprint.post("/<int:alert_id>/release")
@requires(Permission.ALERTS_RESOLVE)
def release(alert_id: int) -> ViewResult:
    """Give an alert back: people are told of it again."""
    alerts.release(member(), alert_id, now=clock.now())
    flash_success("已放回，将重新通知。")
    return redirect_to("alerts.show", alert_id=alert_id)


@blueprint.route("/<int:alert_id>/close", methods=["GET", "POST"])
@requires(Permission.ALERTS_RESOLVE)
def resolve(alert_id: int) -> ViewResult:
    """A dialog that asks what was done; submitting it resolves the alert."""
    alert = alerts.access_alert(member(), alert_id, Permission.ALERTS_RESOLVE)
    form = ResolveForm()
    if form.validate_on_submit():
        with forms.errors_on(form, "note"):
            alerts.resolve(
                member(),
                alert_id,
                note=form.note.data or "",
                resolution=Resolution(form.resolution.data),
                now=clock.now(),
            )
    # asked after the deed, which may have put an error on the form
    if form.is_submitted() and not form.is_refused:
        flash_success("已处理。")
        return redirect_to("alerts.index")
    page = render_template("console/alerts/_resolve.html", alert=alert, form=form)
    return (page, 422) if form.is_submitted() else page
