"""Recording: stores a push with its answer exactly once, and applies what follows from it.

    push + DialogueResult ──> inbox row, the follower's message window, alert, follow-up messages

A push that WeChat repeats gets the answer of the first time and changes nothing.
"""

import secrets
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import datetime
from enum import Enum
from typing import Any

from app.callback.danger_alerts import raise_danger
from app.callback.dialogue import DialogueResult, match_input_of
from config import clock, logs
from config.database import run_in_transaction
from matrix import followers, inbox, outbound
from matrix.accounts import AccountSnapshot
from matrix.inbox import awaited_replies
from matrix.wechat import messages, passive_replies
from matrix.wechat.messages import Inbound
from matrix.wechat.passive_replies import adapt_to, render


def record_push(
    account: AccountSnapshot, inbound: Inbound, result: DialogueResult, *, now: datetime
) -> inbox.RecordResult:
    """Store a push with its answer and, if it is new, apply its side effects, in one transaction.

    The result has the answer to send: of a repeat, that of the first time. Raises
    sqlalchemy.exc.DBAPIError when the database cannot be written to.
    """
    entry = _inbox_entry(account, inbound, result, now)
    # The common case has no side effect but the window, and takes the short way past the session
    # (docs/decisions/0002). Everything else can afford a session.
    if _is_plain_message(inbound) and not _has_side_effects(result):
        return inbox.receive(entry)

    def in_one_transaction() -> inbox.RecordResult:
        # the insert decides whether the push is new: a look before it would miss a repeat that
        # arrives while the first is still being answered
        recorded = inbox.record(entry)
        if recorded.is_new:
            _update_window(account, inbound, now)
            _apply_side_effects(account, inbound, result, recorded.id, now)
        return recorded

    with log_context(account.appid):
        recorded = run_in_transaction(in_one_transaction)
    # only what is committed: the transaction may have been rolled back and run again
    if recorded.is_new:
        _update_awaited_replies(account, inbound, result, recorded.id, now)
    return recorded


def _has_side_effects(result: DialogueResult) -> bool:
    return (
        bool(result.follow_ups)
        or result.danger is not None
        or result.expects_reply
        or result.reply_to is not None
    )


def _update_awaited_replies(
    account: AccountSnapshot, inbound: Inbound, result: DialogueResult, inbox_id: int, now: datetime
) -> None:
    """Note in this process whether the follower's next message is awaited."""
    if result.expects_reply:
        awaited_replies.remember(account.id, inbound.openid, inbox_id, now=now)
    elif result.reply_to is not None:
        awaited_replies.forget(account.id, inbound.openid)


def log_context(appid: str) -> AbstractContextManager[None]:
    """Binds the appid and a new id to log lines, jobs and audit rows inside the block.

    Used only where something is logged or enqueued: most pushes log nothing, and binding the ids
    costs more than finding the rule.
    """
    # cut, because the appid is whatever stands in the path: it may be a stranger's
    return logs.bound_context(account=appid[:32], request=secrets.token_hex(6))


def _is_plain_message(inbound: Inbound) -> bool:
    """Whether the only effect of a push is to open the window of a message (48 h)."""
    return isinstance(inbound, messages.Message) and not _is_tap(inbound)


def _is_tap(inbound: Inbound) -> bool:
    # WeChat counts a tapped option as a menu click: it opens the window of one minute and not that
    # of 48 hours (wechat-platform.md 5.1)
    return isinstance(inbound, messages.Text) and inbound.option_id is not None


def _update_window(account: AccountSnapshot, inbound: Inbound, now: datetime) -> None:
    match inbound:
        case messages.Message() if not _is_tap(inbound):
            followers.record_message(account.id, inbound.openid, now=now)
        case messages.Followed():
            followers.record_follow(account.id, inbound.openid, scene=inbound.scene, now=now)
        case messages.Unfollowed():
            followers.record_unfollow(account.id, inbound.openid, now=now)
        case (
            messages.Text()
            | messages.MenuClicked()
            | messages.MenuQrCodeScanned()
            | messages.Scanned()
        ):
            followers.record_event(account.id, inbound.openid, now=now)
        case messages.MenuEvent() | messages.LocationReported():
            followers.record_activity(account.id, inbound.openid, now=now)


def _apply_side_effects(
    account: AccountSnapshot, inbound: Inbound, result: DialogueResult, inbox_id: int, now: datetime
) -> None:
    if result.danger is not None:
        raise_danger(
            account,
            inbound.openid,
            _match_text(inbound),
            danger=result.danger,
            inbox_id=inbox_id,
            now=now,
        )
    if result.expects_reply:
        awaited_replies.open_for(account.id, inbound.openid, inbox_id, now=now)
    elif result.reply_to is not None:
        awaited_replies.close_for(account.id, inbound.openid)
    # an account without the customer-service right would collect messages that fail one by one
    if not result.follow_ups or not account.can_send:
        return
    follower = followers.find(account.id, inbound.openid)
    if follower is not None:
        for part in result.follow_ups:
            # a transfer to an agent exists only as a passive reply
            if not isinstance(part, passive_replies.Transfer):
                outbound.enqueue(follower, part, now=now, inbox_id=inbox_id)


def _inbox_entry(
    account: AccountSnapshot, inbound: Inbound, result: DialogueResult, now: datetime
) -> inbox.NewInboxMessage:
    passive_reply = result.reply and adapt_to(result.reply, inbound)
    return inbox.NewInboxMessage(
        account_id=account.id,
        dedupe_key=inbound.dedupe_key,
        openid=inbound.openid,
        kind=inbound.kind,
        text=_match_text(inbound),
        content=_extra_fields(inbound, result),
        sent_at=inbound.sent_at,
        received_at=now,
        local_day=clock.local_day(now),
        outcome=result.outcome,
        rule_slug=result.rule_code,
        answer=render(passive_reply, openid=inbound.openid, original_id=inbound.to, created_at=now)
        if passive_reply
        else "",
    )


def _match_text(inbound: Inbound) -> str:
    match_input = match_input_of(inbound)
    return match_input.text if match_input else ""


_COMMON_FIELDS = frozenset({"kind", "to", "openid", "sent_at", "message_id", "content"})


def _extra_fields(inbound: Inbound, result: DialogueResult) -> dict[str, Any] | None:
    """The fields of a push that have no column of their own, as JSON; None when there are none.

    `_notes` are among them.
    """
    notes = _notes(result)
    # almost every push: it has no further fields, and `asdict`, which copies deeply, is spared
    if type(inbound) is messages.Text and inbound.option_id is None:
        return notes or None
    fields = {name: value for name, value in asdict(inbound).items() if name not in _COMMON_FIELDS}
    return {
        name: _to_json(value) for name, value in fields.items() if value is not None
    } | notes or None


def _notes(result: DialogueResult) -> dict[str, Any]:
    """What the conversation shows beside a message.

    `reply_to` is the inbox id of the question that it completes, `danger` why staff were alerted.
    """
    notes: dict[str, Any] = {}
    if result.reply_to is not None:
        notes["reply_to"] = result.reply_to
    if (danger := result.danger) is not None:
        notes["danger"] = {
            "tier": danger.tier.label,
            "kind": danger.kind.label,
            "reason": danger.reason,
        }
    return notes


def _to_json(value: Any) -> Any:
    """A value in types that JSON has."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {str(name): _to_json(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_to_json(item) for item in value]
    return value
