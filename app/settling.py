"""Settling: writing a push down with its answer, once, and doing what it causes.

push + Answer ──> inbox row, follower's window, alarm, the rest of a long answer
                  a repeated push gets the answer of the first time and causes nothing
"""

import secrets
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import datetime
from enum import Enum
from typing import Any

from app.dialogue import Answer, occasion_of
from config import alarms, clock, logs
from config.database import retrying
from matrix import followers, inbox, sendings
from matrix.accounts import Connection
from matrix.wechat import messages, replies
from matrix.wechat.messages import Inbound
from matrix.wechat.replies import fitted, render


def settle(
    account: Connection, inbound: Inbound, given: Answer, *, now: datetime
) -> inbox.Recorded:
    """Write a push down with its answer and, if it is new, do what it causes.

    Returns the answer that counts: a repeat gets that of the first time. Raises
    sqlalchemy.exc.DBAPIError when the database cannot be written to.
    """
    entry = _entry(account, inbound, given, now)
    if _only_writes(inbound) and not given.more and given.alarm is None:
        return inbox.receive(entry)

    def in_one_transaction() -> inbox.Recorded:
        recorded = inbox.record(entry)
        if recorded.is_new:
            _follow(account, inbound, now)
            _act(account, inbound, given, recorded.id, now)
        return recorded

    with named(account.appid):
        return retrying(in_one_transaction)


def named(appid: str) -> AbstractContextManager[None]:
    """Puts the account and an id of the push on log lines, jobs and audit rows.

    Only where something is written down: most pushes say nothing, and naming each costs more
    than finding its rule.
    """
    return logs.bound(account=appid[:32], request=secrets.token_hex(6))


def _only_writes(inbound: Inbound) -> bool:
    """Whether a push is a message that opens the long window and nothing else."""
    return isinstance(inbound, messages.Message) and not _is_tap(inbound)


def _is_tap(inbound: Inbound) -> bool:
    # WeChat counts a tapped option as a menu click, not as a message (rules for customer service)
    return isinstance(inbound, messages.Text) and inbound.option is not None


def _follow(account: Connection, inbound: Inbound, now: datetime) -> None:
    match inbound:
        case messages.Message() if not _is_tap(inbound):
            followers.wrote(account.id, inbound.openid, now=now)
        case messages.Followed():
            followers.follow(account.id, inbound.openid, scene=inbound.scene, now=now)
        case messages.Unfollowed():
            followers.unfollow(account.id, inbound.openid, now=now)
        case (
            messages.Text()
            | messages.MenuClicked()
            | messages.MenuCodeScanned()
            | messages.Scanned()
        ):
            followers.acted(account.id, inbound.openid, now=now)
        case messages.Menu() | messages.Located():
            followers.seen(account.id, inbound.openid, now=now)


def _act(
    account: Connection, inbound: Inbound, given: Answer, inbox_id: int, now: datetime
) -> None:
    if given.alarm is not None:
        alarms.raise_alarm(
            inbox.EMERGENCY,
            inbox_id,
            f"{account.name}收到疑似紧急求助，含“{given.alarm}”",
            now=now,
            department_id=account.department_id,
            account_id=account.id,
            urgent=True,
        )
    if not given.more or not account.can_send:
        return
    follower = followers.find(account.id, inbound.openid)
    if follower is not None:
        for part in given.more:
            if not isinstance(part, replies.Transfer):
                sendings.queue(follower, part, now=now, inbox_id=inbox_id)


def _entry(account: Connection, inbound: Inbound, given: Answer, now: datetime) -> inbox.Entry:
    shown = given.reply and fitted(given.reply, inbound)
    return inbox.Entry(
        account_id=account.id,
        dedupe_key=inbound.dedupe_key,
        openid=inbound.openid,
        kind=inbound.kind,
        text=_text(inbound),
        content=_content(inbound),
        sent_at=inbound.sent_at,
        received_at=now,
        local_day=clock.local_day(now),
        outcome=given.outcome,
        rule_code=given.rule_code,
        answer=render(shown, to=inbound.openid, account=inbound.to, at=now) if shown else "",
    )


def _text(inbound: Inbound) -> str:
    occasion = occasion_of(inbound)
    return occasion.text if occasion else ""


_SHARED = frozenset({"kind", "to", "openid", "sent_at", "message_id", "content"})


def _content(inbound: Inbound) -> dict[str, Any] | None:
    """What else a push said; most texts say nothing else."""
    if type(inbound) is messages.Text and inbound.option is None:
        return None
    said = {name: value for name, value in asdict(inbound).items() if name not in _SHARED}
    return {name: _plain(value) for name, value in said.items() if value is not None} or None


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value
