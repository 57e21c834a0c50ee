"""How staff are told of alerts: channels, preferences, and each message on its way."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
JSON = sa.JSON(none_as_null=True)
TABLES = (
    "notification_channels",
    "notification_settings",
    "notification_preferences",
    "notification_deliveries",
    "notification_attempts",
)


def _choice(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)


def _only(condition: str) -> dict[str, Any]:
    # a partial index, on both engines
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    _notification_channels()
    _notification_settings()
    _notification_preferences()
    _notification_deliveries()
    _notification_attempts()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _notification_channels() -> None:
    op.create_table(
        "notification_channels",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("kind", _choice("channelkind", "wecom", "dingtalk", "email"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("test", _choice("channeltest", "waiting", "sent", "failed"), nullable=True),
        sa.Column("test_problem", sa.String(), nullable=False),
        sa.Column("tested_at", INSTANT, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_notification_channels_staff_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification_channels")),
    )
    op.create_index(
        "ix_notification_channels_staff_id", "notification_channels", ["staff_id"], unique=False
    )


def _notification_settings() -> None:
    op.create_table(
        "notification_settings",
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("quiet_from", sa.Time(), nullable=True),
        sa.Column("quiet_to", sa.Time(), nullable=True),
        sa.Column("deputy_id", sa.Integer(), nullable=True),
        sa.Column("handover_minutes", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_notification_settings_staff_id_staff")
        ),
        sa.ForeignKeyConstraint(
            ["deputy_id"], ["staff.id"], name=op.f("fk_notification_settings_deputy_id_staff")
        ),
        sa.PrimaryKeyConstraint("staff_id", name=op.f("pk_notification_settings")),
    )


def _notification_preferences() -> None:
    op.create_table(
        "notification_preferences",
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("channel_ids", JSON, nullable=False),
        sa.Column("repeat_minutes", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_notification_preferences_staff_id_staff")
        ),
        sa.PrimaryKeyConstraint("staff_id", "kind", name=op.f("pk_notification_preferences")),
    )
    op.create_index(
        "ix_notification_preferences_kind", "notification_preferences", ["kind"], unique=False
    )


def _notification_deliveries() -> None:
    op.create_table(
        "notification_deliveries",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("alert_id", BIG_KEY, nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("on_behalf_of", sa.Integer(), nullable=True),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            _choice("deliverystate", "pending", "sending", "sent", "failed", "cancelled"),
            nullable=False,
        ),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", INSTANT, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.Column("problem", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["alert_id"],
            ["alerts.id"],
            name=op.f("fk_notification_deliveries_alert_id_alerts"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_notification_deliveries_staff_id_staff")
        ),
        sa.ForeignKeyConstraint(
            ["on_behalf_of"],
            ["staff.id"],
            name=op.f("fk_notification_deliveries_on_behalf_of_staff"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification_deliveries")),
        sa.UniqueConstraint(
            "alert_id",
            "staff_id",
            "round",
            name=op.f("uq_notification_deliveries_alert_id_staff_id_round"),
        ),
    )
    op.create_index(
        "ix_notification_deliveries_due",
        "notification_deliveries",
        ["next_at"],
        **_only("state IN ('pending', 'sending')"),
    )


def _notification_attempts() -> None:
    op.create_table(
        "notification_attempts",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("delivery_id", BIG_KEY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("result", _choice("attemptresult", "running", "sent", "failed"), nullable=False),
        sa.Column("problem", sa.String(), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(
            ["delivery_id"],
            ["notification_deliveries.id"],
            name=op.f("fk_notification_attempts_delivery_id_notification_deliveries"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification_attempts")),
        sa.UniqueConstraint(
            "delivery_id", "number", name=op.f("uq_notification_attempts_delivery_id_number")
        ),
    )
