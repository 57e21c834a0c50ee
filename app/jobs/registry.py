"""Jobs by name: what happens later, where rooms meet.

Handlers in INSIDE share one transaction with their completion. Handlers in OUTSIDE call
strangers, or have transactions of their own; none of them is open during a call.
"""

from collections import Counter
from datetime import datetime, timedelta

from app import snapshots
from app.jobs import account_checks, audit_seals, inbox_statistics, menu_sync, rule_file_imports
from config import alerts, clock, jobs, settings
from config.audit import hash_chain
from config.database import read_only, transaction
from keywords.rules import listing, rule_imports
from keywords.statistics import hits, unanswered
from matrix import accounts, blocklist, conversations, inbox, media, menus, outbound, qrcodes
from matrix.accounts import callback_stats, connection_checks, key_rotation
from matrix.health import statistics
from matrix.inbox import attachments
from matrix.menus import conditional, remote_state
from matrix.staff import sessions, throttle
from matrix.wechat import gateway

MEDIA_REFRESH = "media.refresh"
WARN_OVERDUE_REVIEWS = "rules.review_overdue"
PURGE_EXPIRED = "maintenance.purge_expired"

_JOB_RETENTION = timedelta(days=7)
_SESSION_RETENTION = timedelta(days=30)
_THROTTLE_RETENTION = timedelta(days=1)
_PREVIEW_RETENTION = timedelta(days=1)
_PURGE_BATCH = 5000
_IMPORT_RETENTION = timedelta(days=90)
_HIT_RETENTION = timedelta(days=3 * 366)


def upload_media(*, account_id: int, file_id: int, now: datetime) -> None:
    """Give an account a file of ours, and write down its id there."""
    with read_only():
        kind, content, digest = media.get_content(file_id)
        credentials = accounts.credentials(account_id)
    upload = gateway.upload_media(credentials, kind, content, now=now)
    with transaction():
        media.record_upload(account_id, file_id, upload, digest=digest)


def refresh_media(*, now: datetime) -> None:
    """Ask for every upload that live rules need and that is missing or lapses soon."""
    wanted = snapshots.refresh().required_media  # reads in a transaction of its own
    with transaction():
        for upload in media.list_due_uploads(wanted, now=now):
            media.request_upload(upload)


def deliver_message(*, sending_id: int, now: datetime) -> None:
    """Send one customer-service message; a talk whose answer was refused waits again."""
    outbound.deliver(sending_id, now=now)
    with transaction():
        conversations.record_delivery(sending_id)


def send_image(*, answer_id: int, now: datetime) -> None:
    """Give the account an answer's picture, then send it."""
    with read_only():
        needed = conversations.find_image_to_upload(answer_id)
    if needed is None:
        return
    account_id, file_id = needed
    try:
        upload_media(account_id=account_id, file_id=file_id, now=now)
    except (gateway.Refused, gateway.NotAuthorised) as error:
        with transaction():
            conversations.mark_image_failed(answer_id, str(error))
        return
    with transaction():
        conversations.send_image(answer_id, now=now)


def fetch_attachment(*, inbox_id: int, now: datetime) -> None:
    """Fetch what a citizen sent, because somebody wants to see it."""
    with read_only():
        wanted = attachments.find_requested(inbox_id)
        credentials = accounts.credentials(wanted.account_id) if wanted else None
    if wanted is None or credentials is None:
        return
    try:
        downloaded = gateway.download_media(credentials, wanted.media_id)
    except (gateway.Refused, gateway.NotAuthorised) as error:
        with transaction():
            attachments.mark_failed(inbox_id, str(error))
        return
    with transaction():
        attachments.store(inbox_id, downloaded)


def update_blacklist(*, follower_id: int, now: datetime) -> None:
    """Put a follower on WeChat's own blacklist, or take one off."""
    with read_only():
        task = blocklist.find_pending_task(follower_id)
        credentials = accounts.credentials(task.account_id) if task else None
    if task is None or credentials is None:
        return
    call = gateway.block_followers if task.add else gateway.unblock_followers
    problem = None
    try:
        call(credentials, [task.openid])
    except (gateway.Refused, gateway.NotAuthorised) as error:
        problem = str(error)
    with transaction():
        blocklist.mark_done(follower_id, task, problem=problem)


