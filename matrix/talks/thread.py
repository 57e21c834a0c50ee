"""The thread: what one account and one follower said, in the order of time.

    inbox rows (their messages, our replies) ┐
    sendings (parts of long answers)         ├──> lines, oldest first
    answers of persons                       ┘

Pages go backwards by inbox id; what was sent in between comes along. What citizens and agents
wrote is masked; `reveal` shows one message to somebody with a reason, and the audit keeps the
reason and never the words.
"""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, select

from config import audit
from config.database import session
from config.errors import Invalid, NotFound
from config.masking import mask
from config.tenancy import Member, Right
from matrix import enclosures, followers, inbox, sendings
from matrix.accounts import Account
from matrix.enclosures import Enclosure
from matrix.followers import Follower
from matrix.inbox import Inbound, Outcome
from matrix.media import File
from matrix.sendings import Sending
from matrix.talks.answering import Answer
from matrix.talks.gathering import MESSAGES
from matrix.wechat import messages

PAGE = 30
_MOST_SINCE = 200
_MOST_SENT = 300
_LONGEST_REASON = 200
_TAG = re.compile(r"<[^<>]*>")


class Side(StrEnum):
    """Who speaks."""

    CITIZEN = "citizen"
    HUB = "hub"
    STAFF = "staff"
    EVENT = "event"


@dataclass(frozen=True, kw_only=True)
class Line:
    """One thing that was said or happened.

    `ref` names it inside the thread. `state` and `problem` are of a sending; `enclosure` is what
    was fetched of a citizen's picture, sound or film.
    """

    ref: str
    at: datetime
    side: Side
    kind: str
    text: str = ""
    is_masked: bool = False
    outcome: Outcome | None = None
    rule_code: str | None = None
    inbox_id: int | None = None
    author: str = ""
    state: sendings.State | None = None
    problem: str | None = None
    enclosure: Enclosure | None = None


@dataclass(frozen=True)
class Thread:
    """A stretch of a talk. `before` leads to older lines; `first_id` and `last_id` are its ids."""

    follower: Follower
    lines: tuple[Line, ...]
    before: int | None
    first_id: int
    last_id: int

    @property
    def mark(self) -> str:
        """A short text that is another one when the thread would look another way."""
        seen = [(line.ref, line.state, line.problem, _shown(line.enclosure)) for line in self.lines]
        return f"{zlib.crc32(repr(seen).encode()):x}"


def _shown(enclosure: Enclosure | None) -> str:
    return enclosure.state.value if enclosure else ""


def read(
    member: Member, follower_id: int, *, before: int | None = None, since: int | None = None
) -> Thread:
    """The newest lines of a talk, or those before an inbox id, or all from one on.

    Raises NotFound outside the member's area.
    """
    follower = followers.access_follower(member, follower_id, Right.TALKS_READ)
    rows = _messages(follower, before, since)
    is_beginning = since is None and len(rows) <= PAGE
    if since is None:
        rows = rows[-PAGE:]
    bounds = _bounds(follower, rows, before, whole=is_beginning)
    fetched = enclosures.of([row.id for row in rows if row.kind in enclosures.KINDS])
    lines = [line for row in rows for line in _said(row, fetched.get(row.id))]
    lines += _sent(follower_id, bounds) + _underway(follower_id, bounds)
    lines.sort(key=lambda line: line.at)  # stable: a reply stays behind what it answers
    return Thread(
        follower=follower,
        lines=tuple(lines),
        before=None if is_beginning or not rows else rows[0].id,
        first_id=rows[0].id if rows else 0,
        last_id=rows[-1].id if rows else 0,
    )


def _messages(follower: Follower, before: int | None, since: int | None) -> list[Inbound]:
    statement = select(Inbound).where(
        Inbound.account_id == follower.account_id, Inbound.openid == follower.openid
    )
    if before is not None:
        statement = statement.where(Inbound.id < before)
    if since is not None:
        statement = statement.where(Inbound.id >= since)
    # the sum keeps the engine on the follower's own rows: by the bare id it may choose to walk
    # the whole inbox backwards
    newest = statement.order_by((Inbound.id + 0).desc())
    return list(session.scalars(newest.limit(_MOST_SINCE if since else PAGE + 1)))[::-1]


def _bounds(
    follower: Follower, rows: Sequence[Inbound], before: int | None, *, whole: bool
) -> tuple[datetime, datetime | None]:
    """From when to when sendings belong to a page: to its messages, up to the page after."""
    start = follower.first_seen_at if whole or not rows else rows[0].received_at
    end = None
    if before is not None:
        end = session.scalar(select(Inbound.received_at).where(Inbound.id == before))
    return start, end


def _between(column: Any, bounds: tuple[datetime, datetime | None]) -> list[ColumnElement[bool]]:
    start, end = bounds
    return [column >= start] if end is None else [column >= start, column < end]


