"""The registry: which handler does the work of which job name.

A handler is called with `now` and the payload that `enqueue` was given, as keyword arguments. It
may run twice (see `config.jobs`), so it checks the state of the rows first.
"""

from app.jobs import (
    account_checks,
    audit_seals,
    blocklist_sync,
    conversation_updates,
    inbox_statistics,
    maintenance,
    media_transfers,
    menus_and_qrcodes,
    message_delivery,
    notifications,
    rule_file_imports,
    rule_reminders,
)
from app.jobs.audit_seals import AuditJob
from app.jobs.inbox_statistics import InboxJob
from app.jobs.maintenance import MaintenanceJob
from app.jobs.rule_reminders import RuleReminderJob
from config import jobs
from config.jobs import Handler, JobName
from keywords.rules.rule_imports import RuleImportJob
from matrix import qrcodes
from matrix.accounts.jobs_and_alerts import AccountJob
from matrix.blocklist import BlocklistJob
from matrix.conversations import ConversationJob
from matrix.health.statistics import HealthJob
from matrix.inbox.attachments import AttachmentJob
from matrix.media import MediaJob
from matrix.menus.jobs_and_alerts import MenuJob
from matrix.notifications.channels import NotificationJob
from matrix.outbound import OutboundJob
from matrix.qrcodes import QrCodeJob

# These share one transaction with the completion of their job, so their changes happen exactly
# once. They must not call WeChat: a slow answer would keep the transaction open.
TRANSACTIONAL: dict[JobName, Handler] = {
    RuleReminderJob.WARN_OVERDUE_REVIEWS: rule_reminders.warn_overdue_reviews,
    MaintenanceJob.PURGE_EXPIRED: maintenance.purge_expired,
    AuditJob.VERIFY: audit_seals.verify,
    QrCodeJob.COUNT_SCANS: qrcodes.count_scans,
    AccountJob.CHECK_ALL: account_checks.check_all,
    AccountJob.WARN_EXPIRING_VERIFICATION: account_checks.warn_expiring_verification,
}
# These call WeChat, or do so much that one transaction would keep others waiting. They open their
# own, and none is open during a call.
NON_TRANSACTIONAL: dict[JobName, Handler] = {
    AccountJob.CONNECT: account_checks.import_console_content,
    AccountJob.CHECK_CONNECTION: account_checks.check_connection,
    AccountJob.VERIFY_SECRET: account_checks.verify_secret,
    AccountJob.CREATE_QRCODE: account_checks.create_account_qrcode,
    AccountJob.CLEAR_QUOTA: account_checks.clear_quota,
    HealthJob.COMPUTE: account_checks.update_statistics,
    MenuJob.PUSH: menus_and_qrcodes.push_menu,
    MenuJob.CREATE_CONDITIONAL: menus_and_qrcodes.add_conditional,
    MenuJob.DELETE_CONDITIONAL: menus_and_qrcodes.delete_conditional,
    MenuJob.REFRESH: menus_and_qrcodes.refresh_remote_menu,
    MenuJob.PREVIEW: menus_and_qrcodes.preview_menu,
    QrCodeJob.CREATE: menus_and_qrcodes.create_qrcode,
    MediaJob.UPLOAD: media_transfers.upload_media,
    MediaJob.REFRESH: media_transfers.refresh_media,
    AttachmentJob.DOWNLOAD: media_transfers.download_attachment,
    OutboundJob.DELIVER: message_delivery.deliver_message,
    ConversationJob.SEND_IMAGE: message_delivery.send_image,
    ConversationJob.REFRESH: conversation_updates.update_conversations,
    BlocklistJob.SYNC: blocklist_sync.update_blacklist,
    InboxJob.UPDATE_STATISTICS: inbox_statistics.update_statistics,
    RuleImportJob.CHECK: rule_file_imports.check,
    RuleImportJob.APPLY: rule_file_imports.apply,
    AuditJob.SEAL: audit_seals.seal,
    AuditJob.VERIFY_SEGMENT: audit_seals.verify_segment,
    NotificationJob.PLAN: notifications.plan,
    NotificationJob.DELIVER: notifications.deliver,
    NotificationJob.TEST: notifications.send_test,
}
# These have workers of their own: somebody must know of a citizen in danger within ten seconds,
# whatever else is to be done.
URGENT: frozenset[JobName] = frozenset(NotificationJob)


def register() -> None:
    """Make the handlers known to this process."""
    jobs.register(transactional=TRANSACTIONAL, non_transactional=NON_TRANSACTIONAL, urgent=URGENT)