def warn_overdue_reviews(*, now: datetime) -> None:
    """Tell each department how many of its rules are past the day until which to trust them."""
    owners, counts = accounts.department_ids(), Counter[int | None]()
    for one in listing.count_overdue(clock.local_day(now)):
        account = one.account_id
        counts[one.department_id if account is None else owners[account]] += one.count
    for department_id, count in counts.items():
        alerts.raise_alert(
            "rules.review_overdue",
            department_id or "city",
            f"有 {count} 条关键词规则过了复核日期，请核对内容后重新发布",
            now=now,
            department_id=department_id,
        )


def purge_expired(*, now: datetime) -> None:
    """Remove what has been kept long enough."""
    jobs.purge_done(before=now - _JOB_RETENTION)
    before = now - timedelta(days=settings.get().inbox_days)
    # a sending points at its message, so what was sent goes first
    if outbound.delete_older_than(before=before, at_most=_PURGE_BATCH) < _PURGE_BATCH:
        inbox.delete_older_than(before=before, at_most=_PURGE_BATCH)
    conversations.delete_older_than(before=before)
    hits.delete_older_than(before=clock.local_day(now - _HIT_RETENTION))
    rule_imports.delete_older_than(before=now - _IMPORT_RETENTION)
    unanswered.delete_older_than(before=now - timedelta(days=settings.get().unmatched_days))
    remote_state.delete_previews_older_than(before=now - _PREVIEW_RETENTION)
    callback_stats.delete_hours_older_than(before=now - callback_stats.RETENTION)
    sessions.delete_older_than(before=now - _SESSION_RETENTION)
    throttle.delete_older_than(before=now - _THROTTLE_RETENTION)


def update_conversations(*, now: datetime) -> None:
    """Bring the list of talks up to date with the inbox."""
    conversations.refresh(now=now)


TRANSACTIONAL: dict[str, jobs.Handler] = {
    WARN_OVERDUE_REVIEWS: warn_overdue_reviews,
    PURGE_EXPIRED: purge_expired,
    hash_chain.VERIFY: audit_seals.verify,
    qrcodes.COUNT: qrcodes.count_scans,
    account_checks.CHECK_ALL: account_checks.check_all,
    account_checks.WARN_EXPIRING_VERIFICATION: account_checks.warn_expiring_verification,
}
NON_TRANSACTIONAL: dict[str, jobs.Handler] = {
    accounts.CONNECT: account_checks.import_console_content,
    qrcodes.CREATE: menu_sync.create_qrcode,
    conditional.CREATE: menu_sync.add_conditional,
    conditional.DELETE: menu_sync.delete_conditional,
    account_checks.CLEAR_QUOTA: account_checks.clear_quota,
    account_checks.CREATE_QRCODE: account_checks.create_account_qrcode,
    inbox_statistics.UPDATE_STATISTICS: inbox_statistics.update_statistics,
    rule_imports.CHECK_JOB: rule_file_imports.check,
    rule_imports.APPLY_JOB: rule_file_imports.apply,
    key_rotation.VERIFY_SECRET: account_checks.verify_secret,
    connection_checks.CHECK_CONNECTION: account_checks.check_connection,
    statistics.COMPUTE: account_checks.update_statistics,
    MEDIA_REFRESH: refresh_media,
    blocklist.SYNC: update_blacklist,
    attachments.FETCH: fetch_attachment,
    media.UPLOAD: upload_media,
    menus.PUSH: menu_sync.push_menu,
    outbound.DELIVER: deliver_message,
    hash_chain.SEAL: audit_seals.seal,
    hash_chain.VERIFY_SEGMENT: audit_seals.verify_segment,
    remote_state.REFRESH: menu_sync.refresh_remote_menu,
    remote_state.PREVIEW: menu_sync.preview_menu,
    conversations.REFRESH: update_conversations,
    conversations.SEND_IMAGE: send_image,
}


def register() -> None:
    """Make the handlers known to this process."""
    jobs.register(transactional=TRANSACTIONAL, non_transactional=NON_TRANSACTIONAL)
