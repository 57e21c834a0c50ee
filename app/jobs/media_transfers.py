"""Jobs that move files: uploads to an account's WeChat storage, downloads of what citizens sent.

An upload lapses after three days (wechat-platform.md 7.5), so a periodic job requests those that
the published rules still need.
"""

from datetime import datetime

from app import snapshots
from config.database import read_only, transaction
from matrix import accounts, media
from matrix.inbox import attachments
from matrix.wechat import gateway


def upload_media(*, account_id: int, file_id: int, now: datetime) -> None:
    """Upload one of our files for one account and record its media id.

    Raises Temporary to be tried again, Refused and NotAuthorised when WeChat does not take it.
    """
    with read_only():
        kind, content, digest = media.get_content(file_id)
        credentials = accounts.credentials(account_id)
    # An upload that is repeated after a crash makes a second temporary file at WeChat, which
    # lapses.
    upload = gateway.upload_media(credentials, kind, content, now=now)
    with transaction():
        # the digest says which content was uploaded: the file may have been replaced during the
        # call
        media.record_upload(account_id, file_id, upload, digest=digest)


def refresh_media(*, now: datetime) -> None:
    """Request every upload that published rules need and that is missing or lapses soon."""
    # before the transaction: `refresh` opens a read-only one of its own
    required = snapshots.refresh().required_media
    with transaction():
        for upload in media.list_due_uploads(required, now=now):
            media.request_upload(upload)


def download_attachment(*, inbox_id: int, now: datetime) -> None:
    """Download what a citizen sent, if staff have requested it. Raises Temporary to be tried again.

    Refused here means most often that the file is older than the three days that WeChat keeps it.
    """
    with read_only():
        requested = attachments.find_requested(inbox_id)
        credentials = accounts.credentials(requested.account_id) if requested else None
    if requested is None or credentials is None:
        return
    try:
        downloaded = gateway.download_media(credentials, requested.media_id)
    except (gateway.Refused, gateway.NotAuthorised) as error:
        with transaction():
            # not raised: trying again cannot help, and staff see the reason beside the message
            attachments.mark_failed(inbox_id, str(error))
        return
    with transaction():
        attachments.store(inbox_id, downloaded)
