"""Every table of every package, imported in one place.

A table enters `Base.metadata` when its module is imported. Whoever needs all tables (the
command that encrypts anew, tests of migrations) imports this module.
"""

from config import alerts, audit, cache_versions, cron_lock, jobs
from config.audit import hash_chain
from config.database import Base
from keywords.publishing import policy_requests
from keywords.rules import (
    default_replies,
    review_policies,
    rule_imports,
    store,
    versions,
)
from keywords.statistics import hits, unanswered
from matrix import (
    accounts,
    articles,
    blocklist,
    canned_responses,
    departments,
    followers,
    inbox,
    outbound,
)
from matrix.accounts import callback_stats, connection_checks, todos
from matrix.conversations import projection, replying
from matrix.health import statistics
from matrix.inbox import attachments, awaited_replies, cursors, daily_counts, days
from matrix.media import files, uploads
from matrix.menus import conditional, remote_state
from matrix.menus import versions as menu_versions
from matrix.notifications import channels as notification_channels
from matrix.notifications import deliveries, preferences
from matrix.qrcodes import codes, scan_counts
from matrix.staff import grants, members
from matrix.staff.sign_in import (
    ip_allowlist,
    one_time_links,
    passwords,
    sessions,
    throttle,
    two_factor,
)
from services import catalogue

TABLE_MODULES = (
    todos,
    accounts,
    alerts,
    replying,
    articles,
    audit,
    blocklist,
    callback_stats,
    catalogue,
    conditional,
    departments,
    attachments,
    awaited_replies,
    two_factor,
    files,
    followers,
    projection,
    grants,
    versions,
    hits,
    rule_imports,
    inbox,
    jobs,
    one_time_links,
    ip_allowlist,
    passwords,
    members,
    canned_responses,
    policy_requests,
    review_policies,
    connection_checks,
    cache_versions,
    hash_chain,
    scan_counts,
    codes,
    outbound,
    sessions,
    remote_state,
    store,
    statistics,
    default_replies,
    throttle,
    cron_lock,
    daily_counts,
    days,
    unanswered,
    cursors,
    uploads,
    menu_versions,
    notification_channels,
    preferences,
    deliveries,
)
metadata = Base.metadata
