"""One's own notifications: which alerts by which channels, quiet hours, the deputy."""

from collections.abc import Mapping
from datetime import time
from typing import Any

from flask import render_template
from wtforms import IntegerField, SelectField, SelectMultipleField, TimeField
from wtforms.validators import InputRequired, NumberRange, Optional

from app.alert_kinds import KINDS
from app.console import forms
from app.console.alerts.blueprint import READERS
from app.console.notifications.blueprint import blueprint
from app.console.responses import ViewResult, flash_success, redirect_to
from app.web.auth import member, requires
from config import settings
from config.errors import Stale
from matrix.inbox import InboxAlert
from matrix.notifications import channels, preferences
from matrix.notifications.channels import NotificationChannel
from matrix.notifications.preferences import (
    DEFAULT_HANDOVER_MINUTES,
    MAX_MINUTES,
    URGENT_REPEAT_MINUTES,
    KindPreference,
    NotificationPreference,
    NotificationSettings,
    PreferencesSpec,
)

_MINUTES = [InputRequired("请填写"), NumberRange(0, MAX_MINUTES, f"应是 0 到 {MAX_MINUTES}")]


class PreferencesForm(forms.Form):
    """What holds for all kinds; `for_kinds` adds two fields for each kind of alert."""

    quiet_from = TimeField("从", [Optional()])
    quiet_to = TimeField("到", [Optional()])
    deputy_id = SelectField("代理人", default="")
    handover_minutes = IntegerField("多少分钟没有人接手就通知代理人", _MINUTES)
    version = IntegerField("版本", default=0)

    @property
    def kind_rows(self) -> list[tuple[str, Any, Any]]:
        """The label, the field of channels and the field of repetition of each kind."""
        return [
            (kind.label, self[f"channels_{number}"], self[f"repeat_{number}"])
            for number, kind in enumerate(KINDS.values())
        ]

    def spec(self) -> PreferencesSpec:
        """The form as a spec; the form must be valid. Raises Invalid."""
        return PreferencesSpec(
            quiet_from=self.quiet_from.data,
            quiet_to=self.quiet_to.data,
            deputy_id=int(self.deputy_id.data) if self.deputy_id.data else None,
            handover_minutes=self.handover_minutes.data,
            kinds=tuple(
                KindPreference(
                    kind=kind,
                    channel_ids=tuple(self[f"channels_{number}"].data or ()),
                    repeat_minutes=self[f"repeat_{number}"].data,
                )
                for number, kind in enumerate(KINDS)
            ),
        )


def _form_class(own_channels: Mapping[int, str]) -> type[PreferencesForm]:
    """The form with the fields of each kind, whose choices are the person's channels."""
    fields: dict[str, object] = {}
    for number, kind in enumerate(KINDS.values()):
        fields[f"channels_{number}"] = SelectMultipleField(
            f"{kind.label}的通知方式", coerce=int, choices=forms.choices(own_channels)
        )
        fields[f"repeat_{number}"] = IntegerField(f"{kind.label}每隔多少分钟重复", _MINUTES)
    # WTForms collects fields from the class, so what depends on the person needs a class of its own
    return type("OwnPreferencesForm", (PreferencesForm,), fields)


def _make_form(
    own: list[NotificationChannel],
    row: NotificationSettings | None,
    chosen: Mapping[str, NotificationPreference],
) -> PreferencesForm:
    data: dict[str, Any] = {
        "quiet_from": row.quiet_from if row else None,
        "quiet_to": row.quiet_to if row else None,
        "deputy_id": str(row.deputy_id or "") if row else "",
        "handover_minutes": row.handover_minutes if row else DEFAULT_HANDOVER_MINUTES,
        "version": row.version if row else 0,
    }
    known = {channel.id: channel.name for channel in own}
    for number, kind in enumerate(KINDS):
        preference = chosen.get(kind)
        default = URGENT_REPEAT_MINUTES if kind == InboxAlert.EMERGENCY else 0
        data[f"channels_{number}"] = [
            key for key in (preference.channel_ids if preference else ()) if key in known
        ]
        data[f"repeat_{number}"] = preference.repeat_minutes if preference else default
    form = _form_class(known)(data=data)
    deputies = [(person.id, person.name) for person in preferences.list_deputies(member())]
    form.deputy_id.choices = forms.choices(deputies, "没有代理人")
    return form


@blueprint.route("/", methods=["GET", "POST"])
@requires(*READERS)
def index() -> ViewResult:
    """The person's channels and preferences; saves the latter."""
    staff_id = member().staff_id
    own = list(channels.list_for_person(staff_id))
    row = preferences.find_settings(staff_id)
    form = _make_form(own, row, preferences.by_person([staff_id]).get(staff_id, {}))
    if form.validate_on_submit():
        with forms.errors_on(form):
            _save(form)
    if form.is_submitted() and not form.is_refused:
        flash_success("已保存。")
        return redirect_to("notifications.index")
    page = render_template(
        "console/notifications/index.html",
        form=form,
        channels=own,
        max_channels=channels.MAX_PER_PERSON,
        has_mail=bool(settings.get().smtp_url),
    )
    return (page, 422) if form.is_submitted() else page


def _save(form: PreferencesForm) -> None:
    """Save the form, or show on it what was changed in another window meanwhile."""
    try:
        preferences.save(member(), form.spec(), version=forms.hidden_int(form.version))
    except Stale:
        row = preferences.find_settings(member().staff_id)
        form.show_conflict(
            {
                "quiet_from": row.quiet_from if row else None,
                "quiet_to": row.quiet_to if row else None,
                "handover_minutes": row.handover_minutes if row else DEFAULT_HANDOVER_MINUTES,
            },
            None,
            describe=_describe,
            version=row.version if row else 0,
        )


def _describe(name: str, value: object) -> str:
    return f"{value:%H:%M}" if isinstance(value, time) else str(value or "（空）")
