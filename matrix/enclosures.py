"""Enclosures: pictures, sounds and films that citizens sent, fetched when somebody asks.

    ask ──> wanted ──> kept      the bytes are ours, and go when the message goes
                 └───> lost      why: lapsed at WeChat after three days, too large, no known format

WeChat keeps what citizens send for three days. Nothing is fetched unasked, for a picture may show
anything about anybody; who asked is in the audit.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, LargeBinary, select
from sqlalchemy.orm import Mapped, deferred, mapped_column

from config import audit, jobs
from config.database import Base, BigKey, change, session, upsert
from config.errors import Invalid, NotFound
from config.tenancy import Member, Right
from matrix import followers, inbox, media
from matrix.accounts import Account
from matrix.inbox import Inbound
from matrix.wechat import gateway

FETCH = "enclosures.fetch"

KINDS = ("image", "voice", "video", "short_video")
LARGEST = 10 * 2**20


class State(StrEnum):
    """Whether we have it."""

    WANTED = "wanted"
    KEPT = "kept"
    LOST = "lost"


class Enclosure(Base):
    """What one message of a citizen brought with it."""

    __tablename__ = "enclosures"

    inbox_id: Mapped[int] = mapped_column(
        BigKey,
        ForeignKey("inbox.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    )
    state: Mapped[State]
    mime: Mapped[str]
    body: Mapped[bytes | None] = deferred(mapped_column(LargeBinary))
    problem: Mapped[str | None]
    asked_at: Mapped[datetime]


@dataclass(frozen=True)
class Wanted:
    """Where an enclosure is at WeChat."""

    account_id: int
    media_id: str


def ask(member: Member, follower_id: int, inbox_id: int, *, now: datetime) -> Enclosure:
    """Have a message's enclosure fetched; asked again, only what was lost is tried again.

    Raises NotFound outside the member's area, Invalid for a message that brought nothing.
    """
    message = _message(member, follower_id, inbox_id)
    if message.kind not in KINDS or not (message.content or {}).get("media_id"):
        raise Invalid(field="message", problem="这条消息没有可查看的图片、语音或视频")
    values = {"state": State.WANTED, "problem": None, "asked_at": now}
    statement = upsert(Enclosure).values(inbox_id=inbox_id, mime="", **values)
    asked = session.scalar(
        statement.on_conflict_do_update(
            index_elements=[Enclosure.inbox_id], set_=values, where=Enclosure.state == State.LOST
        ).returning(Enclosure.inbox_id)
    )
    if asked is not None:
        jobs.enqueue(FETCH, key=f"{FETCH}:{inbox_id}", inbox_id=inbox_id)
        account = session.get_one(Account, message.account_id)
        audit.record(
            "talk.fetch",
            kind="talk",
            object_id=follower_id,
            label=account.name,
            department_id=account.department_id,
            after={"message": inbox_id},
        )
    return session.get_one(Enclosure, inbox_id, populate_existing=True)


def access_enclosure(member: Member, follower_id: int, inbox_id: int) -> Enclosure:
    """What was fetched for a message. Raises NotFound."""
    _message(member, follower_id, inbox_id)
    found = session.get(Enclosure, inbox_id)
    if found is None:
        raise NotFound(kind="enclosure", id=inbox_id)
    return found


def of(inbox_ids: list[int]) -> dict[int, Enclosure]:
    """What was asked for, by inbox id; without the bytes."""
    rows = session.scalars(select(Enclosure).where(Enclosure.inbox_id.in_(inbox_ids)))
    return {row.inbox_id: row for row in rows}


def _message(member: Member, follower_id: int, inbox_id: int) -> Inbound:
    follower = followers.access_follower(member, follower_id, Right.TALKS_READ)
    return inbox.of_follower(follower, inbox_id)


# ---- for the job ----


def wanted(inbox_id: int) -> Wanted | None:
    """Where an enclosure that is still wanted is; None when it came or its message is gone."""
    found = session.get(Enclosure, inbox_id)
    if found is None or found.state is not State.WANTED:
        return None
    message = session.get_one(Inbound, inbox_id)
    return Wanted(message.account_id, str((message.content or {})["media_id"]))


def arrived(inbox_id: int, came: gateway.Download | gateway.VideoLink) -> None:
    """Keep what WeChat gave, if it is what it should be."""
    if isinstance(came, gateway.VideoLink):
        lose(inbox_id, "视频请到公众号后台查看")
    elif len(came.content) > LARGEST:
        lose(inbox_id, f"超过 {LARGEST // 2**20} MB")
    elif (mime := media.mime_of(came.content)) is None:
        lose(inbox_id, "文件格式无法识别")
    else:
        to = {"state": State.KEPT, "mime": mime, "body": came.content}
        change(Enclosure, inbox_id, when={"state": State.WANTED}, to=to)


def lose(inbox_id: int, problem: str) -> None:
    """Write down why there is nothing to see."""
    change(
        Enclosure,
        inbox_id,
        when={"state": State.WANTED},
        to={"state": State.LOST, "problem": problem},
    )
