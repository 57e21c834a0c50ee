"""The blueprint of the alerts' pages, the form that resolves alerts, and where an alert leads."""

from collections.abc import Iterable
from typing import Any

from flask import Blueprint, url_for
from wtforms import SelectField, StringField
from wtforms.validators import InputRequired, Length

from app.alert_kinds import label_of
from app.console import forms
from config.alerts import MAX_NOTE_LENGTH, MIN_NOTE_LENGTH, Alert, Resolution
from config.permissions import Permission
from keywords.publishing.policy_requests import ReviewAlert
from matrix.accounts.jobs_and_alerts import AccountAlert
from matrix.inbox import InboxAlert
from matrix.menus.jobs_and_alerts import MenuAlert

blueprint = Blueprint("alerts", __name__, url_prefix="/console/alarms")
blueprint.add_app_template_filter(label_of, "alert_label")

# who sees alerts at all
READERS = (Permission.CONVERSATIONS_READ, Permission.ALERTS_RESOLVE)
_CHOICES = [each for each in Resolution if each is not Resolution.ENDED]
# endpoint and path variable of the page of `object_id`, and what the link to it says
OBJECT_PAGES: dict[str, tuple[str, str, str]] = {
    **dict.fromkeys(InboxAlert, ("conversations.show", "follower_id", "看对话")),
    **dict.fromkeys(AccountAlert, ("accounts.show", "account_id", "看账号")),
    **dict.fromkeys(MenuAlert, ("menus.show", "menu_id", "看菜单")),
    ReviewAlert.DEPENDENT_REVIEWER: ("rules.review", "version_id", "看规则"),
}


class ResolveForm(forms.Form):
    """What alerts turned out to be, and what was done."""

    resolution = SelectField(
        "结果",
        choices=forms.choices((each.value, each.label) for each in _CHOICES),
        default=Resolution.HANDLED.value,
    )
    note = StringField(
        "处理情况",
        [
            InputRequired("请写明处理情况"),
            Length(
                MIN_NOTE_LENGTH,
                MAX_NOTE_LENGTH,
                f"请写明处理情况，{MIN_NOTE_LENGTH} 到 {MAX_NOTE_LENGTH} 个字",
            ),
        ],
        [forms.strip],
    )


def object_link(alert: Alert) -> tuple[str, str] | None:
    """Address and words of the link to what an alert is about; None where nothing can be shown."""
    page = OBJECT_PAGES.get(alert.kind)
    if page is None or alert.object_id is None:
        return None
    endpoint, variable, words = page
    values: dict[str, Any] = {variable: alert.object_id}
    if "inbox_id" in alert.details:
        # a conversation is opened at the message that raised the alert
        values["at"] = alert.details["inbox_id"]
    return url_for(endpoint, **values), words


def object_links(alerts: Iterable[Alert]) -> dict[int, tuple[str, str]]:
    """The links of `object_link` by the alert's id; alerts without one are left out."""
    return {alert.id: link for alert in alerts if (link := object_link(alert)) is not None}
