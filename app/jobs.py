"""Jobs by name: what happens later, where rooms meet.

Handlers in INSIDE share one transaction with their completion. Handlers in OUTSIDE call
strangers, or have transactions of their own; none of them is open during a call.
"""

from datetime import datetime, timedelta

from app import connecting, live, sealing
from config import jobs, settings
from config.audit import seals
from config.database import reading, transaction
from matrix import accounts, callbacks, inbox, keys, media, menus, probes, sendings, surveys
from matrix.staff import sessions, throttle
from matrix.wechat import gateway

MEDIA_REFRESH = "media.refresh"
TIDY = "house.tidy"

_DONE_JOBS_KEPT = timedelta(days=7)
_SESSIONS_KEPT = timedelta(days=30)
_FAILURES_KEPT = timedelta(days=1)
_TIDIED_AT_ONCE = 5000


def push_menu(*, menu_id: int, now: datetime) -> None:
    """Show an account's newest menu in WeChat; an older version is left alone."""
    with reading():
        menu = menus.get(menu_id)
        newest = menus.newest(menu.account_id)
        if menu.pushed_at is not None or newest is None or newest.id != menu_id:
            return
        credentials = accounts.credentials(menu.account_id)
        buttons = menus.parse(menu.buttons)
    gateway.create_menu(credentials, buttons)
    with transaction():
        menus.pushed(menu_id, now=now)


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


def tidy(*, now: datetime) -> None:
    """Remove what has been kept long enough."""
    jobs.forget_done(before=now - _DONE_JOBS_KEPT)
    callbacks.forget_hours(before=now - callbacks.KEPT)
    inbox.forget(before=now - timedelta(days=settings.get().inbox_days), at_most=_TIDIED_AT_ONCE)
    sessions.forget(before=now - _SESSIONS_KEPT)
    throttle.forget(before=now - _FAILURES_KEPT)


INSIDE: dict[str, jobs.Handler] = {
    TIDY: tidy,
    seals.VERIFY: sealing.verify,
    connecting.PATROL: connecting.patrol,
    connecting.REMIND: connecting.remind,
}
OUTSIDE: dict[str, jobs.Handler] = {
    accounts.CONNECT: connecting.connect,
    connecting.CLEAR: connecting.clear_quota,
    connecting.DRAW: connecting.draw,
    keys.PROVE: connecting.prove_secret,
    probes.CHECK: connecting.check,
    surveys.SURVEY: connecting.survey,
    MEDIA_REFRESH: refresh_media,
    media.UPLOAD: upload_media,
    menus.PUSH: push_menu,
    sendings.DELIVER: deliver,
    seals.SEAL: sealing.seal,
    seals.VERIFY_ON: sealing.verify_on,
}


def register() -> None:
    """Make the handlers known to this process."""
    jobs.register(inside=INSIDE, outside=OUTSIDE)
