"""The audit actions of every package, collected for search, filters, exports and display.

Each noun declares its own enum in its module, because `config.audit` knows no noun. A convention
test fails when an enum is missing here.
"""

from config.alerts import AlertAction
from config.audit.actions import collect
from config.audit.exports import AuditLogAction
from keywords.rules.default_replies import DefaultReplyAction
from keywords.rules.review_policies import ReviewPolicyAction
from keywords.rules.rule_imports import RuleImportAction
from keywords.rules.versions import RuleAction, RuleVersionAction
from keywords.statistics.unanswered import UnansweredAction
from matrix.accounts.actions import AccountAction, AccountTodoAction, KeyRotationAction
from matrix.articles import ArticleAction
from matrix.blocklist import BlocklistAction
from matrix.canned_responses import CannedResponseAction
from matrix.conversations.replying import ReplyAction
from matrix.conversations.thread import ThreadAction
from matrix.departments import DepartmentAction
from matrix.inbox.attachments import AttachmentAction
from matrix.media.files import MediaAction
from matrix.menus.actions import MenuAction
from matrix.notifications.channels import NotificationAction
from matrix.qrcodes.codes import QrCodeAction
from matrix.staff.members import StaffAction
from matrix.staff.sign_in.authentication import SignInAction
from matrix.staff.sign_in.ip_allowlist import NetworkAction
from services.catalogue import GuideAction

ACTION_ENUMS = (
    AccountAction,
    AccountTodoAction,
    AlertAction,
    ArticleAction,
    AttachmentAction,
    AuditLogAction,
    BlocklistAction,
    CannedResponseAction,
    DefaultReplyAction,
    DepartmentAction,
    GuideAction,
    KeyRotationAction,
    MediaAction,
    MenuAction,
    NetworkAction,
    NotificationAction,
    QrCodeAction,
    ReplyAction,
    ReviewPolicyAction,
    RuleAction,
    RuleImportAction,
    RuleVersionAction,
    SignInAction,
    StaffAction,
    ThreadAction,
    UnansweredAction,
)
LABELS = collect(ACTION_ENUMS)
