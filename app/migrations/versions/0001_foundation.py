"""Jobs, cache versions, cron claims, alerts, and the audit, which refuses to be changed."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
JSON = sa.JSON(none_as_null=True)
TABLES = (
    "alerts",
    "audit",
    "audit_seals",
    "cache_versions",
    "cron_claims",
    "jobs",
)
_FROZEN = ("audit", "audit_seals")
_SQLITE = """
CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END
"""
_POSTGRESQL_FUNCTION = """
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'audit rows are never changed'; END $$
"""
_POSTGRESQL_TRIGGER = """
CREATE TRIGGER {table}_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()
"""


def _choice(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)


def _only(condition: str) -> dict[str, Any]:
    # a partial index, on both engines
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    _alerts()
    _audit()
    _audit_seals()
    _cache_versions()
    _cron_claims()
    _jobs()
    _freeze_audit()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_refuse()")


def _freeze_audit() -> None:
    # so that a mistake of ours, or a statement by hand, cannot rewrite what was done
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_POSTGRESQL_FUNCTION)
        for table in _FROZEN:
            op.execute(_POSTGRESQL_TRIGGER.format(table=table))
        return
    for table in _FROZEN:
        for verb in ("UPDATE", "DELETE"):
            op.execute(_SQLITE.format(table=table, verb=verb))


def _alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("object_id", sa.BigInteger(), nullable=True),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("details", JSON, nullable=False),
        sa.Column("department_id", sa.Integer(), nullable=True),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("raised_at", INSTANT, nullable=False),
        sa.Column("last_raised_at", INSTANT, nullable=False),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("notify_at", INSTANT, nullable=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("taken_at", INSTANT, nullable=True),
        sa.Column("taken_by", sa.String(), nullable=True),
        sa.Column("taken_by_id", sa.Integer(), nullable=True),
        sa.Column("resolved_at", INSTANT, nullable=True),
        sa.Column("resolved_by", sa.String(), nullable=True),
        sa.Column(
            "resolution",
            _choice("resolution", "handled", "false_alarm", "forwarded", "ended"),
            nullable=True,
        ),
        sa.Column("note", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
    )
    op.create_index("ix_alerts_department_id", "alerts", ["department_id"], unique=False)
    op.create_index(
        "ix_alerts_notify_at", "alerts", ["notify_at"], **_only("notify_at IS NOT NULL")
    )
    op.create_index("ix_alerts_resolved_at", "alerts", ["resolved_at"], unique=False)
    op.create_index(
        "uq_alerts_open", "alerts", ["kind", "subject"], unique=True, **_only("resolved_at IS NULL")
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("actor_label", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("request_id", sa.String(), nullable=False),
        sa.Column("object_kind", sa.String(), nullable=False),
        sa.Column("object_id", sa.String(), nullable=False),
        sa.Column("object_label", sa.String(), nullable=False),
        sa.Column("department_id", sa.Integer(), nullable=True),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("before", JSON, nullable=True),
        sa.Column("after", JSON, nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_by_action", "audit", ["action", "at", "id"], unique=False)
    op.create_index("ix_audit_by_actor", "audit", ["actor_id", "at", "id"], unique=False)
    op.create_index("ix_audit_by_account", "audit", ["account_id", "at", "id"], unique=False)
    op.create_index(
        "ix_audit_by_department",
        "audit",
        ["department_id", "at", "id"],
        unique=False,
        **_only("account_id IS NULL"),
    )
    op.create_index("ix_audit_by_kind", "audit", ["object_kind", "at", "id"], unique=False)
    op.create_index(
        "ix_audit_by_object", "audit", ["object_kind", "object_id", "at", "id"], unique=False
    )
    op.create_index("ix_audit_by_request", "audit", ["request_id"], unique=False)
    op.create_index("ix_audit_time", "audit", ["at", "id"], unique=False)


def _audit_seals() -> None:
    op.create_table(
        "audit_seals",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("from_id", BIG_KEY, nullable=False),
        sa.Column("to_id", BIG_KEY, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("root_hash", sa.String(), nullable=False),
        sa.Column("previous_hash", sa.String(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_seals")),
        sa.UniqueConstraint("from_id", name=op.f("uq_audit_seals_from_id")),
        sa.UniqueConstraint("previous_hash", name=op.f("uq_audit_seals_previous_hash")),
        sa.UniqueConstraint("to_id", name=op.f("uq_audit_seals_to_id")),
    )


def _cache_versions() -> None:
    op.create_table(
        "cache_versions",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_cache_versions")),
    )


def _cron_claims() -> None:
    op.create_table(
        "cron_claims",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("last_due_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_cron_claims")),
    )


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("payload", JSON, nullable=False),
        sa.Column("key", sa.String(), nullable=True),
        sa.Column(
            "state", _choice("jobstate", "waiting", "running", "done", "dead"), nullable=False
        ),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("dispatched_at", INSTANT, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_until", INSTANT, nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("request_id", sa.String(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    op.create_index(
        "ix_jobs_due", "jobs", ["due_at"], unique=False, **_only("state IN ('waiting', 'running')")
    )
    op.create_index("ix_jobs_finished", "jobs", ["state", "finished_at"], unique=False)
    op.create_index(
        "uq_jobs_key", "jobs", ["key"], unique=True, **_only("state IN ('waiting', 'running')")
    )
