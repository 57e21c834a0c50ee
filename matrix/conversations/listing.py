"""Listing: the conversations of the accounts a member of staff may read, and a search in them.

`list_for_staff` gives pages of 30 conversations, the one with the newest message first; `search`
gives up to 30 messages and says how far back it has looked.

There is no full-text index over what citizens wrote, on purpose: it would be one more copy of their
personal data. A search therefore reads one range of the inbox (`SEARCH_SPAN` ids) per request and
returns where to continue. It compares with the masked text, so digits that the reader cannot see
cannot be found by trying numbers either.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.sql.expression import Select

from config.alerts import Alert
from config.database import session
from config.errors import Invalid
from config.permissions import Permission, Principal
from config.security.masking import mask_pii
from matrix import blocklist, followers
from matrix.accounts import Account
from matrix.blocklist import BlocklistEntry
from matrix.conversations.projection import MESSAGE_KINDS, Conversation
from matrix.followers import Follower, Window
from matrix.inbox import InboxAlert, InboxMessage, Outcome, days

PAGE_SIZE = 30
# inbox ids per search request: bounds its time, because texts are compared one by one
SEARCH_SPAN = 100_000

_MAX_QUERY_LENGTH = 50


@dataclass(frozen=True)
class ConversationFilter:
    """Which conversations are wanted; fields that are None or False do not narrow the list.

    `first_day` and `last_day` are local days, both included.
    """

    account_id: int | None = None
    waiting: bool = False
    alerted: bool = False
    outcome: Outcome | None = None
    first_day: date | None = None
    last_day: date | None = None


@dataclass(frozen=True)
class ConversationLine:
    """One row of the list: a conversation with what a person must see at a glance."""

    conversation: Conversation
    account_name: str
    window: Window
    is_alerted: bool
    is_blocked: bool

    @property
    def is_handled(self) -> bool:
        """Whether a person has dealt with the last message."""
        return (
            self.conversation.handled_at is not None
            and self.conversation.handled_id >= self.conversation.last_id
        )


@dataclass(frozen=True)
class ConversationPage:
    """One page; `before` is the cursor of the next page, None on the last."""

    lines: tuple[ConversationLine, ...]
    before: int | None


@dataclass(frozen=True)
class MessageHit:
    """One message that a search found; `text` is masked."""

    inbox_id: int
    follower_id: int
    account_name: str
    received_at: datetime
    text: str


@dataclass(frozen=True)
class SearchResult:
    """What one search request found.

    `before` continues the search, with the next hits or further back; None when everything was
    searched. `looked_back_to` is the time of the oldest message that was looked at so far.
    """

    hits: tuple[MessageHit, ...]
    before: int | None
    looked_back_to: datetime | None


def list_for_staff(
    principal: Principal, filters: ConversationFilter, *, now: datetime, before: int | None = None
) -> ConversationPage:
    """One page of the conversations that the principal may read, newest message first."""
    conditions = _conditions(principal, filters, before)
    if conditions is None:
        return ConversationPage((), None)
    rows = session.execute(
        select(Conversation, Follower, Account.name, BlocklistEntry.state)
        .join(Follower, Follower.id == Conversation.follower_id)
        .join(Account, Account.id == Conversation.account_id)
        # an outer join: most followers were never blocked
        .outerjoin(BlocklistEntry, BlocklistEntry.follower_id == Conversation.follower_id)
        .where(*conditions)
        # by id and not by time: ids are unique, so a page neither repeats nor loses a row
        .order_by(Conversation.last_id.desc())
        # one more than shown, to know whether there is a next page
        .limit(PAGE_SIZE + 1)
    ).all()
    # asked for the rows of the page alone: a join would look at every alert for each of them
    alerted = _alerted_among([row[0].follower_id for row in rows])
    lines = tuple(
        ConversationLine(
            conversation=conversation,
            account_name=name,
            window=followers.window(follower, now=now),
            is_alerted=conversation.follower_id in alerted,
            is_blocked=state is blocklist.BlockState.ACTIVE,
        )
        for conversation, follower, name, state in rows[:PAGE_SIZE]
    )
    return ConversationPage(
        lines, lines[-1].conversation.last_id if len(rows) > PAGE_SIZE else None
    )


def find_by_follower(follower_id: int) -> Conversation | None:
    """A follower's conversation; None when they never sent a message."""
    return session.get(Conversation, follower_id)


def accounts_for_staff(principal: Principal) -> dict[int, str]:
    """Names by id of the accounts whose conversations the principal may read, by name."""
    rows = session.execute(
        select(Account.id, Account.name)
        .where(principal.scope(Permission.CONVERSATIONS_READ).sql_filter(account=Account.id))
        .order_by(Account.name, Account.id)
    )
    return dict(rows.all())


def etag(page: ConversationPage) -> str:
    """A short text that changes whenever the page would look different; for polling."""
    return "-".join(f"{line.conversation.last_id:x}{_line_state(line)}" for line in page.lines)


def _line_state(line: ConversationLine) -> str:
    seen = (line.conversation.waiting_since, line.is_handled, line.is_alerted, line.is_blocked)
    return "".join("y" if each else "n" for each in (*seen, line.window.left))


def list_waiting_for_staff(
    principal: Principal, *, now: datetime, at_most: int = 5
) -> ConversationPage:
    """The newest conversations that wait for an answer the principal may give."""
    page = list_for_staff(
        _limited_to_replying(principal), ConversationFilter(waiting=True), now=now
    )
    lines = page.lines[:at_most]
    return ConversationPage(
        lines, lines[-1].conversation.last_id if len(page.lines) > at_most else None
    )


