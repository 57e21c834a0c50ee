"""Thread: the lines of one conversation in order of time.

Three sources are merged: inbox rows (the follower's messages and our immediate replies), outbound
messages (the later parts of long replies, and delivered agent replies) and agent replies whose
picture is still being uploaded.

Pages go backwards by inbox id; what was sent between two messages belongs to the page of the
earlier one. What citizens and agents wrote is masked. `reveal_message` shows one message unmasked
to somebody with the permission and a reason; the audit keeps the reason, never the text.
"""

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, select

from config import audit
from config.audit.actions import AuditAction
from config.database import session
from config.errors import Invalid, NotFound
from config.permissions import Permission, Principal
from config.security.masking import mask_pii
from matrix import followers, inbox, outbound
from matrix.accounts import Account
from matrix.conversations.descriptions import describe
from matrix.conversations.projection import MESSAGE_KINDS
from matrix.conversations.replying import AgentReply
from matrix.followers import Follower
from matrix.inbox import InboxMessage, Outcome, attachments
from matrix.inbox.attachments import Attachment
from matrix.media import MediaFile
from matrix.outbound import OutboundMessage
from matrix.wechat import messages

PAGE_SIZE = 30
# rows of a poll for newer lines; an agent who left the page open for days must not load thousands
_MAX_NEWER = 200
# outbound rows per page; a bound on memory, far above what 30 messages lead to
_MAX_SENT = 300
_MAX_REASON_LENGTH = 200
_TAG = re.compile(r"<[^<>]*>")


class ThreadAction(AuditAction, kind=followers.AUDIT_KIND):
    """What is recorded about reading."""

    REVEAL_MESSAGE = "conversation.reveal_message", "查看留言原文"


class Speaker(StrEnum):
    """Who wrote a line."""

    CITIZEN = "citizen"
    HUB = "hub"
    STAFF = "staff"
    EVENT = "event"


@dataclass(frozen=True, kw_only=True)
class ThreadLine:
    """One line of a thread.

    `ref` names it within the thread: "m" an inbox row, "r" the reply to it, "s" an outbound
    message, "a" a waiting agent reply, each with the row's id. `state` and `problem` are those of
    an outbound message; `attachment` is what was downloaded of a citizen's picture, voice message
    or video; `danger` says in Chinese how sure it was, of which kind and by which words.
    `question` is the masked text of the citizen's question that a message completes, because the
    answer to it asked for more; `question_ref` its line.
    """

    ref: str
    at: datetime
    speaker: Speaker
    kind: str
    text: str = ""
    is_masked: bool = False
    outcome: Outcome | None = None
    rule_slug: str | None = None
    inbox_id: int | None = None
    author: str = ""
    state: outbound.OutboundState | None = None
    problem: str | None = None
    attachment: Attachment | None = None
    danger: str = ""
    question: str = ""
    question_ref: str = ""


@dataclass(frozen=True)
class Thread:
    """Part of a conversation.

    `before` is the cursor of the page with older lines, None at the beginning. `first_id` and
    `last_id` are the inbox ids of the page, 0 when it has no inbox row.
    """

    follower: Follower
    lines: tuple[ThreadLine, ...]
    before: int | None
    first_id: int
    last_id: int

    @property
    def etag(self) -> str:
        """A short text that changes whenever the thread would look different; for polling."""
        seen = [
            (line.ref, line.state, line.problem, _attachment_state(line.attachment))
            for line in self.lines
        ]
        # a checksum, not a security measure: equal pages must give equal texts
        return f"{zlib.crc32(repr(seen).encode()):x}"


def _attachment_state(attachment: Attachment | None) -> str:
    return attachment.state.value if attachment else ""


def read(
    principal: Principal, follower_id: int, *, before: int | None = None, since: int | None = None
) -> Thread:
    """One page of a conversation, lines oldest first.

    Without arguments the newest page; `before` gives the page below an inbox id, `since` everything
    from an inbox id on. Raises NotFound outside the principal's scope.
    """
    follower = followers.access_follower(principal, follower_id, Permission.CONVERSATIONS_READ)
    # one row more than a page holds tells whether there are older ones
    rows = _messages(follower, before, since)
    is_beginning = since is None and len(rows) <= PAGE_SIZE
    if since is None:
        rows = rows[-PAGE_SIZE:]
    bounds = _bounds(follower, rows, before, whole=is_beginning)
    fetched = attachments.by_message([row.id for row in rows if row.kind in attachments.KINDS])
    questions = _questions(follower, rows)
    lines = [line for row in rows for line in _push_lines(row, fetched.get(row.id), questions)]
    lines += _outbound_lines(follower_id, bounds) + _pending_image_lines(follower_id, bounds)
    lines.sort(key=lambda line: line.at)  # the sort is stable: a reply stays behind its message
    return Thread(
        follower=follower,
        lines=tuple(lines),
        before=None if is_beginning or not rows else rows[0].id,
        first_id=rows[0].id if rows else 0,
        last_id=rows[-1].id if rows else 0,
    )


