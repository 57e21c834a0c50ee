"""One talk: read, answer, look beneath, fetch a picture, block.

The newest lines stand in a part of the page that asks every few seconds whether it would look
another way; older ones are put above it. Forms stand outside of that part, so nothing that is
being typed is lost.
"""

import secrets
from typing import Any, TypeVar

from flask import Response, render_template, request
from werkzeug.wrappers import Response as AnyResponse
from wtforms import BooleanField, HiddenField, IntegerField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from app import snapshots
from app.console import forms
from app.console.conversations import labels
from app.console.conversations.blueprint import blueprint
from app.console.template_globals import flash_success, flash_warning, may, redirect_to
from app.web.auth import member, requires, requires_confirmation
from config import clock
from config.errors import NotFound
from config.permissions import Permission
from matrix import (
    accounts,
    blocklist,
    canned_responses,
    conversations,
    departments,
    followers,
    outbound,
)
from matrix.conversations import ReplyForm, Speaker, Thread
from matrix.followers import Follower, Window
from matrix.inbox import attachments
from matrix.inbox.attachments import AttachmentState

ViewResult = str | AnyResponse | tuple[str, int]
ReplyFormT = TypeVar("SomeForm", "AnswerForm", "PictureForm")
_REFRESH_HEADERS = {"HX-Trigger": "talk-changed"}
_FILE_EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png", "image/gif": "gif"}
_FILE_EXTENSIONS |= {"audio/amr": "amr", "audio/mpeg": "mp3", "video/mp4": "mp4"}


class TextReplyForm(forms.Form):
    """Words for a citizen."""

    content = TextAreaField("回复内容", [InputRequired("请填写回复内容")])
    key = HiddenField()
    seen = HiddenField()


class ImageReplyForm(forms.Form):
    """A picture of the media library for a citizen."""

    picture = SelectField("图片", coerce=int, validate_choice=False)
    key = HiddenField()
    seen = HiddenField()

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.picture.choices = {
            str(key): name for key, name in conversations.images_for_staff(member()).items()
        }


class SeenForm(forms.Form):
    """The last message that was seen."""

    seen = IntegerField()


class BlockForm(forms.Form):
    """Why somebody is not answered any more."""

    # the page has two fields of this name
    reason = StringField(
        "屏蔽原因", [InputRequired("请写明原因"), Length(max=200)], id="block_reason"
    )
    also_at_wechat = BooleanField("同时加入微信黑名单（对方的消息不再送达）")


class RevealForm(forms.Form):
    """Why a covered number must be seen."""

    ref = HiddenField()
    reason = StringField("查看原因", [InputRequired("请写明查看原因"), Length(max=200)])


# ---- reading ----


@blueprint.get("/<int:follower_id>")
@requires(Permission.CONVERSATIONS_READ)
def show(follower_id: int) -> str:
    """A talk, from a message on when one is named."""
    return _render_page(follower_id, BlockForm())


def _render_page(follower_id: int, block_form: BlockForm) -> str:
    highlighted_id = request.args.get("at", type=int)
    thread = conversations.read(member(), follower_id)
    is_newest = highlighted_id is None or highlighted_id >= thread.first_id
    if highlighted_id is not None and not is_newest:
        thread = conversations.read(member(), follower_id, before=highlighted_id + 1)
    follower = thread.follower
    account = accounts.get(follower.account_id)
    return render_template(
        "console/conversations/show.html",
        account=account,
        at=highlighted_id,
        is_newest=is_newest,
        talk=conversations.find_by_follower(follower_id),
        block=blocklist.find(follower_id),
        block_form=block_form,
        answer_form=_new_reply_form(TextReplyForm),
        picture_form=_new_reply_form(ImageReplyForm),
        phrases=_canned_responses(account.department_id),
        can_answer=may(Permission.CONVERSATIONS_REPLY, account_id=account.id),
        **_thread_context(thread),
        **_window_context(follower),
    )


@blueprint.get("/<int:follower_id>/lines")
@requires(Permission.CONVERSATIONS_READ)
def poll_thread(follower_id: int) -> ViewResult:
    """The newest part of a talk, if it looks another way than the reader's."""
    thread = conversations.read(
        member(), follower_id, since=request.args.get("since", 0, type=int) or None
    )
    if thread.etag == request.args.get("mark"):
        return "", 204
    return render_template(
        "console/conversations/_messages.html", is_newest=True, **_thread_context(thread)
    )


@blueprint.get("/<int:follower_id>/older")
@requires(Permission.CONVERSATIONS_READ)
def older_messages(follower_id: int) -> str:
    """The lines before a message."""
    thread = conversations.read(member(), follower_id, before=request.args.get("before", type=int))
    return render_template("console/conversations/_older_messages.html", **_thread_context(thread))


def _thread_context(thread: Thread) -> dict[str, Any]:
    ruleset = snapshots.current().ruleset
    slugs = {line.rule_slug for line in thread.lines if line.rule_slug}
    return {
        "thread": thread,
        "rules": {slug: ruleset.find_rule(slug) for slug in slugs},
        "words": labels,
        "Side": Speaker,
        "Fetched": AttachmentState,
        "can_reveal": may(Permission.PRIVACY_REVEAL, account_id=thread.follower.account_id),
    }


def _window_context(follower: Follower) -> dict[str, Any]:
    now = clock.now()
    window = followers.window(follower, now=now)
    window = Window(max(0, window.left - outbound.count_queued(follower.id)), window.until)
    return {"window": window, "remaining": labels.window_text(window, now=now)}


def _canned_responses(department_id: int) -> list[canned_responses.CannedResponse]:
    return canned_responses.list_for_departments(
        [department_id, *departments.tree().above(department_id)]
    )


