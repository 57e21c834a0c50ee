"""What the gateway raises, in the words of staff.

    GatewayError ─┬─ Temporary                  later, it may work (also a config Temporary)
                  │    ├─ StaleToken            with another token
                  │    └─ QuotaUsed             not before `until`
                  ├─ NotAuthorised              nothing works until a setting changes
                  ├─ Refused                    this recipient, this content: never
                  └─ Unconfirmed                sent, and nobody knows whether it arrived

Each carries WeChat's `errcode` and `rid` where WeChat answered, and the `reaction` of the
table in `codes`. Nothing here holds an address, for addresses hold tokens.
"""

import re
from datetime import datetime, timedelta

from config import clock, errors
from matrix.wechat.codes import Meaning, Reaction, Until, meaning_of

_RID = re.compile(r"rid: ?([0-9a-zA-Z-]{8,64})")
_IP = re.compile(r"invalid ip ([0-9a-fA-F.:]{3,45})")

# Seconds until asking again is worth it.
_PAUSES = {Until.MINUTE: 60.0, Until.MINUTES: 600.0, Until.HOUR: 3600.0}


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
    """WeChat is busy, slow or away, or waits for a person; nothing was done."""

    status = 503


class StaleToken(Temporary):
    """The access token was refused."""


class NotAuthorised(GatewayError):
    """The account may not do this: a wrong secret, a missing right, a ban."""


class QuotaUsed(Temporary):
    """No more calls of this kind before `until`."""

    def __init__(self, *, until: datetime, **facts: object) -> None:
        super().__init__(until=until.isoformat(), **facts)  # type: ignore[arg-type]  # passed on
        self.until = until
        self.retry_after = max(60.0, (until - clock.now()).total_seconds())


class Refused(GatewayError):
    """This cannot be done for this recipient or with this content."""

    status = 409

    @property
    def is_about_recipient(self) -> bool:
        """Whether another channel to the same person may still work."""
        return self.reaction is Reaction.RECIPIENT


class Unconfirmed(GatewayError):
    """It was sent and no answer came; sending again might do it twice."""

    status = 504


def error_for(errcode: int, errmsg: str, *, call: str) -> GatewayError:
    """The error that an answer with a code other than 0 stands for."""
    meaning = meaning_of(errcode)
    rid = _RID.search(errmsg)
    facts: dict[str, object] = {"errmsg": errmsg[:300]}
    words = meaning.words
    ip = _IP.search(errmsg)
    if errcode == 40164 and ip:
        facts["ip"] = ip[1]
        words = f"{words}（{ip[1]}）"
    return _error(meaning)(
        meaning=words,
        call=call,
        errcode=errcode,
        rid=rid[1] if rid else None,
        reaction=meaning.reaction,
        **facts,
        **_wait(meaning),
    )


def _error(meaning: Meaning) -> type[GatewayError]:
    if meaning.reaction is Reaction.HUMAN and meaning.until:
        return Temporary
    return _CLASSES.get(meaning.reaction, Refused)


_CLASSES: dict[Reaction, type[GatewayError]] = {
    Reaction.RETRY: Temporary,
    Reaction.TOKEN: StaleToken,
    Reaction.CONFIGURE: NotAuthorised,
    Reaction.QUOTA: QuotaUsed,
}


def _wait(meaning: Meaning) -> dict[str, object]:
    if meaning.until is None:
        return {}
    if meaning.reaction is Reaction.QUOTA:
        return {"until": _filled_again(meaning.until, now=clock.now())}
    return {"retry_after": _PAUSES[meaning.until]}


def _filled_again(until: Until, *, now: datetime) -> datetime:
    """When a quota is filled again; the platform counts days and months of the city."""
    midnight = clock.local(now).replace(hour=0, minute=0, second=0, microsecond=0)
    if until is Until.TOMORROW:
        return midnight + timedelta(days=1)
    if until is Until.NEXT_MONTH:
        return (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)
    return now + (timedelta(days=1) if until is Until.DAY else timedelta(hours=1))
