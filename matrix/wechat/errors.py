"""Errors of the gateway, with Chinese texts for staff.

    GatewayError --+-- Temporary       may work later; a job is tried again
                   |     +-- StaleToken   with another access token
                   |     +-- QuotaUsed    not before `until`
                   +-- NotAuthorised   nothing works until a setting is changed
                   +-- Refused         never works for this recipient or content
                   +-- Unconfirmed     was sent, and nobody knows whether it arrived

Where WeChat answered, the error has its `errcode`, its request id `rid` (for WeChat's support) and
the `reaction` of `return_codes`. No error contains a URL, because URLs contain access tokens.
"""

import re
from datetime import datetime, timedelta

from config import clock, errors
from matrix.wechat.return_codes import BUSY, Meaning, Reaction, RetryAfter, meaning_of

# WeChat appends the request id to errmsg instead of giving it a field
_RID = re.compile(r"rid: ?([0-9a-zA-Z-]{8,64})")
# WeChat names our address only in this text
_IP = re.compile(r"invalid ip ([0-9a-fA-F.:]{3,45})")

# seconds until the next attempt; WeChat gives no Retry-After header
_RETRY_SECONDS = {RetryAfter.MINUTE: 60.0, RetryAfter.MINUTES: 600.0, RetryAfter.HOUR: 3600.0}


class GatewayError(errors.DomainError):
    """WeChat did not do what we asked."""

    status = 502
    text = "微信接口：{meaning}。"

    def __init__(
        self,
        *,
        meaning: str,
        call: str,
        errcode: int | None = None,
        rid: str | None = None,
        reaction: Reaction = Reaction.DATA,
        **facts: object,
    ) -> None:
        super().__init__(
            meaning=meaning, call=call, errcode=errcode, rid=rid, reaction=reaction, **facts
        )
        self.call = call
        self.errcode = errcode
        self.rid = rid
        self.reaction = reaction


class Temporary(GatewayError, errors.Temporary):
    """WeChat is busy, slow or unreachable, or waits for a person; nothing was done."""

    status = 503


class StaleToken(Temporary):
    """The access token was refused."""


class NotAuthorised(GatewayError):
    """The account may not do this: wrong secret, missing permission, or banned."""


class QuotaUsed(Temporary):
    """No more calls of this kind before `until`; `retry_after` is in seconds."""

    def __init__(self, *, until: datetime, **facts: object) -> None:
        super().__init__(until=until.isoformat(), **facts)  # type: ignore[arg-type]  # passed on
        self.until = until
        self.retry_after = max(60.0, (until - clock.now()).total_seconds())


class Refused(GatewayError):
    """Cannot be done for this recipient or with this content."""

    status = 409

    @property
    def is_about_recipient(self) -> bool:
        """Whether another channel to the same person may still work."""
        return self.reaction is Reaction.RECIPIENT


class Unconfirmed(GatewayError):
    """The request was sent and no answer came; sending again might do it twice."""

    status = 504


def error_for(errcode: int, errmsg: str, *, call: str, repeatable: bool = True) -> GatewayError:
    """The error for an answer whose errcode is not 0.

    `repeatable` says whether the call may be made again when nobody knows if it was done.
    """
    meaning = meaning_of(errcode, errmsg)
    rid = _RID.search(errmsg)
    # cut: the text comes from outside and goes into the log
    facts: dict[str, object] = {"errmsg": errmsg[:300]}
    description = meaning.description
    address = _IP.search(errmsg)
    # 40164: our server's address is not on the allow-list; staff need it to enter it there
    if errcode == 40164 and address:
        facts["ip"] = address[1]
        description = f"{description}（{address[1]}）"
    # a send that ended with "system busy" was seen to arrive (wechat-platform.md 17)
    kind = Unconfirmed if meaning is BUSY and not repeatable else _error_class(meaning)
    return kind(
        meaning=description,
        call=call,
        errcode=errcode,
        rid=rid[1] if rid else None,
        reaction=meaning.reaction,
        **facts,
        **_retry_facts(meaning),
    )


def _error_class(meaning: Meaning) -> type[GatewayError]:
    # waiting for an administrator's confirmation in WeChat: trying again later is right
    if meaning.reaction is Reaction.MANUAL_ACTION and meaning.retry_after:
        return Temporary
    return _CLASSES.get(meaning.reaction, Refused)


_CLASSES: dict[Reaction, type[GatewayError]] = {
    Reaction.RETRY: Temporary,
    Reaction.REFRESH_TOKEN: StaleToken,
    Reaction.CONFIGURE: NotAuthorised,
    Reaction.QUOTA: QuotaUsed,
}


def _retry_facts(meaning: Meaning) -> dict[str, object]:
    if meaning.retry_after is None:
        return {}
    if meaning.reaction is Reaction.QUOTA:
        return {"until": _quota_resets_at(meaning.retry_after, now=clock.now())}
    return {"retry_after": _RETRY_SECONDS[meaning.retry_after]}


def _quota_resets_at(retry_after: RetryAfter, *, now: datetime) -> datetime:
    """When a quota is filled again; WeChat counts days and months in China's time."""
    midnight = clock.local(now).replace(hour=0, minute=0, second=0, microsecond=0)
    if retry_after is RetryAfter.TOMORROW:
        return midnight + timedelta(days=1)
    if retry_after is RetryAfter.NEXT_MONTH:
        return (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)
    return now + (timedelta(days=1) if retry_after is RetryAfter.DAY else timedelta(hours=1))