def _said(row: Inbound, fetched: Enclosure | None) -> list[Line]:
    """What a push said and what was replied to it."""
    is_message = row.kind in MESSAGES
    text = mask(_words(row))
    lines = [
        Line(
            ref=f"m{row.id}",
            at=row.received_at,
            side=Side.CITIZEN if is_message else Side.EVENT,
            kind=row.kind,
            text=text,
            is_masked=is_message and text != _words(row),
            outcome=row.outcome,
            inbox_id=row.id,
            enclosure=fetched,
        )
    ]
    if row.answer:
        kind, words = _replied(row.answer)
        lines.append(
            Line(
                ref=f"r{row.id}",
                at=row.received_at,
                side=Side.HUB,
                kind=kind,
                text=words,
                outcome=row.outcome,
                rule_code=row.rule_code,
            )
        )
    return lines


def _words(row: Inbound) -> str:
    content = row.content or {}
    match row.kind:
        case "location":
            return str(content.get("label", ""))
        case "link":
            return f"{content.get('title', '')} {content.get('url', '')}".strip()
        case "scanned" | "followed":
            return str(content.get("scene") or "")
    return row.text


def _replied(answer: str) -> tuple[str, str]:
    """Kind and words of a reply's XML; one that cannot be read must not hide the others."""
    try:
        tree = messages.read(answer.encode("utf-8", "replace"))
    except messages.Malformed:
        return "unknown", ""
    kind = str(tree.get("MsgType", ""))
    if kind == "news":
        articles = tree.get("Articles")
        item = articles.get("item") if isinstance(articles, dict) else None
        first = item[0] if isinstance(item, list) else item
        return kind, str(first.get("Title", "")) if isinstance(first, dict) else ""
    return kind, plain(str(tree.get("Content", "")))


def plain(text: str) -> str:
    """A text as the citizen reads it, without WeChat's links."""
    return _TAG.sub("", text)


def _sent(follower_id: int, bounds: tuple[datetime, datetime | None]) -> list[Line]:
    rows = session.execute(
        select(Sending, Answer, File.name)
        .outerjoin(Answer, Answer.sending_id == Sending.id)
        .outerjoin(File, File.id == Answer.file_id)
        .where(Sending.follower_id == follower_id, *_between(Sending.created_at, bounds))
        .order_by(Sending.id.desc())
        .limit(_MOST_SENT)
    ).all()
    return [_sent_line(*row) for row in reversed(rows)]


def _sent_line(sending: Sending, answer: Answer | None, file_name: str | None) -> Line:
    words = plain(str(sending.content.get("content", sending.content.get("title", ""))))
    text = mask(words) if answer else words
    return Line(
        ref=f"s{sending.id}",
        at=sending.created_at,
        side=Side.STAFF if answer else Side.HUB,
        kind=sending.content["kind"],
        text=file_name or text,
        is_masked=text != words,
        author=answer.staff_name if answer else "",
        state=sending.state,
        problem=sending.problem,
    )


def _underway(follower_id: int, bounds: tuple[datetime, datetime | None]) -> list[Line]:
    """Answers whose picture is not at the account yet."""
    rows = session.execute(
        select(Answer, File.name)
        .join(File, File.id == Answer.file_id)
        .where(
            Answer.follower_id == follower_id,
            Answer.sending_id.is_(None),
            *_between(Answer.created_at, bounds),
        )
        .order_by(Answer.id)
    ).all()
    return [
        Line(
            ref=f"a{answer.id}",
            at=answer.created_at,
            side=Side.STAFF,
            kind="image",
            text=name,
            author=answer.staff_name,
            state=sendings.State.REFUSED if answer.problem else sendings.State.QUEUED,
            problem=answer.problem,
        )
        for answer, name in rows
    ]


def reveal(member: Member, follower_id: int, ref: str, *, reason: str) -> str:
    """One message as it was written. Leaves an audit row with the reason, never the words.

    Raises NotFound without the right or outside its area, Invalid without a reason.
    """
    follower = followers.access_follower(member, follower_id, Right.PRIVACY_REVEAL)
    words = _unmasked(follower, ref)
    reason = reason.strip()
    if not 4 <= len(reason) <= _LONGEST_REASON:
        raise Invalid(field="reason", problem=f"请写明查看原因，4 到 {_LONGEST_REASON} 个字")
    account = session.get_one(Account, follower.account_id)
    audit.record(
        "talk.reveal",
        kind="talk",
        object_id=follower.id,
        label=account.name,
        department_id=account.department_id,
        after={"message": ref},
        reason=mask(reason),
    )
    return words


def _unmasked(follower: Follower, ref: str) -> str:
    kind, number = ref[:1], ref[1:]
    key = int(number) if number.isascii() and number.isdecimal() and len(number) < 19 else 0
    if kind == "m":
        return _words(inbox.of_follower(follower, key))
    if kind == "s":
        sending = session.get(Sending, key)
        if sending is not None and sending.follower_id == follower.id:
            return plain(str(sending.content.get("content", "")))
    raise NotFound(kind="message", ref=ref)
