"""What an agent answers in a conversation: a text, an image, or that no reply is needed.

The reply forms stand outside of the part of the page that polls, so nothing that is being typed is
lost; htmx replaces a form by its own answer.
"""

import secrets
from typing import Any, TypeVar

from flask import Response, render_template
from wtforms import HiddenField, IntegerField, SelectField, TextAreaField
from wtforms.validators import InputRequired

from app.console import forms
from app.console.conversations import labels
from app.console.conversations.blueprint import blueprint
from app.console.responses import ViewResult, flash_success, flash_warning, redirect_to
from app.web.auth import member, requires
from config import clock
from config.permissions import Permission
from matrix import accounts, canned_responses, conversations, departments, followers, outbound
from matrix.canned_responses import CannedResponse
from matrix.conversations import ReplyForm
from matrix.followers import Follower, Window

ReplyFormT = TypeVar("ReplyFormT", "TextReplyForm", "ImageReplyForm")
# by this event the thread on the page asks for the newest messages at once
REFRESH_HEADERS = {"HX-Trigger": "conversation-changed"}
# a longer number is no id of a message and would not fit into a bigint column
_MAX_ID_DIGITS = 18


class TextReplyForm(forms.Form):
    """A text for a citizen.

    `key` makes a second submission of the same form recognizable; `seen` is the id of the last
    message that was on the page, filled in by the thread as it polls.
    """

    content = TextAreaField("回复内容", [InputRequired("请填写回复内容")])
    key = HiddenField()
    seen = HiddenField()


class ImageReplyForm(forms.Form):
    """An image of the media library for a citizen; `key` and `seen` as in TextReplyForm."""

    # checked by `reply_image`, which must know that the person may use the picture anyway
    picture = SelectField("图片", coerce=int, validate_choice=False)
    key = HiddenField()
    seen = HiddenField()

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.picture.choices = {
            str(key): name for key, name in conversations.images_for_staff(member()).items()
        }


class SeenForm(forms.Form):
    """The id of the last message that was on the page."""

    seen = IntegerField()


# ---- what the thread's page shows of it ----


def new_reply_form(form_class: type[ReplyFormT]) -> ReplyFormT:
    """An empty form with a fresh key: each form is good for one reply."""
    # formdata=None: otherwise WTForms fills the new form with what was just submitted
    form = form_class(formdata=None)
    form.key.data = secrets.token_urlsafe(16)
    return form


def window_context(follower: Follower) -> dict[str, object]:
    """The template variables that tell how much may still be sent, replies on their way counted."""
    now = clock.now()
    window = followers.window(follower, now=now)
    # replies that a job is still sending will use up the window too
    window = Window(max(0, window.left - outbound.count_queued(follower.id)), window.until)
    return {"window": window, "window_text": labels.window_text(window, now=now)}


def canned_responses_for(department_id: int) -> list[CannedResponse]:
    """The canned responses of an account's department and of those above it."""
    return canned_responses.list_for_departments(
        [department_id, *departments.tree().above(department_id)]
    )


# ---- the replies ----


@blueprint.post("/<int:follower_id>/answer")
@requires(Permission.CONVERSATIONS_REPLY)
def reply(follower_id: int) -> ViewResult:
    """Send a text; the same form submitted twice sends it once."""
    form = TextReplyForm()
    follower = followers.access_follower(member(), follower_id, Permission.CONVERSATIONS_REPLY)
    if form.validate_on_submit():
        with forms.errors_on(form, "content"):
            conversations.reply_text(
                member(),
                follower_id,
                form.content.data or "",
                form=_submission_of(form),
                now=clock.now(),
            )
    return _reply_form_response(follower, form, "_text_reply.html")


@blueprint.post("/<int:follower_id>/picture")
@requires(Permission.CONVERSATIONS_REPLY)
def reply_with_image(follower_id: int) -> ViewResult:
    """Send an image of the media library; the same form submitted twice sends it once."""
    form = ImageReplyForm()
    follower = followers.access_follower(member(), follower_id, Permission.CONVERSATIONS_REPLY)
    if form.validate_on_submit():
        with forms.errors_on(form, "picture"):
            conversations.reply_image(
                member(),
                follower_id,
                form.picture.data or 0,
                form=_submission_of(form),
                now=clock.now(),
            )
    return _reply_form_response(follower, form, "_image_reply.html")


def _submission_of(form: TextReplyForm | ImageReplyForm) -> ReplyForm:
    """The form's key and last seen message id; 0 for a malformed id."""
    seen = str(form.seen.data or "")
    is_id = seen.isdecimal() and len(seen) <= _MAX_ID_DIGITS
    return ReplyForm(form.key.data or "", int(seen) if is_id else 0)


def _reply_form_response(
    follower: Follower, form: TextReplyForm | ImageReplyForm, template: str
) -> ViewResult:
    """The form again: with 422 as it was when refused, else empty, and the thread refreshes."""
    account = accounts.get(follower.account_id)
    page = render_template(
        f"console/conversations/{template}",
        # a new key after success: the next text is a reply of its own, not a repetition
        form=form if form.is_refused else new_reply_form(type(form)),
        follower=follower,
        canned_responses=canned_responses_for(account.department_id),
        **window_context(follower),
    )
    return (page, 422) if form.is_refused else Response(page, headers=REFRESH_HEADERS)


@blueprint.post("/<int:follower_id>/dismiss")
@requires(Permission.CONVERSATIONS_REPLY)
def dismiss(follower_id: int) -> ViewResult:
    """Mark a conversation as needing no reply, unless a message came after the last one seen."""
    form = SeenForm()
    # 0 is older than any message, so a malformed form dismisses nothing
    seen_id = form.seen.data if form.validate_on_submit() else 0
    if conversations.dismiss(member(), follower_id, seen_id=seen_id or 0, now=clock.now()):
        flash_success("已标为无需回复。")
        return redirect_to("conversations.index")
    flash_warning("对方刚刚又发来了消息，请看过后再处理。")
    return redirect_to("conversations.show", follower_id=follower_id)
