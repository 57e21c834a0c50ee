"""The kinds of alert of every package, collected for labels, filters and preferences.

Each noun declares its own enum in its module, because `config.alerts` knows no noun. A convention
test fails when an enum is missing here.
"""

from app.jobs.audit_seals import AuditAlert
from app.jobs.rule_reminders import RuleAlert
from config.alerts import AlertKind
from config.jobs import JobAlert
from keywords.publishing.policy_requests import ReviewAlert
from matrix.accounts.jobs_and_alerts import AccountAlert
from matrix.inbox import InboxAlert
from matrix.menus.jobs_and_alerts import MenuAlert
from matrix.notifications.deliveries import NotificationAlert
from matrix.staff.sign_in.throttle import StaffAlert

ALERT_ENUMS = (
    InboxAlert,
    AccountAlert,
    MenuAlert,
    RuleAlert,
    ReviewAlert,
    JobAlert,
    NotificationAlert,
    StaffAlert,
    AuditAlert,
)
# every kind of alert by its stored string; danger to citizens first
KINDS: dict[str, AlertKind] = {kind.value: kind for kinds in ALERT_ENUMS for kind in kinds}


def label_of(kind: str) -> str:
    """The Chinese label of a kind; an old row may have one that is not raised any more."""
    return KINDS[kind].label if kind in KINDS else kind
