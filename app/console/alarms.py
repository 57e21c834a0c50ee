"""Alarms: what a person must look at, urgent ones first, and what was done about it."""

from typing import Any

from flask import Blueprint, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import StringField
from wtforms.validators import InputRequired, Length

from app.auth import member, needs
from app.console import forms
from app.console.drawing import away, done
from config import alarms, clock
from config.alarms import Alarm
from config.tenancy import Right
from matrix import talks
from matrix.inbox import EMERGENCY

blueprint = Blueprint("alarms", __name__, url_prefix="/console/alarms")
Answer = str | Response | tuple[str, int]


class NoteForm(forms.Form):
    """What was done."""

    note = StringField("处理情况", [InputRequired("请写明处理情况"), Length(max=500)])


@blueprint.get("/")
@needs(Right.TALKS_READ, Right.ALARMS_CLOSE)
def index() -> str:
    """What is open."""
    return render_template("console/alarms/index.html", **_opened())


@blueprint.get("/list")
@needs(Right.TALKS_READ, Right.ALARMS_CLOSE)
def newer() -> Answer:
    """The open ones, if they look another way than the reader's."""
    shown = _opened()
    if shown["mark"] == request.args.get("mark"):
        return "", 204
    return render_template("console/alarms/_open.html", **shown)


@blueprint.get("/closed")
@needs(Right.TALKS_READ, Right.ALARMS_CLOSE)
def closed() -> str:
    """What was closed, by whom and how."""
    page = alarms.closed_for_staff(member(), before=request.args.get("before", type=int))
    older = url_for("alarms.closed", before=page.before) if page.before else None
    return render_template(
        "console/alarms/closed.html", alarms=page.alarms, links=links(page.alarms), older=older
    )


@blueprint.route("/<int:alarm_id>/close", methods=["GET", "POST"])
@needs(Right.ALARMS_CLOSE)
def close(alarm_id: int) -> Answer:
    """Ask what was done, and close."""
    alarm = alarms.access_alarm(member(), alarm_id, Right.ALARMS_CLOSE)
    form = NoteForm()
    if form.validate_on_submit():
        with forms.blaming(form, "note"):
            alarms.settle(member(), alarm_id, note=form.note.data or "", now=clock.now())
    if form.is_submitted() and not form.is_refused:
        done("已处理。")
        return away("alarms.index")
    page = render_template("console/alarms/_close.html", alarm=alarm, form=form)
    return (page, 422) if form.is_submitted() else page


def _opened() -> dict[str, Any]:
    found = alarms.open_for_staff(member())
    mark = "-".join(f"{alarm.id:x}x{alarm.count}" for alarm in found)
    return {
        "alarms": found,
        "links": links(found),
        "mark": mark,
        "poll": url_for("alarms.newer", mark=mark),
    }


def links(found: list[Alarm] | tuple[Alarm, ...]) -> dict[int, str]:
    """Where the thing stands that an alarm is about, by the alarm's id."""
    messages = {alarm.id: int(alarm.subject) for alarm in found if alarm.kind == EMERGENCY}
    owners = talks.followers_of(messages.values())
    return {
        alarm_id: url_for("talks.show", follower_id=owners[inbox_id], at=inbox_id)
        for alarm_id, inbox_id in messages.items()
        if inbox_id in owners
    }
