"""One's own channels: adding, changing, the order, a test message, deleting."""

from typing import Any

from flask import render_template
from wtforms import PasswordField, SelectField, StringField
from wtforms.validators import InputRequired, Length

from app.console import forms
from app.console.alerts.blueprint import READERS
from app.console.notifications.blueprint import blueprint
from app.console.responses import ViewResult, flash_success, redirect_to
from app.web.auth import member, requires
from config import clock, settings
from config.errors import Stale
from matrix.inbox import InboxAlert
from matrix.notifications import channels, preferences
from matrix.notifications.channels import ChannelKind, ChannelSpec, ChannelTest
from matrix.notifications.preferences import URGENT_REPEAT_MINUTES

_TEST_LABELS = {
    ChannelTest.WAITING: ("正在发送测试…", "blue"),
    ChannelTest.SENT: ("测试成功", "green"),
    ChannelTest.FAILED: ("测试失败", "red"),
}
blueprint.add_app_template_filter(_TEST_LABELS.get, "channel_test_label")


class ChannelForm(forms.VersionForm):
    """A channel. The address and the secret of a stored one are never shown; empty keeps them."""

    name = StringField("名称", [InputRequired("请填写名称"), Length(max=20)], [forms.strip])
    address = StringField("地址", [Length(max=300)], [forms.strip])
    # a password field, so that nobody reads it over a shoulder and no browser offers it elsewhere
    secret = PasswordField("加签密钥", [Length(max=128)], [forms.strip])


class NewChannelForm(ChannelForm):
    """A new channel."""

    kind = SelectField("方式", choices=forms.choices((each, each.label) for each in ChannelKind))


@blueprint.route("/channels/new", methods=["GET", "POST"])
@requires(*READERS)
def add_channel() -> ViewResult:
    """Add a channel; it is used for danger to citizens at once, and a test is sent by it."""
    form = NewChannelForm()
    if form.validate_on_submit():
        with forms.errors_on(form):
            spec = ChannelSpec(
                kind=ChannelKind(form.kind.data),
                name=form.name.data or "",
                address=form.address.data or "",
                secret=form.secret.data or "",
            )
            channel = channels.add(member(), spec, now=clock.now())
            urgent = {InboxAlert.EMERGENCY.value: URGENT_REPEAT_MINUTES}
            preferences.subscribe(member().staff_id, channel.id, urgent)
            channels.request_test(member(), channel.id)
    return _answer(form, "已添加，正在发送一条测试消息。", None)


@blueprint.route("/channels/<int:channel_id>", methods=["GET", "POST"])
@requires(*READERS)
def edit_channel(channel_id: int) -> ViewResult:
    """Change a channel."""
    channel = channels.access_channel(member(), channel_id)
    form = ChannelForm(data={"name": channel.name, "version": channel.version})
    if form.validate_on_submit():
        with forms.errors_on(form):
            spec = ChannelSpec(
                kind=channel.kind,
                name=form.name.data or "",
                address=form.address.data or channel.address,
                # the secret belongs to the robot of the old address
                secret=form.secret.data or ("" if form.address.data else channel.secret or ""),
            )
            try:
                channels.update(member(), channel_id, spec, version=forms.hidden_int(form.version))
            except Stale:
                form.show_conflict({"name": channel.name}, None, version=channel.version)
    return _answer(form, "已保存。请再发一条测试消息。", channel)


def _answer(form: ChannelForm, done: str, channel: Any) -> ViewResult:
    if form.is_submitted() and not form.is_refused:
        flash_success(done)
        return redirect_to("notifications.index")
    page = render_template(
        "console/notifications/channel.html",
        form=form,
        channel=channel,
        has_mail=bool(settings.get().smtp_url),
        has_quotes=settings.get().notification_quotes,
    )
    return (page, 422) if form.is_submitted() else page


@blueprint.get("/channels/<int:channel_id>/test")
@requires(*READERS)
def poll_test(channel_id: int) -> str:
    """How the last test message fared, as a part of a page that asks until it is known."""
    channel = channels.access_channel(member(), channel_id)
    return render_template("console/notifications/_test.html", channel=channel)


@blueprint.post("/channels/<int:channel_id>/test/send")
@requires(*READERS)
def send_test(channel_id: int) -> str:
    """Send a test message by a channel, after the commit; the answer polls for the outcome."""
    channels.request_test(member(), channel_id)
    channel = channels.access_channel(member(), channel_id)
    return render_template("console/notifications/_test.html", channel=channel)


@blueprint.post("/channels/<int:channel_id>/first")
@requires(*READERS)
def move_channel_first(channel_id: int) -> ViewResult:
    """Let a channel be tried before the others."""
    channels.move_first(member(), channel_id)
    flash_success("以后先用这种方式通知。")
    return redirect_to("notifications.index")


@blueprint.post("/channels/<int:channel_id>/remove")
@requires(*READERS)
def remove_channel(channel_id: int) -> ViewResult:
    """Delete a channel."""
    channels.remove(member(), channel_id)
    flash_success("已删除。")
    return redirect_to("notifications.index")
