"""Departments, accounts and staff."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
JSON = sa.JSON(none_as_null=True)
TABLES = (
    "departments",
    "staff_allowed_networks",
    "staff_failure_counts",
    "accounts",
    "department_names",
    "staff",
    "account_callback_hours",
    "account_callback_status",
    "account_connection_checks",
    "account_stats",
    "account_todos",
    "staff_grants",
    "staff_one_time_links",
    "staff_password_history",
    "staff_recovery_codes",
    "staff_sessions",
)


def _choice(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)


def _only(condition: str) -> dict[str, Any]:
    # a partial index, on both engines
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    _departments()
    _staff_allowed_networks()
    _staff_failure_counts()
    _accounts()
    _department_names()
    _staff()
    _account_callback_hours()
    _account_callback_status()
    _account_connection_checks()
    _account_stats()
    _account_todos()
    _staff_grants()
    _staff_one_time_links()
    _staff_password_history()
    _staff_recovery_codes()
    _staff_sessions()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _departments() -> None:
    op.create_table(
        "departments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("successor_id", sa.Integer(), nullable=True),
        sa.Column("state", _choice("departmentstate", "active", "merged"), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("details", JSON, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(state = 'merged') = (successor_id IS NOT NULL)",
            name=op.f("ck_departments_merged_has_successor"),
        ),
        sa.CheckConstraint("parent_id <> id", name=op.f("ck_departments_not_own_parent")),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["departments.id"], name=op.f("fk_departments_parent_id_departments")
        ),
        sa.ForeignKeyConstraint(
            ["successor_id"],
            ["departments.id"],
            name=op.f("fk_departments_successor_id_departments"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_departments")),
        sa.UniqueConstraint("slug", name=op.f("uq_departments_slug")),
    )
    op.create_index("ix_departments_parent_id", "departments", ["parent_id"], unique=False)


def _staff_allowed_networks() -> None:
    op.create_table(
        "staff_allowed_networks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "role",
            _choice(
                "role",
                "matrix_admin",
                "department_admin",
                "editor",
                "reviewer_office",
                "reviewer_leader",
                "reviewer_principal",
                "reviewer_secrecy",
                "agent",
                "clerk",
                "auditor",
            ),
            nullable=False,
        ),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_allowed_networks")),
        sa.UniqueConstraint("role", "network", name=op.f("uq_staff_allowed_networks_role_network")),
    )


def _staff_failure_counts() -> None:
    op.create_table(
        "staff_failure_counts",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("last_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_staff_failure_counts")),
    )
    op.create_index(
        "ix_staff_failure_counts_last_at", "staff_failure_counts", ["last_at"], unique=False
    )


def _accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("appid", sa.String(), nullable=False),
        sa.Column("original_id", sa.String(), nullable=False),
        sa.Column("department_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", _choice("accountkind", "service", "subscription"), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("mode", _choice("encryptionmode", "plain", "compatible", "safe"), nullable=False),
        sa.Column("state", _choice("accountstate", "active", "paused"), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("aes_key", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("previous_token", sa.Text(), nullable=True),
        sa.Column("previous_aes_key", sa.Text(), nullable=True),
        sa.Column("rotated_at", INSTANT, nullable=True),
        sa.Column("pending_secret", sa.Text(), nullable=True),
        sa.Column("welcome", sa.String(), nullable=False),
        sa.Column("pause_reason", sa.String(), nullable=False),
        sa.Column("verified_until", sa.Date(), nullable=True),
        sa.Column("qr_url", sa.String(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["department_id"],
            ["departments.id"],
            name=op.f("fk_accounts_department_id_departments"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("appid", name=op.f("uq_accounts_appid")),
        sa.UniqueConstraint("original_id", name=op.f("uq_accounts_original_id")),
    )
    op.create_index("ix_accounts_department_id", "accounts", ["department_id"], unique=False)


def _department_names() -> None:
    op.create_table(
        "department_names",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("department_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("until", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["department_id"],
            ["departments.id"],
            name=op.f("fk_department_names_department_id_departments"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_department_names")),
    )
    op.create_index(
        "ix_department_names_department_id", "department_names", ["department_id"], unique=False
    )


def _staff() -> None:
    op.create_table(
        "staff",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sign_in_name", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("department_id", sa.Integer(), nullable=True),
        sa.Column("state", _choice("staffstate", "active", "disabled"), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("password_at", INSTANT, nullable=True),
        sa.Column("totp_secret", sa.Text(), nullable=True),
        sa.Column("totp_at", INSTANT, nullable=True),
        sa.Column("totp_step", sa.Integer(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("disabled_at", INSTANT, nullable=True),
        sa.Column("last_sign_in_at", INSTANT, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["department_id"], ["departments.id"], name=op.f("fk_staff_department_id_departments")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff")),
        sa.UniqueConstraint("sign_in_name", name=op.f("uq_staff_sign_in_name")),
    )
    op.create_index("ix_staff_department_id", "staff", ["department_id"], unique=False)


def _account_callback_hours() -> None:
    op.create_table(
        "account_callback_hours",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("hour", INSTANT, nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_account_callback_hours_account_id_accounts"),
        ),
        sa.PrimaryKeyConstraint("account_id", "hour", name=op.f("pk_account_callback_hours")),
    )


def _account_callback_status() -> None:
    op.create_table(
        "account_callback_status",
        sa.Column("account_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("verified_at", INSTANT, nullable=True),
        sa.Column("last_push_at", INSTANT, nullable=True),
        sa.Column("current_at", INSTANT, nullable=True),
        sa.Column("keys_at", INSTANT, nullable=True),
        sa.Column("previous_at", INSTANT, nullable=True),
        sa.Column("rejected_at", INSTANT, nullable=True),
        sa.Column("rejection_reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_account_callback_status_account_id_accounts"),
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_account_callback_status")),
    )


def _account_connection_checks() -> None:
    op.create_table(
        "account_connection_checks",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            _choice(
                "checkkind",
                "address",
                "push",
                "token",
                "allow_list",
                "ability",
                "import",
                "quota",
                "secret",
            ),
            nullable=False,
        ),
        sa.Column("state", _choice("checkstate", "waiting", "ok", "failed"), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("details", JSON, nullable=False),
        sa.Column("checked_at", INSTANT, nullable=False),
        sa.Column("last_ok_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_account_connection_checks_account_id_accounts"),
        ),
        sa.PrimaryKeyConstraint("account_id", "kind", name=op.f("pk_account_connection_checks")),
    )


def _account_stats() -> None:
    op.create_table(
        "account_stats",
        sa.Column("account_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("computed_at", INSTANT, nullable=False),
        sa.Column("unanswered", sa.Integer(), nullable=False),
        sa.Column("unanswered_since", INSTANT, nullable=True),
        sa.Column("sent_hour", sa.Integer(), nullable=False),
        sa.Column("failed_hour", sa.Integer(), nullable=False),
        sa.Column("sent_day", sa.Integer(), nullable=False),
        sa.Column("failed_day", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_account_stats_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_account_stats")),
    )


def _account_todos() -> None:
    op.create_table(
        "account_todos",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("kind", _choice("todokind", "keys", "secret"), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("opened_by", sa.String(), nullable=False),
        sa.Column("done_at", INSTANT, nullable=True),
        sa.Column("done_by", sa.String(), nullable=True),
        sa.Column("resolution", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_account_todos_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_todos")),
    )
    op.create_index(
        "ix_account_todos_open",
        "account_todos",
        ["account_id"],
        unique=False,
        **_only("done_at IS NULL"),
    )


def _staff_grants() -> None:
    op.create_table(
        "staff_grants",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column(
            "role",
            _choice(
                "role",
                "matrix_admin",
                "department_admin",
                "editor",
                "reviewer_office",
                "reviewer_leader",
                "reviewer_principal",
                "reviewer_secrecy",
                "agent",
                "clerk",
                "auditor",
            ),
            nullable=False,
        ),
        sa.Column("department_id", sa.Integer(), nullable=True),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("granted_by", sa.Integer(), nullable=True),
        sa.Column("revoked_at", INSTANT, nullable=True),
        sa.Column("revoked_by", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_staff_grants_account_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["department_id"],
            ["departments.id"],
            name=op.f("fk_staff_grants_department_id_departments"),
        ),
        sa.ForeignKeyConstraint(
            ["granted_by"], ["staff.id"], name=op.f("fk_staff_grants_granted_by_staff")
        ),
        sa.ForeignKeyConstraint(
            ["revoked_by"], ["staff.id"], name=op.f("fk_staff_grants_revoked_by_staff")
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_staff_grants_staff_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_grants")),
    )
    op.create_index(
        "ix_staff_grants_current",
        "staff_grants",
        ["staff_id"],
        unique=False,
        **_only("revoked_at IS NULL"),
    )


def _staff_one_time_links() -> None:
    op.create_table(
        "staff_one_time_links",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("purpose", _choice("linkpurpose", "first", "invite", "reset"), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_staff_one_time_links_staff_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_one_time_links")),
        sa.UniqueConstraint("digest", name=op.f("uq_staff_one_time_links_digest")),
    )
    op.create_index(
        "ix_staff_one_time_links_staff_id", "staff_one_time_links", ["staff_id"], unique=False
    )


def _staff_password_history() -> None:
    op.create_table(
        "staff_password_history",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("replaced_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_staff_password_history_staff_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_password_history")),
    )
    op.create_index(
        "ix_staff_password_history_staff_id", "staff_password_history", ["staff_id"], unique=False
    )


def _staff_recovery_codes() -> None:
    op.create_table(
        "staff_recovery_codes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("used_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_staff_recovery_codes_staff_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_recovery_codes")),
    )
    op.create_index(
        "ix_staff_recovery_codes_staff_id", "staff_recovery_codes", ["staff_id"], unique=False
    )


def _staff_sessions() -> None:
    op.create_table(
        "staff_sessions",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("stage", _choice("sessionstage", "half", "full"), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("agent", sa.String(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.Column("confirmed_at", INSTANT, nullable=True),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("ended_why", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_staff_sessions_staff_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_sessions")),
        sa.UniqueConstraint("digest", name=op.f("uq_staff_sessions_digest")),
    )
    op.create_index("ix_staff_sessions_ended_at", "staff_sessions", ["ended_at"], unique=False)
    op.create_index("ix_staff_sessions_staff_id", "staff_sessions", ["staff_id"], unique=False)