def _limited_to_replying(principal: Principal) -> Principal:
    """The principal with only the conversations they may answer in."""
    scope = principal.scope(Permission.CONVERSATIONS_REPLY)
    return Principal(principal.staff_id, principal.name, {Permission.CONVERSATIONS_READ: scope})


def _alerted_followers() -> Select[int | None]:
    """The followers whose conversation has an alert that nobody has resolved, as a subquery."""
    return select(Alert.object_id).where(
        Alert.kind.in_([kind.value for kind in InboxAlert]), Alert.resolved_at.is_(None)
    )


def _alerted_among(follower_ids: list[int]) -> frozenset[int | None]:
    rows = _alerted_followers().where(Alert.object_id.in_(follower_ids))
    return frozenset(session.scalars(rows))


def _conditions(
    principal: Principal,
    filters: ConversationFilter,
    before: int | None,
) -> list[ColumnElement[bool]] | None:
    """WHERE conditions for the list; None when no conversation can match."""
    ids = _id_range(filters)
    if ids is None:
        return None
    conditions = [
        principal.scope(Permission.CONVERSATIONS_READ).sql_filter(account=Conversation.account_id)
    ]
    conditions += [
        Conversation.last_id >= ids.start,
        Conversation.last_id < min(ids.stop, before or ids.stop),
    ]
    if filters.account_id is not None:
        # the scope stays in the condition: an account that is not the reader's gives an empty list
        conditions.append(Conversation.account_id == filters.account_id)
    if filters.waiting:
        conditions.append(Conversation.waiting_since.is_not(None))
    if filters.outcome is not None:
        conditions.append(Conversation.outcome == filters.outcome)
    if filters.alerted:
        conditions.append(Conversation.follower_id.in_(_alerted_followers()))
    return conditions


def _id_range(filters: ConversationFilter) -> range | None:
    """The range of inbox ids that the filter's days span; None for days without a message."""
    # Days become ids by the small table `inbox_days`: the inbox has no index on its time.
    start, stop = session.scalar(select(func.min(InboxMessage.id))) or 0, days.newest_id() + 1
    if filters.last_day is not None:
        stop = days.first_id_of(filters.last_day + timedelta(days=1)) or stop
    if filters.first_day is not None:
        first = days.first_id_of(filters.first_day)
        if first is None:
            return None
        start = first
    return range(start, stop) if start < stop else None


def search(
    principal: Principal, query: str, filters: ConversationFilter, *, before: int | None = None
) -> SearchResult:
    """Messages that contain the query, newest first, compared without regard to case.

    Of the filters only the account and the days count. Looks at most at `SEARCH_SPAN` inbox ids per
    call. Raises Invalid for an empty or long query.
    """
    query = query.strip()
    if not 1 <= len(query) <= _MAX_QUERY_LENGTH:
        raise Invalid(field="words", problem=f"请填写 1 到 {_MAX_QUERY_LENGTH} 个字")
    ids = _id_range(filters)
    if ids is None:
        return SearchResult((), None, None)
    stop = min(ids.stop, before or ids.stop)
    start = max(ids.start, stop - SEARCH_SPAN)
    # the query filters on the stored text and the result is filtered again on the masked one: the
    # database cannot mask
    rows = session.execute(_search_query(principal, query, filters, start, stop)).all()
    hits = tuple(_to_hit(row) for row in rows if query.casefold() in mask_pii(row.text).casefold())
    # a full page continues below its last row, otherwise the search goes on below the range
    next_id = rows[-1].id if len(rows) == PAGE_SIZE else start if start > ids.start else None
    return SearchResult(hits, next_id, _received_at(next_id) if next_id is not None else None)


def _search_query(
    principal: Principal, query: str, filters: ConversationFilter, start: int, stop: int
) -> Any:
    same_follower = and_(
        Follower.account_id == InboxMessage.account_id, Follower.openid == InboxMessage.openid
    )
    statement = (
        select(
            InboxMessage.id,
            InboxMessage.text,
            InboxMessage.received_at,
            Follower.id.label("follower_id"),
            Account.name,
        )
        .join(Follower, same_follower)
        .join(Account, Account.id == InboxMessage.account_id)
        .where(
            InboxMessage.id >= start,
            InboxMessage.id < stop,
            InboxMessage.kind.in_(MESSAGE_KINDS),
            # autoescape: % and _ are characters of the query, not wildcards
            InboxMessage.text.icontains(query, autoescape=True),
            principal.scope(Permission.CONVERSATIONS_READ).sql_filter(
                account=InboxMessage.account_id
            ),
        )
        .order_by(InboxMessage.id.desc())
        .limit(PAGE_SIZE)
    )
    if filters.account_id is not None:
        statement = statement.where(InboxMessage.account_id == filters.account_id)
    return statement


def _to_hit(row: Any) -> MessageHit:
    return MessageHit(row.id, row.follower_id, row.name, row.received_at, mask_pii(row.text))


def _received_at(inbox_id: int) -> datetime | None:
    """When the first message with this id or a later one was received."""
    return session.scalar(
        select(InboxMessage.received_at)
        .where(InboxMessage.id >= inbox_id)
        .order_by(InboxMessage.id)
        .limit(1)
    )
