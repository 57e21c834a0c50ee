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

from app import live
from app.auth import confirmed, member, needs
from app.console import forms
from app.console.drawing import away, done, may, warn
from app.console.talks import words
from app.console.talks.group import blueprint
from config import clock
from config.errors import NotFound
from config.tenancy import Right
from matrix import (
    accounts,
    blocks,
    departments,
    enclosures,
    followers,
    phrases,
    sendings,
    talks,
)
from matrix.enclosures import State
from matrix.followers import Follower, Window
from matrix.talks import Said, Side, Thread

Answer = str | AnyResponse | tuple[str, int]
SomeForm = TypeVar("SomeForm", "AnswerForm", "PictureForm")
_CHANGED = {"HX-Trigger": "talk-changed"}
_ENDINGS = {"image/jpeg": "jpg", "image/png": "png", "image/gif": "gif"}
_ENDINGS |= {"audio/amr": "amr", "audio/mpeg": "mp3", "video/mp4": "mp4"}


class AnswerForm(forms.Form):
    """Words for a citizen."""

    content = TextAreaField("回复内容", [InputRequired("请填写回复内容")])
    key = HiddenField()
    seen = HiddenField()


class PictureForm(forms.Form):
    """A picture of the media library for a citizen."""

    picture = SelectField("图片", coerce=int, validate_choice=False)
    key = HiddenField()
    seen = HiddenField()

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.picture.choices = {str(key): name for key, name in talks.pictures(member()).items()}


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
@needs(Right.TALKS_READ)
def show(follower_id: int) -> str:
    """A talk, from a message on when one is named."""
    return _page(follower_id, BlockForm())


def _page(follower_id: int, block_form: BlockForm) -> str:
    at = request.args.get("at", type=int)
    thread = talks.read(member(), follower_id)
    is_newest = at is None or at >= thread.first_id
    if at is not None and not is_newest:
        thread = talks.read(member(), follower_id, before=at + 1)
    follower = thread.follower
    account = accounts.get(follower.account_id)
    return render_template(
        "console/talks/show.html",
        account=account,
        at=at,
        is_newest=is_newest,
        talk=talks.of(follower_id),
        block=blocks.of(follower_id),
        block_form=block_form,
        answer_form=_fresh(AnswerForm),
        picture_form=_fresh(PictureForm),
        phrases=_phrases(account.department_id),
        can_answer=may(Right.TALKS_ANSWER, account_id=account.id),
        **_shown(thread),
        **_sendable(follower),
    )


@blueprint.get("/<int:follower_id>/lines")
@needs(Right.TALKS_READ)
def lines(follower_id: int) -> Answer:
    """The newest part of a talk, if it looks another way than the reader's."""
    thread = talks.read(member(), follower_id, since=request.args.get("since", 0, type=int) or None)
    if thread.mark == request.args.get("mark"):
        return "", 204
    return render_template("console/talks/_lines.html", is_newest=True, **_shown(thread))


@blueprint.get("/<int:follower_id>/older")
@needs(Right.TALKS_READ)
def older(follower_id: int) -> str:
    """The lines before a message."""
    thread = talks.read(member(), follower_id, before=request.args.get("before", type=int))
    return render_template("console/talks/_older.html", **_shown(thread))


def _shown(thread: Thread) -> dict[str, Any]:
    book = live.current().book
    codes = {line.rule_code for line in thread.lines if line.rule_code}
    return {
        "thread": thread,
        "rules": {code: book.rule(code) for code in codes},
        "words": words,
        "Side": Side,
        "Fetched": State,
        "can_reveal": may(Right.PRIVACY_REVEAL, account_id=thread.follower.account_id),
    }


def _sendable(follower: Follower) -> dict[str, Any]:
    now = clock.now()
    window = followers.window(follower, now=now)
    window = Window(max(0, window.left - sendings.queued(follower.id)), window.until)
    return {"window": window, "remaining": words.remaining(window, now=now)}


def _phrases(department_id: int) -> list[phrases.Phrase]:
    return phrases.offered([department_id, *departments.tree().above(department_id)])


# ---- answering ----


def _fresh(kind: type[SomeForm]) -> SomeForm:
    """A form that has not been handed in yet: each is good for one answer."""
    form = kind(formdata=None)
    form.key.data = secrets.token_urlsafe(16)
    return form


def _said(form: AnswerForm | PictureForm) -> Said:
    seen = str(form.seen.data or "")
    return Said(form.key.data or "", int(seen) if seen.isdecimal() and len(seen) < 19 else 0)


@blueprint.post("/<int:follower_id>/answer")
@needs(Right.TALKS_ANSWER)
def answer(follower_id: int) -> Answer:
    """Say something; a second click says nothing more."""
    form = AnswerForm()
    follower = followers.access_follower(member(), follower_id, Right.TALKS_ANSWER)
    if form.validate_on_submit():
        with forms.blaming(form, "content"):
            talks.answer_text(
                member(), follower_id, form.content.data or "", said=_said(form), now=clock.now()
            )
    return _answered(follower, form, "_answer.html")


