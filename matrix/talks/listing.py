"""Listing: the talks of a member's accounts, the newest words first, and a search in them.

    talks_for_staff(member, Filters) ──> Page     30 talks and the id to go on from
    find(member, words, Filters)     ──> Found    30 messages, and how far back was looked

A search reads texts one after another, for there is no index of what citizens wrote and there
must be none. So each question looks at one stretch of the inbox and says where it stopped. It
compares with what the reader may see: covered digits cannot be searched for.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select

from config.alarms import Alarm
from config.database import session
from config.errors import Invalid
from config.masking import mask
from config.tenancy import Member, Right
from matrix import blocks, followers
from matrix.accounts import Account
from matrix.blocks import Block
from matrix.followers import Follower, Window
from matrix.inbox import EMERGENCY, Inbound, Outcome
from matrix.talks.gathering import MESSAGES, Talk, first_id_of, newest_id

PAGE = 30
STRETCH = 100_000

_LONGEST_WORDS = 50
_MOST_ALARMS = 500


@dataclass(frozen=True)
class Filters:
    """What of the talks is wanted; days are local and inclusive."""

    account_id: int | None = None
    waiting: bool = False
    alarmed: bool = False
    outcome: Outcome | None = None
    first_day: date | None = None
    last_day: date | None = None


@dataclass(frozen=True)
class Line:
    """One talk in a list."""

    talk: Talk
    account_name: str
    window: Window
    is_alarmed: bool
    is_blocked: bool

    @property
    def is_handled(self) -> bool:
        """Whether a person has dealt with the last message."""
        return self.talk.handled_at is not None and self.talk.handled_id >= self.talk.last_id


@dataclass(frozen=True)
class Page:
    """Some talks; `before` leads to the next page, None on the last."""

    lines: tuple[Line, ...]
    before: int | None


@dataclass(frozen=True)
class Hit:
    """One message that a search found; `text` is masked."""

    inbox_id: int
    follower_id: int
    account_name: str
    received_at: datetime
    text: str


@dataclass(frozen=True)
class Found:
    """What a search found; `before` leads on, to the next hits or to older messages."""

    hits: tuple[Hit, ...]
    before: int | None
    looked_back_to: datetime | None


def talks_for_staff(
    member: Member, filters: Filters, *, now: datetime, before: int | None = None
) -> Page:
    """One page of the talks that a member may read."""
    open_alarms = _open_emergencies()
    conditions = _conditions(member, filters, open_alarms, before)
    if conditions is None:
        return Page((), None)
    rows = session.execute(
        select(Talk, Follower, Account.name, Block.state)
        .join(Follower, Follower.id == Talk.follower_id)
        .join(Account, Account.id == Talk.account_id)
        .outerjoin(Block, Block.follower_id == Talk.follower_id)
        .where(*conditions)
        .order_by(Talk.last_id.desc())
        .limit(PAGE + 1)
    ).all()
    lines = tuple(
        Line(
            talk=talk,
            account_name=name,
            window=followers.window(follower, now=now),
            is_alarmed=talk.emergency_id in open_alarms,
            is_blocked=state is blocks.State.ACTIVE,
        )
        for talk, follower, name, state in rows[:PAGE]
    )
    return Page(lines, lines[-1].talk.last_id if len(rows) > PAGE else None)


def of(follower_id: int) -> Talk | None:
    """A follower's talk as the list has it, if they ever wrote."""
    return session.get(Talk, follower_id)


def accounts_of(member: Member) -> dict[int, str]:
    """The accounts whose talks a member may read, names by id, in the order of names."""
    rows = session.execute(
        select(Account.id, Account.name)
        .where(member.area(Right.TALKS_READ).covers(account=Account.id))
        .order_by(Account.name, Account.id)
    )
    return dict(rows.all())


def mark_of(page: Page) -> str:
    """A short text that is another one when the page would look another way."""
    return "-".join(f"{line.talk.last_id:x}{_face(line)}" for line in page.lines)


def _face(line: Line) -> str:
    seen = (line.talk.waiting_since, line.is_handled, line.is_alarmed, line.is_blocked)
    return "".join("y" if each else "n" for each in (*seen, line.window.left))


def waiting_of(member: Member, *, now: datetime, at_most: int = 5) -> Page:
    """The talks that wait for an answer of somebody who may give one, the newest first."""
    page = talks_for_staff(_answering(member), Filters(waiting=True), now=now)
    lines = page.lines[:at_most]
    return Page(lines, lines[-1].talk.last_id if len(page.lines) > at_most else None)


