"""The first page: what waits for the person who signed in, by their own rights.

Each source looks for one kind of work and gives a Group, or None where there is none or it is
none of this person's business. A further source is a function in `SOURCES`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, render_template, url_for

from app.auth import member, needs
from app.console import alarms as alarm_pages
from app.console.talks import words
from config import alarms, clock
from config.tenancy import Member, Right
from matrix import talks

blueprint = Blueprint("home", __name__, url_prefix="/console")

_MOST = 5


@dataclass(frozen=True)
class Item:
    """One thing to do: what, where from and since when, and the page to do it on."""

    text: str
    detail: str
    address: str
    at: datetime | None = None
    is_urgent: bool = False


@dataclass(frozen=True)
class Group:
    """Things to do of one kind; `more` leads to all of them, where these are not all."""

    title: str
    icon: str
    items: Sequence[Item]
    more: str = ""


Source = Callable[[Member, datetime], Group | None]


@blueprint.get("/")
@needs(*Right)
def index() -> str:
    """What is to be done."""
    found = [source(member(), clock.now()) for source in SOURCES]
    groups = [group for group in found if group is not None and group.items]
    return render_template("console/home/index.html", groups=groups)


def _alarms(who: Member, now: datetime) -> Group | None:
    if not (who.area(Right.TALKS_READ) or who.area(Right.ALARMS_CLOSE)):
        return None
    found = alarms.open_for_staff(who, at_most=_MOST + 1)
    links = alarm_pages.links(found)
    everything = url_for("alarms.index")
    items = [
        Item(
            text=alarm.message,
            detail=f"第 {alarm.count} 次" if alarm.count > 1 else "",
            address=links.get(alarm.id, everything),
            at=alarm.last_at,
            is_urgent=alarm.urgent,
        )
        for alarm in found[:_MOST]
    ]
    return Group("提醒", "bell", items, everything if len(found) > _MOST else "")


def _waiting(who: Member, now: datetime) -> Group | None:
    if not who.area(Right.TALKS_ANSWER):
        return None
    page = talks.waiting_of(who, now=now, at_most=_MOST)
    items = [
        Item(
            text=line.talk.words or f"［{words.KINDS.get(line.talk.kind, '消息')}］",
            detail=line.account_name,
            address=url_for("talks.show", follower_id=line.talk.follower_id),
            at=line.talk.waiting_since,
            is_urgent=line.is_alarmed,
        )
        for line in page.lines
    ]
    more = url_for("talks.index", tab="waiting") if page.before else ""
    return Group("等待回复的市民", "messages", items, more)


SOURCES: tuple[Source, ...] = (_alarms, _waiting)