def _messages(follower: Follower, before: int | None, since: int | None) -> list[InboxMessage]:
    statement = select(InboxMessage).where(
        InboxMessage.account_id == follower.account_id, InboxMessage.openid == follower.openid
    )
    if before is not None:
        statement = statement.where(InboxMessage.id < before)
    if since is not None:
        statement = statement.where(InboxMessage.id >= since)
    # `id + 0` keeps the planner from walking the primary key backwards through the whole inbox
    # instead of using the index on (account, openid)
    newest = statement.order_by((InboxMessage.id + 0).desc())
    return list(session.scalars(newest.limit(_MAX_NEWER if since else PAGE_SIZE + 1)))[::-1]


def _bounds(
    follower: Follower, rows: Sequence[InboxMessage], before: int | None, *, whole: bool
) -> tuple[datetime, datetime | None]:
    """The span of time whose outbound messages belong to the page."""
    start = follower.first_seen_at if whole or not rows else rows[0].received_at
    end = None
    if before is not None:
        end = session.scalar(select(InboxMessage.received_at).where(InboxMessage.id == before))
    return start, end


def _between(column: Any, bounds: tuple[datetime, datetime | None]) -> list[ColumnElement[bool]]:
    start, end = bounds
    return [column >= start] if end is None else [column >= start, column < end]


def _danger_of(row: InboxMessage) -> str:
    danger = (row.content or {}).get("danger")
    if not danger:
        return ""
    return f"{danger['tier']}：{danger['kind']}（{mask_pii(danger['reason'])}）"


def _questions(follower: Follower, rows: Sequence[InboxMessage]) -> dict[int, str]:
    """The masked texts of the questions that messages of the page complete, by inbox id."""
    ids = {_question_id(row) for row in rows} - {0}
    if not ids:
        return {}
    found = session.scalars(
        select(InboxMessage).where(
            InboxMessage.id.in_(ids),
            InboxMessage.account_id == follower.account_id,
            InboxMessage.openid == follower.openid,
        )
    )
    return {row.id: mask_pii(_text_of(row)) for row in found}


def _question_id(row: InboxMessage) -> int:
    return int((row.content or {}).get("reply_to", 0))


def _push_lines(
    row: InboxMessage, attachment: Attachment | None, questions: Mapping[int, str]
) -> list[ThreadLine]:
    """The line of an inbox row, and the line of the reply to it."""
    is_message = row.kind in MESSAGE_KINDS
    question_id = _question_id(row)
    # masked here and not in the template, so that no page can forget it
    text = mask_pii(_text_of(row))
    lines = [
        ThreadLine(
            ref=f"m{row.id}",
            at=row.received_at,
            speaker=Speaker.CITIZEN if is_message else Speaker.EVENT,
            kind=row.kind,
            text=text,
            is_masked=is_message and text != _text_of(row),
            outcome=row.outcome,
            inbox_id=row.id,
            attachment=attachment,
            danger=_danger_of(row),
            question=questions.get(question_id, ""),
            question_ref=f"m{question_id}" if question_id in questions else "",
        )
    ]
    return [*lines, _reply_line(row)] if row.answer else lines


def _reply_line(row: InboxMessage) -> ThreadLine:
    kind, content = _parse_reply(row.answer)
    return ThreadLine(
        ref=f"r{row.id}",
        at=row.received_at,
        speaker=Speaker.HUB,
        kind=kind,
        text=content,
        outcome=row.outcome,
        rule_slug=row.rule_slug,
    )


def _text_of(row: InboxMessage) -> str:
    return describe(row.kind, row.text, row.content)


def _parse_reply(reply_xml: str) -> tuple[str, str]:
    """Kind and text of a stored reply's XML; ("unknown", "") when it cannot be parsed."""
    try:
        tree = messages.parse_xml(reply_xml.encode("utf-8", "replace"))
    except messages.MalformedPush:
        return "unknown", ""
    kind = str(tree.get("MsgType", ""))
    if kind == "news":
        articles = tree.get("Articles")
        item = articles.get("item") if isinstance(articles, dict) else None
        first = item[0] if isinstance(item, list) else item
        return kind, str(first.get("Title", "")) if isinstance(first, dict) else ""
    return kind, strip_links(str(tree.get("Content", "")))