def _answering(member: Member) -> Member:
    area = member.area(Right.TALKS_ANSWER)
    return Member(member.staff_id, member.name, {Right.TALKS_READ: area})


def _open_emergencies() -> frozenset[int]:
    rows = select(Alarm.subject).where(Alarm.kind == EMERGENCY, Alarm.closed_at.is_(None))
    newest = rows.order_by(Alarm.id.desc()).limit(_MOST_ALARMS)
    return frozenset(int(subject) for subject in session.scalars(newest))


def _conditions(
    member: Member, filters: Filters, open_alarms: Iterable[int], before: int | None
) -> list[ColumnElement[bool]] | None:
    """What rows must be like; None when no row can be."""
    stretch = _ids_of(filters)
    if stretch is None:
        return None
    conditions = [member.area(Right.TALKS_READ).covers(account=Talk.account_id)]
    conditions += [
        Talk.last_id >= stretch.start,
        Talk.last_id < min(stretch.stop, before or stretch.stop),
    ]
    if filters.account_id is not None:
        conditions.append(Talk.account_id == filters.account_id)
    if filters.waiting:
        conditions.append(Talk.waiting_since.is_not(None))
    if filters.outcome is not None:
        conditions.append(Talk.outcome == filters.outcome)
    if filters.alarmed:
        conditions.append(Talk.emergency_id.in_(open_alarms))
    return conditions


def _ids_of(filters: Filters) -> range | None:
    """The ids of the inbox that some days hold; None for days without a message."""
    start, stop = session.scalar(select(func.min(Inbound.id))) or 0, newest_id() + 1
    if filters.last_day is not None:
        stop = first_id_of(filters.last_day + timedelta(days=1)) or stop
    if filters.first_day is not None:
        first = first_id_of(filters.first_day)
        if first is None:
            return None
        start = first
    return range(start, stop) if start < stop else None


def find(member: Member, words: str, filters: Filters, *, before: int | None = None) -> Found:
    """Messages that contain some words, the newest first. Raises Invalid for no words.

    Looks at `STRETCH` ids of the inbox at most; of the filters, account and days count.
    """
    words = words.strip()
    if not 1 <= len(words) <= _LONGEST_WORDS:
        raise Invalid(field="words", problem=f"请填写 1 到 {_LONGEST_WORDS} 个字")
    whole = _ids_of(filters)
    if whole is None:
        return Found((), None, None)
    stop = min(whole.stop, before or whole.stop)
    start = max(whole.start, stop - STRETCH)
    rows = session.execute(_finding(member, words, filters, start, stop)).all()
    hits = tuple(_hit(row) for row in rows if words.casefold() in mask(row.text).casefold())
    following = rows[-1].id if len(rows) == PAGE else start if start > whole.start else None
    return Found(hits, following, _time_of(following) if following is not None else None)


def _finding(member: Member, words: str, filters: Filters, start: int, stop: int) -> Any:
    theirs = and_(Follower.account_id == Inbound.account_id, Follower.openid == Inbound.openid)
    statement = (
        select(
            Inbound.id,
            Inbound.text,
            Inbound.received_at,
            Follower.id.label("follower_id"),
            Account.name,
        )
        .join(Follower, theirs)
        .join(Account, Account.id == Inbound.account_id)
        .where(
            Inbound.id >= start,
            Inbound.id < stop,
            Inbound.kind.in_(MESSAGES),
            Inbound.text.icontains(words, autoescape=True),
            member.area(Right.TALKS_READ).covers(account=Inbound.account_id),
        )
        .order_by(Inbound.id.desc())
        .limit(PAGE)
    )
    if filters.account_id is not None:
        statement = statement.where(Inbound.account_id == filters.account_id)
    return statement


def _hit(row: Any) -> Hit:
    return Hit(row.id, row.follower_id, row.name, row.received_at, mask(row.text))


def _time_of(inbox_id: int) -> datetime | None:
    """When the first message from an id on came."""
    return session.scalar(
        select(Inbound.received_at).where(Inbound.id >= inbox_id).order_by(Inbound.id).limit(1)
    )


def followers_of(inbox_ids: Iterable[int]) -> dict[int, int]:
    """Whose message each is: follower ids by inbox id."""
    theirs = and_(Follower.account_id == Inbound.account_id, Follower.openid == Inbound.openid)
    rows = session.execute(
        select(Inbound.id, Follower.id).join(Follower, theirs).where(Inbound.id.in_(set(inbox_ids)))
    )
    return dict(rows.all())