# ---- answering ----


def _new_reply_form(form_class: type[ReplyFormT]) -> ReplyFormT:
    """A form that has not been handed in yet: each is good for one answer."""
    form = form_class(formdata=None)
    form.key.data = secrets.token_urlsafe(16)
    return form


def _submission_of(form: TextReplyForm | ImageReplyForm) -> ReplyForm:
    seen_id = str(form.seen.data or "")
    return ReplyForm(
        form.key.data or "", int(seen_id) if seen_id.isdecimal() and len(seen_id) < 19 else 0
    )


@blueprint.post("/<int:follower_id>/answer")
@requires(Permission.CONVERSATIONS_REPLY)
def reply(follower_id: int) -> ViewResult:
    """Say something; a second click says nothing more."""
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
    """Send a picture of the media library; a second click sends nothing more."""
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


def _reply_form_response(
    follower: Follower, form: TextReplyForm | ImageReplyForm, template: str
) -> ViewResult:
    """The form again: as it was when it was refused, empty when it was not."""
    account = accounts.get(follower.account_id)
    page = render_template(
        f"console/conversations/{template}",
        form=form if form.is_refused else _new_reply_form(type(form)),
        follower=follower,
        phrases=_canned_responses(account.department_id),
        **_window_context(follower),
    )
    return (page, 422) if form.is_refused else Response(page, headers=_REFRESH_HEADERS)


@blueprint.post("/<int:follower_id>/dismiss")
@requires(Permission.CONVERSATIONS_REPLY)
def dismiss(follower_id: int) -> ViewResult:
    """Say that no answer is needed."""
    form = SeenForm()
    seen_id = form.seen.data if form.validate_on_submit() else 0
    if conversations.dismiss(member(), follower_id, seen_id=seen_id or 0, now=clock.now()):
        flash_success("已标为无需回复。")
    else:
        flash_warning("对方刚刚又发来了消息，请看过后再处理。")
        return redirect_to("conversations.show", follower_id=follower_id)
    return redirect_to("conversations.index")


# ---- beneath, and what came along ----


@blueprint.get("/<int:follower_id>/reveal")
@requires(Permission.PRIVACY_REVEAL)
def reveal_form(follower_id: int) -> str:
    """Ask why one message must be seen whole."""
    followers.access_follower(member(), follower_id, Permission.PRIVACY_REVEAL)
    form = RevealForm(formdata=None, data={"ref": request.args.get("ref", "")})
    return _render_reveal(follower_id, form, None)


@blueprint.post("/<int:follower_id>/reveal")
@requires(Permission.PRIVACY_REVEAL)
@requires_confirmation
def reveal(follower_id: int) -> ViewResult:
    """Show one message whole; the audit keeps who and why."""
    followers.access_follower(member(), follower_id, Permission.PRIVACY_REVEAL)
    form, full_text = RevealForm(), None
    if form.validate():
        with forms.errors_on(form, "reason"):
            full_text = conversations.reveal_message(
                member(), follower_id, form.ref.data or "", reason=form.reason.data or ""
            )
    page = _render_reveal(follower_id, form, full_text)
    return (page, 422) if form.is_refused else page


def _render_reveal(follower_id: int, form: RevealForm, full_text: str | None) -> str:
    return render_template(
        "console/conversations/_reveal.html", form=form, shown=full_text, follower_id=follower_id
    )


@blueprint.post("/<int:follower_id>/messages/<int:inbox_id>/fetch")
@requires(Permission.CONVERSATIONS_READ)
def fetch_attachment(follower_id: int, inbox_id: int) -> ViewResult:
    """Have a citizen's picture, sound or film brought from WeChat."""
    attachments.request(member(), follower_id, inbox_id, now=clock.now())
    return Response(status=204, headers=_REFRESH_HEADERS)


@blueprint.get("/<int:follower_id>/messages/<int:inbox_id>/file")
@requires(Permission.CONVERSATIONS_READ)
def attachment(follower_id: int, inbox_id: int) -> Response:
    """What was brought; to be saved, or shown inside our own page."""
    attachment_row = attachments.access_attachment(member(), follower_id, inbox_id)
    if attachment_row.state is not AttachmentState.STORED or attachment_row.body is None:
        raise NotFound(kind="attachment", id=inbox_id)
    name = f"message-{inbox_id}.{_FILE_EXTENSIONS[attachment_row.mime]}"
    response = Response(attachment_row.body, mimetype=attachment_row.mime)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


# ---- blocking ----


@blueprint.post("/<int:follower_id>/block")
@requires(Permission.CONVERSATIONS_REPLY)
def block(follower_id: int) -> ViewResult:
    """Stop answering somebody."""
    form = BlockForm()
    followers.access_follower(member(), follower_id, Permission.CONVERSATIONS_REPLY)
    if form.validate_on_submit():
        with forms.errors_on(form, "reason"):
            blocklist.block(
                member(),
                follower_id,
                reason=form.reason.data or "",
                also_at_wechat=form.also_at_wechat.data,
                now=clock.now(),
            )
    if form.is_refused:
        return _render_page(follower_id, form), 422
    flash_success("已屏蔽，系统不再自动回复此人；紧急求助仍会提醒。")
    return redirect_to("conversations.show", follower_id=follower_id)


@blueprint.post("/<int:follower_id>/unblock")
@requires(Permission.CONVERSATIONS_REPLY)
def unblock(follower_id: int) -> ViewResult:
    """Answer somebody again."""
    blocklist.unblock(member(), follower_id)
    flash_success("已解除屏蔽。")
    return redirect_to("conversations.show", follower_id=follower_id)