def strip_links(text: str) -> str:
    """A text as the citizen reads it: of a link only its words."""
    return _TAG.sub("", text)


def _outbound_lines(follower_id: int, bounds: tuple[datetime, datetime | None]) -> list[ThreadLine]:
    rows = session.execute(
        select(OutboundMessage, AgentReply, MediaFile.name)
        .outerjoin(AgentReply, AgentReply.outbound_id == OutboundMessage.id)
        .outerjoin(MediaFile, MediaFile.id == AgentReply.file_id)
        .where(
            OutboundMessage.follower_id == follower_id,
            *_between(OutboundMessage.created_at, bounds),
        )
        .order_by(OutboundMessage.id.desc())
        .limit(_MAX_SENT)
    ).all()
    return [_outbound_line(*row) for row in reversed(rows)]


def _outbound_line(
    message: OutboundMessage, agent_reply: AgentReply | None, file_name: str | None
) -> ThreadLine:
    content = strip_links(str(message.content.get("content", message.content.get("title", ""))))
    # the hub's own words hold no personal data of citizens; agents may quote some
    text = mask_pii(content) if agent_reply else content
    return ThreadLine(
        ref=f"s{message.id}",
        at=message.created_at,
        speaker=Speaker.STAFF if agent_reply else Speaker.HUB,
        kind=message.content["kind"],
        text=file_name or text,
        is_masked=text != content,
        author=agent_reply.staff_name if agent_reply else "",
        state=message.state,
        problem=message.problem,
    )


def _pending_image_lines(
    follower_id: int, bounds: tuple[datetime, datetime | None]
) -> list[ThreadLine]:
    """Agent replies whose picture the account has not uploaded yet."""
    rows = session.execute(
        select(AgentReply, MediaFile.name)
        .join(MediaFile, MediaFile.id == AgentReply.file_id)
        .where(
            AgentReply.follower_id == follower_id,
            AgentReply.outbound_id.is_(None),
            *_between(AgentReply.created_at, bounds),
        )
        .order_by(AgentReply.id)
    ).all()
    return [
        ThreadLine(
            ref=f"a{agent_reply.id}",
            at=agent_reply.created_at,
            speaker=Speaker.STAFF,
            kind="image",
            text=name,
            author=agent_reply.staff_name,
            state=outbound.OutboundState.REFUSED
            if agent_reply.problem
            else outbound.OutboundState.QUEUED,
            problem=agent_reply.problem,
        )
        for agent_reply, name in rows
    ]


def reveal_message(principal: Principal, follower_id: int, ref: str, *, reason: str) -> str:
    """The unmasked text of one message; leaves an audit row with the reason.

    `ref` is that of a ThreadLine. Raises NotFound without the permission or outside its scope,
    Invalid without a reason of 4 to 200 characters.
    """
    follower = followers.access_follower(principal, follower_id, Permission.PRIVACY_REVEAL)
    # before the reason is checked: a wrong message is a 404, whatever the reason
    content = _get_unmasked(follower, ref)
    reason = reason.strip()
    if not 4 <= len(reason) <= _MAX_REASON_LENGTH:
        raise Invalid(field="reason", problem=f"请写明查看原因，4 到 {_MAX_REASON_LENGTH} 个字")
    account = session.get_one(Account, follower.account_id)
    audit.record(
        ThreadAction.REVEAL_MESSAGE,
        owner=account,
        object_id=follower.id,
        label=account.name,
        after={"message": ref},
        # who gives a reason may quote the number; the audit log is
        # read by others and kept for years
        reason=mask_pii(reason),
    )
    return content


def _get_unmasked(follower: Follower, ref: str) -> str:
    kind, number = ref[:1], ref[1:]
    # `ref` comes from a form: anything that is no id of ours must become NotFound, never an
    # overflow in the driver
    key = int(number) if number.isascii() and number.isdecimal() and len(number) < 19 else 0
    if kind == "m":
        return _text_of(inbox.get_for_follower(follower, key))
    if kind == "s":
        outbound_message = session.get(OutboundMessage, key)
        if outbound_message is not None and outbound_message.follower_id == follower.id:
            return strip_links(str(outbound_message.content.get("content", "")))
    raise NotFound(kind="message", ref=ref)
