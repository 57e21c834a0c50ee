"""Followers, what they write, what is answered, and outbound messages."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
JSON = sa.JSON(none_as_null=True)
TABLES = (
    "inbox_cursors",
    "inbox_days",
    "canned_responses",
    "followers",
    "inbox_daily_counts",
    "inbox_messages",
    "awaited_replies",
    "attachments",
    "blocklist_entries",
    "conversations",
    "outbound_messages",
    "agent_replies",
)

OUTCOMES = (
    "rule",
    "emergency",
    "suggestion",
    "fallback",
    "welcome",
    "silent",
    "information",
    "small_talk",
    "for_staff",
    "not_shown",
)


def _choice(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)


def _only(condition: str) -> dict[str, Any]:
    # a partial index, on both engines
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    _inbox_cursors()
    _inbox_days()
    _canned_responses()
    _followers()
    _inbox_daily_counts()
    _inbox_messages()
    _awaited_replies()
    _attachments()
    _blocklist_entries()
    _conversations()
    _outbound_messages()
    _agent_replies()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _inbox_cursors() -> None:
    op.create_table(
        "inbox_cursors",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("position", BIG_KEY, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_inbox_cursors")),
    )


def _inbox_days() -> None:
    op.create_table(
        "inbox_days",
        sa.Column("local_day", sa.Date(), nullable=False),
        sa.Column("first_id", BIG_KEY, nullable=False),
        sa.PrimaryKeyConstraint("local_day", name=op.f("pk_inbox_days")),
    )


def _canned_responses() -> None:
    op.create_table(
        "canned_responses",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("department_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["department_id"],
            ["departments.id"],
            name=op.f("fk_canned_responses_department_id_departments"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_canned_responses")),
        sa.UniqueConstraint(
            "department_id", "title", name=op.f("uq_canned_responses_department_id_title")
        ),
    )


def _followers() -> None:
    op.create_table(
        "followers",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("openid", sa.String(), nullable=False),
        sa.Column("is_subscribed", sa.Boolean(), nullable=False),
        sa.Column("subscribed_at", INSTANT, nullable=True),
        sa.Column("unsubscribed_at", INSTANT, nullable=True),
        sa.Column("scene", sa.String(), nullable=True),
        sa.Column("first_seen_at", INSTANT, nullable=False),
        sa.Column("last_seen_at", INSTANT, nullable=False),
        sa.Column("message_at", INSTANT, nullable=True),
        sa.Column("sent_since_message", sa.Integer(), nullable=False),
        sa.Column("event_at", INSTANT, nullable=True),
        sa.Column("sent_since_event", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_followers_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_followers")),
        sa.UniqueConstraint("account_id", "openid", name=op.f("uq_followers_account_id_openid")),
    )


def _inbox_daily_counts() -> None:
    op.create_table(
        "inbox_daily_counts",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("local_day", sa.Date(), nullable=False),
        sa.Column(
            "outcome",
            _choice("outcome", *OUTCOMES),
            nullable=False,
        ),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_inbox_daily_counts_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint(
            "account_id", "local_day", "outcome", name=op.f("pk_inbox_daily_counts")
        ),
    )


def _inbox_messages() -> None:
    op.create_table(
        "inbox_messages",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("dedupe_key", sa.String(), nullable=False),
        sa.Column("openid", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("content", JSON, nullable=True),
        sa.Column("sent_at", INSTANT, nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("local_day", sa.Date(), nullable=False),
        sa.Column(
            "outcome",
            _choice("outcome", *OUTCOMES),
            nullable=False,
        ),
        sa.Column("rule_slug", sa.String(), nullable=True),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("deliveries", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_inbox_messages_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox_messages")),
        sa.UniqueConstraint(
            "account_id",
            "openid",
            "dedupe_key",
            name=op.f("uq_inbox_messages_account_id_openid_dedupe_key"),
        ),
    )


def _awaited_replies() -> None:
    op.create_table(
        "awaited_replies",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("openid", sa.String(), nullable=False),
        sa.Column("inbox_id", BIG_KEY, nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_awaited_replies_account_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["inbox_id"],
            ["inbox_messages.id"],
            name=op.f("fk_awaited_replies_inbox_id_inbox_messages"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "openid", name=op.f("pk_awaited_replies")),
    )
    op.create_index("ix_awaited_replies_inbox_id", "awaited_replies", ["inbox_id"], unique=False)
    op.create_index("ix_awaited_replies_asked_at", "awaited_replies", ["asked_at"], unique=False)


def _attachments() -> None:
    op.create_table(
        "attachments",
        sa.Column("inbox_id", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column(
            "state", _choice("attachmentstate", "requested", "stored", "failed"), nullable=False
        ),
        sa.Column("mime", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("requested_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["inbox_id"],
            ["inbox_messages.id"],
            name=op.f("fk_attachments_inbox_id_inbox_messages"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("inbox_id", name=op.f("pk_attachments")),
    )


def _blocklist_entries() -> None:
    op.create_table(
        "blocklist_entries",
        sa.Column("follower_id", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("state", _choice("blockstate", "active", "unblocked"), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("blocked_by", sa.String(), nullable=False),
        sa.Column("blocked_at", INSTANT, nullable=False),
        sa.Column(
            "at_wechat",
            _choice("wechatblackliststate", "none", "adding", "done", "removing", "failed"),
            nullable=False,
        ),
        sa.Column("problem", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_blocklist_entries_account_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["follower_id"],
            ["followers.id"],
            name=op.f("fk_blocklist_entries_follower_id_followers"),
        ),
        sa.PrimaryKeyConstraint("follower_id", name=op.f("pk_blocklist_entries")),
    )
    op.create_index(
        "ix_blocklist_entries_account_id", "blocklist_entries", ["account_id"], unique=False
    )


def _conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("follower_id", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("last_id", BIG_KEY, nullable=False),
        sa.Column("last_at", INSTANT, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("preview", sa.String(), nullable=False),
        sa.Column(
            "outcome",
            _choice("outcome", *OUTCOMES),
            nullable=False,
        ),
        sa.Column("waiting_since", INSTANT, nullable=True),
        sa.Column("for_staff_id", BIG_KEY, nullable=True),
        sa.Column("handled_id", BIG_KEY, nullable=False),
        sa.Column("handled_at", INSTANT, nullable=True),
        sa.Column("handled_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_conversations_account_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["follower_id"], ["followers.id"], name=op.f("fk_conversations_follower_id_followers")
        ),
        sa.PrimaryKeyConstraint("follower_id", name=op.f("pk_conversations")),
    )
    op.create_index(
        "ix_conversations_account_id_last_id",
        "conversations",
        ["account_id", "last_id"],
        unique=False,
    )
    op.create_index("ix_conversations_last_id", "conversations", ["last_id"], unique=False)
    op.create_index(
        "ix_conversations_waiting",
        "conversations",
        ["account_id", "last_id"],
        unique=False,
        **_only("waiting_since IS NOT NULL"),
    )


def _outbound_messages() -> None:
    op.create_table(
        "outbound_messages",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("follower_id", BIG_KEY, nullable=False),
        sa.Column("inbox_id", BIG_KEY, nullable=True),
        sa.Column("content", JSON, nullable=False),
        sa.Column(
            "state",
            _choice("outboundstate", "queued", "sending", "sent", "refused", "unconfirmed"),
            nullable=False,
        ),
        sa.Column("errcode", sa.Integer(), nullable=True),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_outbound_messages_account_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["follower_id"],
            ["followers.id"],
            name=op.f("fk_outbound_messages_follower_id_followers"),
        ),
        sa.ForeignKeyConstraint(
            ["inbox_id"],
            ["inbox_messages.id"],
            name=op.f("fk_outbound_messages_inbox_id_inbox_messages"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbound_messages")),
    )
    op.create_index(
        "ix_outbound_messages_follower_id_created_at",
        "outbound_messages",
        ["follower_id", "created_at"],
        unique=False,
    )
    op.create_index("ix_outbound_messages_state", "outbound_messages", ["state"], unique=False)


def _agent_replies() -> None:
    op.create_table(
        "agent_replies",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("follower_id", BIG_KEY, nullable=False),
        sa.Column("outbound_id", BIG_KEY, nullable=True),
        sa.Column("file_id", sa.Integer(), nullable=True),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("staff_name", sa.String(), nullable=False),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["file_id"], ["media_files.id"], name=op.f("fk_agent_replies_file_id_media_files")
        ),
        sa.ForeignKeyConstraint(
            ["follower_id"], ["followers.id"], name=op.f("fk_agent_replies_follower_id_followers")
        ),
        sa.ForeignKeyConstraint(
            ["outbound_id"],
            ["outbound_messages.id"],
            name=op.f("fk_agent_replies_outbound_id_outbound_messages"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_agent_replies_staff_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agent_replies")),
        sa.UniqueConstraint("key", name=op.f("uq_agent_replies_key")),
        sa.UniqueConstraint("outbound_id", name=op.f("uq_agent_replies_outbound_id")),
    )
    op.create_index(
        "ix_agent_replies_follower_id_created_at",
        "agent_replies",
        ["follower_id", "created_at"],
        unique=False,
    )
