"""One conversation: reading it, revealing a masked text, fetching its files, blocking the follower.

The newest messages stand in a part of the page that polls every few seconds: it sends the etag of
what it shows and gets 204 while that is still current. Older messages are loaded above it.
"""

from flask import Response, render_template, request
from wtforms import BooleanField, HiddenField, StringField
from wtforms.validators import InputRequired, Length

from app import snapshots
from app.console import forms
from app.console.conversations import labels
from app.console.conversations.blueprint import blueprint
from app.console.conversations.replying import (
    REFRESH_HEADERS,
    ImageReplyForm,
    TextReplyForm,
    canned_responses_for,
    new_reply_form,
    window_context,
)
from app.console.responses import ViewResult, flash_success, redirect_to
from app.console.template_globals import may
from app.web.auth import member, requires, requires_confirmation
from config import clock
from config.errors import NotFound
from config.permissions import Permission
from matrix import accounts, blocklist, conversations, followers
from matrix.conversations import Speaker, Thread
from matrix.inbox import attachments
from matrix.inbox.attachments import AttachmentState

_FILE_EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png", "image/gif": "gif"}
_FILE_EXTENSIONS |= {"audio/amr": "amr", "audio/mpeg": "mp3", "video/mp4": "mp4"}


class BlockForm(forms.Form):
    """Why a follower is blocked, and whether by WeChat as well."""

    # RevealForm has a field of this name too, on the same page, and an id must be unique
    reason = StringField(
        "屏蔽原因", [InputRequired("请写明原因"), Length(max=200)], id="block_reason"
    )
    also_at_wechat = BooleanField("同时加入微信黑名单（对方的消息不再送达）")


class RevealForm(forms.Form):
    """Why the original of a masked message is needed. `ref` names the message in its thread."""

    ref = HiddenField()
    reason = StringField("查看原因", [InputRequired("请写明查看原因"), Length(max=200)])


# ---- reading ----


@blueprint.get("/<int:follower_id>")
@requires(Permission.CONVERSATIONS_READ)
def show(follower_id: int) -> str:
    """A conversation: the newest messages, or those up to the one that `at` in the query names."""
    return _render_page(follower_id, BlockForm())


def _render_page(follower_id: int, block_form: BlockForm) -> str:
    highlighted_id = request.args.get("at", type=int)
    thread = conversations.read(member(), follower_id)
    # a message on the newest page keeps the page that refreshes
    # itself; an older one has a page that stands still
    is_newest = highlighted_id is None or highlighted_id >= thread.first_id
    if highlighted_id is not None and not is_newest:
        # `before` is exclusive, and the message itself must be on the page
        thread = conversations.read(member(), follower_id, before=highlighted_id + 1)
    follower = thread.follower
    account = accounts.get(follower.account_id)
    return render_template(
        "console/conversations/show.html",
        account=account,
        highlighted_id=highlighted_id,
        is_newest=is_newest,
        conversation=conversations.find_by_follower(follower_id),
        block=blocklist.find(follower_id),
        block_form=block_form,
        text_form=new_reply_form(TextReplyForm),
        image_form=new_reply_form(ImageReplyForm),
        canned_responses=canned_responses_for(account.department_id),
        may_reply=may(Permission.CONVERSATIONS_REPLY, account_id=account.id),
        **_thread_context(thread),
        **window_context(follower),
    )


@blueprint.get("/<int:follower_id>/lines")
@requires(Permission.CONVERSATIONS_READ)
def poll_thread(follower_id: int) -> ViewResult:
    """The messages from the one that `since` names on; 204 while the reader's `etag` is theirs."""
    thread = conversations.read(
        member(), follower_id, since=request.args.get("since", 0, type=int) or None
    )
    # no body in the usual case: many agents poll all day
    if thread.etag == request.args.get("etag"):
        return "", 204
    return render_template(
        "console/conversations/_messages.html",
        is_newest=True,
        highlighted_id=None,
        **_thread_context(thread),
    )


@blueprint.get("/<int:follower_id>/older")
@requires(Permission.CONVERSATIONS_READ)
def older_messages(follower_id: int) -> str:
    """The messages before the one that `before` names, oldest first."""
    thread = conversations.read(member(), follower_id, before=request.args.get("before", type=int))
    return render_template(
        "console/conversations/_older_messages.html",
        is_newest=False,
        highlighted_id=None,
        **_thread_context(thread),
    )


def _thread_context(thread: Thread) -> dict[str, object]:
    """The template variables of `_messages.html`, with the rules that answered, by slug."""
    # names from memory instead of a query at each poll; a rule that was deleted since is None
    ruleset = snapshots.current().ruleset
    slugs = {line.rule_slug for line in thread.lines if line.rule_slug}
    return {
        "thread": thread,
        "rules": {slug: ruleset.find_rule(slug) for slug in slugs},
        "labels": labels,
        "Speaker": Speaker,
        "AttachmentState": AttachmentState,
        "may_reveal": may(Permission.PRIVACY_REVEAL, account_id=thread.follower.account_id),
    }


# ---- masked texts, and files of messages ----


@blueprint.get("/<int:follower_id>/reveal")
@requires(Permission.PRIVACY_REVEAL)
def reveal_form(follower_id: int) -> str:
    """The form that asks why the original of a masked message is needed."""
    # the permission must hold at this account: `requires` has asked only whether it holds anywhere
    followers.access_follower(member(), follower_id, Permission.PRIVACY_REVEAL)
    form = RevealForm(formdata=None, data={"ref": request.args.get("ref", "")})
    return _render_reveal(follower_id, form, None)


@blueprint.post("/<int:follower_id>/reveal")
@requires(Permission.PRIVACY_REVEAL)
# Full numbers of a person. A POST although it reads: the audit entry must be written, and a GET is
# read-only.
@requires_confirmation
def reveal(follower_id: int) -> ViewResult:
    """Show the original of a masked message; an audit row keeps who asked and why."""
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
        "console/conversations/_reveal.html",
        form=form,
        full_text=full_text,
        follower_id=follower_id,
    )


@blueprint.post("/<int:follower_id>/messages/<int:inbox_id>/fetch")
@requires(Permission.CONVERSATIONS_READ)
def fetch_attachment(follower_id: int, inbox_id: int) -> ViewResult:
    """Have the image, voice or video of a message fetched from WeChat by a job."""
    # by a job, because WeChat may take seconds; only when somebody
    # asks, because most files nobody needs to see
    attachments.request(member(), follower_id, inbox_id, now=clock.now())
    return Response(status=204, headers=REFRESH_HEADERS)


@blueprint.get("/<int:follower_id>/messages/<int:inbox_id>/file")
@requires(Permission.CONVERSATIONS_READ)
def attachment(follower_id: int, inbox_id: int) -> Response:
    """The file of a message. Raises NotFound until it is stored.

    It comes from outside: as an attachment with a sandbox it cannot run as a page of ours, while
    `<img>` and `<audio>` on our pages still show it.
    """
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
    """Block a follower: no automatic reply any more; emergencies still raise an alert."""
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
    """Unblock a follower."""
    blocklist.unblock(member(), follower_id)
    flash_success("已解除屏蔽。")
    return redirect_to("conversations.show", follower_id=follower_id)