@blueprint.post("/<int:follower_id>/picture")
@needs(Right.TALKS_ANSWER)
def picture(follower_id: int) -> Answer:
    """Send a picture of the media library; a second click sends nothing more."""
    form = PictureForm()
    follower = followers.access_follower(member(), follower_id, Right.TALKS_ANSWER)
    if form.validate_on_submit():
        with forms.blaming(form, "picture"):
            talks.answer_picture(
                member(), follower_id, form.picture.data or 0, said=_said(form), now=clock.now()
            )
    return _answered(follower, form, "_picture.html")


def _answered(follower: Follower, form: AnswerForm | PictureForm, template: str) -> Answer:
    """The form again: as it was when it was refused, empty when it was not."""
    account = accounts.get(follower.account_id)
    page = render_template(
        f"console/talks/{template}",
        form=form if form.is_refused else _fresh(type(form)),
        follower=follower,
        phrases=_phrases(account.department_id),
        **_sendable(follower),
    )
    return (page, 422) if form.is_refused else Response(page, headers=_CHANGED)


@blueprint.post("/<int:follower_id>/dismiss")
@needs(Right.TALKS_ANSWER)
def dismiss(follower_id: int) -> Answer:
    """Say that no answer is needed."""
    form = SeenForm()
    seen = form.seen.data if form.validate_on_submit() else 0
    if talks.dismiss(member(), follower_id, seen_id=seen or 0, now=clock.now()):
        done("已标为无需回复。")
    else:
        warn("对方刚刚又发来了消息，请看过后再处理。")
        return away("talks.show", follower_id=follower_id)
    return away("talks.index")


# ---- beneath, and what came along ----


@blueprint.get("/<int:follower_id>/reveal")
@needs(Right.PRIVACY_REVEAL)
def why_reveal(follower_id: int) -> str:
    """Ask why one message must be seen whole."""
    followers.access_follower(member(), follower_id, Right.PRIVACY_REVEAL)
    form = RevealForm(formdata=None, data={"ref": request.args.get("ref", "")})
    return _beneath(follower_id, form, None)


@blueprint.post("/<int:follower_id>/reveal")
@needs(Right.PRIVACY_REVEAL)
@confirmed
def reveal(follower_id: int) -> Answer:
    """Show one message whole; the audit keeps who and why."""
    followers.access_follower(member(), follower_id, Right.PRIVACY_REVEAL)
    form, shown = RevealForm(), None
    if form.validate():
        with forms.blaming(form, "reason"):
            shown = talks.reveal(
                member(), follower_id, form.ref.data or "", reason=form.reason.data or ""
            )
    page = _beneath(follower_id, form, shown)
    return (page, 422) if form.is_refused else page


def _beneath(follower_id: int, form: RevealForm, shown: str | None) -> str:
    return render_template(
        "console/talks/_reveal.html", form=form, shown=shown, follower_id=follower_id
    )


@blueprint.post("/<int:follower_id>/messages/<int:inbox_id>/fetch")
@needs(Right.TALKS_READ)
def fetch(follower_id: int, inbox_id: int) -> Answer:
    """Have a citizen's picture, sound or film brought from WeChat."""
    enclosures.ask(member(), follower_id, inbox_id, now=clock.now())
    return Response(status=204, headers=_CHANGED)


@blueprint.get("/<int:follower_id>/messages/<int:inbox_id>/file")
@needs(Right.TALKS_READ)
def file(follower_id: int, inbox_id: int) -> Response:
    """What was brought; to be saved, or shown inside our own page."""
    found = enclosures.access_enclosure(member(), follower_id, inbox_id)
    if found.state is not State.KEPT or found.body is None:
        raise NotFound(kind="enclosure", id=inbox_id)
    name = f"message-{inbox_id}.{_ENDINGS[found.mime]}"
    answer = Response(found.body, mimetype=found.mime)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


# ---- blocking ----


@blueprint.post("/<int:follower_id>/block")
@needs(Right.TALKS_ANSWER)
def block(follower_id: int) -> Answer:
    """Stop answering somebody."""
    form = BlockForm()
    followers.access_follower(member(), follower_id, Right.TALKS_ANSWER)
    if form.validate_on_submit():
        with forms.blaming(form, "reason"):
            blocks.block(
                member(),
                follower_id,
                reason=form.reason.data or "",
                also_at_wechat=form.also_at_wechat.data,
                now=clock.now(),
            )
    if form.is_refused:
        return _page(follower_id, form), 422
    done("已屏蔽，系统不再自动回复此人；紧急求助仍会提醒。")
    return away("talks.show", follower_id=follower_id)


@blueprint.post("/<int:follower_id>/unblock")
@needs(Right.TALKS_ANSWER)
def unblock(follower_id: int) -> Answer:
    """Answer somebody again."""
    blocks.lift(member(), follower_id)
    done("已解除屏蔽。")
    return away("talks.show", follower_id=follower_id)
