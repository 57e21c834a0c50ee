"""Jobs by name: what happens later, where rooms meet.

Handlers in INSIDE share one transaction with their completion. Handlers in OUTSIDE call
strangers, or have transactions of their own; none of them is open during a call.
"""

from collections import Counter
from datetime import datetime, timedelta

from app import connecting, errands, gathering, live, sealing
from app.exchange import working
from config import alarms, clock, jobs, settings
from config.audit import seals
from config.database import reading, transaction
from keywords import hits, imports, listing, unmatched
from matrix import (
    accounts,
    callbacks,
    codes,
    inbox,
    keys,
    media,
    menus,
    probes,
    sendings,
    surveys,
)
from matrix.menus import conditional, sights
from matrix.staff import sessions, throttle
from matrix.wechat import gateway

MEDIA_REFRESH = "media.refresh"
RULES_DUE = "rules.due"
TIDY = "house.tidy"

_DONE_JOBS_KEPT = timedelta(days=7)
_SESSIONS_KEPT = timedelta(days=30)
_FAILURES_KEPT = timedelta(days=1)
_PERSONS_KEPT = timedelta(days=1)
_TIDIED_AT_ONCE = 5000
_IMPORTS_KEPT = timedelta(days=90)
_HITS_KEPT = timedelta(days=3 * 366)


def upload_media(*, account_id: int, file_id: int, now: datetime) -> None:
    """Give an account a file of ours, and write down its id there."""
    with reading():
        kind, content, digest = media.content_of(file_id)
        credentials = accounts.credentials(account_id)
    made = gateway.upload_media(credentials, kind, content, now=now)
    with transaction():
        media.uploaded(account_id, file_id, made, digest=digest)


def refresh_media(*, now: datetime) -> None:
    """Ask for every upload that live rules need and that is missing or lapses soon."""
    wanted = live.refresh().wanted_media  # reads in a transaction of its own
    with transaction():
        for upload in media.due(wanted, now=now):
            media.ask(upload)


def deliver(*, sending_id: int, now: datetime) -> None:
    """Send one customer-service message."""
    sendings.deliver(sending_id, now=now)


def remind_of_rules(*, now: datetime) -> None:
    """Tell each department how many of its rules are past the day until which to trust them."""
    owners, counts = accounts.owners(), Counter[int | None]()
    for one in listing.overdue(clock.local_day(now)):
        account = one.account_id
        counts[one.department_id if account is None else owners[account]] += one.count
    for department_id, count in counts.items():
        alarms.raise_alarm(
            "rules.due",
            department_id or "city",
            f"有 {count} 条关键词规则过了复核日期，请核对内容后重新发布",
            now=now,
            department_id=department_id,
        )


def tidy(*, now: datetime) -> None:
    """Remove what has been kept long enough."""
    jobs.forget_done(before=now - _DONE_JOBS_KEPT)
    callbacks.forget_hours(before=now - callbacks.KEPT)
    inbox.forget(before=now - timedelta(days=settings.get().inbox_days), at_most=_TIDIED_AT_ONCE)
    hits.forget(before=clock.local_day(now - _HITS_KEPT))
    imports.forget(before=now - _IMPORTS_KEPT)
    unmatched.forget(before=now - timedelta(days=settings.get().unmatched_days))
    sights.forget_persons(before=now - _PERSONS_KEPT)
    sessions.forget(before=now - _SESSIONS_KEPT)
    throttle.forget(before=now - _FAILURES_KEPT)


INSIDE: dict[str, jobs.Handler] = {
    RULES_DUE: remind_of_rules,
    TIDY: tidy,
    seals.VERIFY: sealing.verify,
    codes.COUNT: codes.count,
    connecting.PATROL: connecting.patrol,
    connecting.REMIND: connecting.remind,
}
OUTSIDE: dict[str, jobs.Handler] = {
    accounts.CONNECT: connecting.connect,
    codes.MAKE: errands.make_code,
    conditional.ADD: errands.add_conditional,
    conditional.DELETE: errands.delete_conditional,
    connecting.CLEAR: connecting.clear_quota,
    connecting.DRAW: connecting.draw,
    gathering.GATHER: gathering.gather,
    imports.CHECK: working.check,
    imports.APPLY: working.apply,
    keys.PROVE: connecting.prove_secret,
    probes.CHECK: connecting.check,
    surveys.SURVEY: connecting.survey,
    MEDIA_REFRESH: refresh_media,
    media.UPLOAD: upload_media,
    menus.PUSH: errands.push_menu,
    sendings.DELIVER: deliver,
    seals.SEAL: sealing.seal,
    seals.VERIFY_ON: sealing.verify_on,
    sights.LOOK: errands.look_at_menu,
    sights.TRY: errands.try_menu,
}


def register() -> None:
    """Make the handlers known to this process."""
    jobs.register(inside=INSIDE, outside=OUTSIDE)
