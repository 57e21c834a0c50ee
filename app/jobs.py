"""Jobs by name: what happens later, where rooms meet.

Handlers in INSIDE share one transaction with their completion. Handlers in OUTSIDE call
strangers, or have transactions of their own; none of them is open during a call.
"""

from collections import Counter
from datetime import datetime, timedelta

from app import connecting, errands, gathering, live
from app.exchange import working
from config import alarms, clock, jobs, settings
from config.database import reading, transaction
from keywords import hits, imports, listing, unmatched
from matrix import (
    accounts,
    blocks,
    callbacks,
    codes,
    enclosures,
    inbox,
    keys,
    media,
    menus,
    probes,
    sendings,
    surveys,
    talks,
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
    """Send one customer-service message; a talk whose answer was refused waits again."""
    sendings.deliver(sending_id, now=now)
    with transaction():
        talks.delivered(sending_id)


def send_picture(*, answer_id: int, now: datetime) -> None:
    """Give the account an answer's picture, then send it."""
    with reading():
        needed = talks.picture_for(answer_id)
    if needed is None:
        return
    account_id, file_id = needed
    try:
        upload_media(account_id=account_id, file_id=file_id, now=now)
    except (gateway.Refused, gateway.NotAuthorised) as error:
        with transaction():
            talks.fail_picture(answer_id, str(error))
        return
    with transaction():
        talks.send_picture(answer_id, now=now)


def fetch_enclosure(*, inbox_id: int, now: datetime) -> None:
    """Fetch what a citizen sent, because somebody wants to see it."""
    with reading():
        wanted = enclosures.wanted(inbox_id)
        credentials = accounts.credentials(wanted.account_id) if wanted else None
    if wanted is None or credentials is None:
        return
    try:
        came = gateway.download_media(credentials, wanted.media_id)
    except (gateway.Refused, gateway.NotAuthorised) as error:
        with transaction():
            enclosures.lose(inbox_id, str(error))
        return
    with transaction():
        enclosures.arrived(inbox_id, came)


def carry_block(*, follower_id: int, now: datetime) -> None:
    """Put a follower on WeChat's own blacklist, or take one off."""
    with reading():
        errand = blocks.errand(follower_id)
        credentials = accounts.credentials(errand.account_id) if errand else None
    if errand is None or credentials is None:
        return
    tell = gateway.block_followers if errand.on else gateway.unblock_followers
    problem = None
    try:
        tell(credentials, [errand.openid])
    except (gateway.Refused, gateway.NotAuthorised) as error:
        problem = str(error)
    with transaction():
        blocks.carried(follower_id, errand, problem=problem)


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
    before = now - timedelta(days=settings.get().inbox_days)
    # a sending points at its message, so what was sent goes first
    if sendings.forget(before=before, at_most=_TIDIED_AT_ONCE) < _TIDIED_AT_ONCE:
        inbox.forget(before=before, at_most=_TIDIED_AT_ONCE)
    talks.forget(before=before)
    hits.forget(before=clock.local_day(now - _HITS_KEPT))
    imports.forget(before=now - _IMPORTS_KEPT)
    unmatched.forget(before=now - timedelta(days=settings.get().unmatched_days))
    sights.forget_persons(before=now - _PERSONS_KEPT)
    callbacks.forget_hours(before=now - callbacks.KEPT)
    sessions.forget(before=now - _SESSIONS_KEPT)
    throttle.forget(before=now - _FAILURES_KEPT)


def gather_talks(*, now: datetime) -> None:
    """Bring the list of talks up to date with the inbox."""
    talks.gather(now=now)


INSIDE: dict[str, jobs.Handler] = {
    RULES_DUE: remind_of_rules,
    TIDY: tidy,
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
    blocks.CARRY: carry_block,
    enclosures.FETCH: fetch_enclosure,
    media.UPLOAD: upload_media,
    menus.PUSH: errands.push_menu,
    sendings.DELIVER: deliver,
    sights.LOOK: errands.look_at_menu,
    sights.TRY: errands.try_menu,
    talks.GATHER: gather_talks,
    talks.SEND_PICTURE: send_picture,
}


def register() -> None:
    """Make the handlers known to this process."""
    jobs.register(inside=INSIDE, outside=OUTSIDE)
