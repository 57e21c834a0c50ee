"""Talks for the people who answer them, and alarms that belong to an account."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def _choice(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)


def upgrade() -> None:
    _talks()
    _answers()
    _blocks_and_enclosures()
    op.add_column("alerts", sa.Column("account_id", sa.Integer(), nullable=True))
    op.add_column(
        "alerts", sa.Column("urgent", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column("alerts", sa.Column("note", sa.String(), server_default="", nullable=False))


def _talks() -> None:
    op.create_table(
        "talks",
        sa.Column("follower_id", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("last_id", BIG_KEY, nullable=False),
        sa.Column("last_at", MOMENT, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column(
            "outcome",
            _choice("outcome", "rule", "emergency", "suggestion", "fallback", "welcome", "silent"),
            nullable=False,
        ),
        sa.Column("waiting_since", MOMENT, nullable=True),
        sa.Column("emergency_id", BIG_KEY, nullable=True),
        sa.Column("handled_id", BIG_KEY, nullable=False),
        sa.Column("handled_at", MOMENT, nullable=True),
        sa.Column("handled_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["follower_id"], ["followers.id"], name=op.f("fk_talks_follower_id_followers")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_talks_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("follower_id", name=op.f("pk_talks")),
    )
    op.create_index(op.f("ix_talks_last_id"), "talks", ["last_id"], unique=False)
    op.create_index("ix_talks_account_id_last_id", "talks", ["account_id", "last_id"], unique=False)
    for name, columns, condition in (
        ("ix_talks_waiting", ["account_id", "last_id"], "waiting_since IS NOT NULL"),
        ("ix_talks_emergency_id", ["emergency_id"], "emergency_id IS NOT NULL"),
    ):
        op.create_index(
            name,
            "talks",
            columns,
            unique=False,
            sqlite_where=sa.text(condition),
            postgresql_where=sa.text(condition),
        )
    op.create_table(
        "inbox_days",
        sa.Column("local_day", sa.Date(), nullable=False),
        sa.Column("first_id", BIG_KEY, nullable=False),
        sa.PrimaryKeyConstraint("local_day", name=op.f("pk_inbox_days")),
    )
    op.create_table(
        "talks_progress",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("settled_id", BIG_KEY, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_talks_progress")),
    )


def _answers() -> None:
    op.create_table(
        "answers",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("follower_id", BIG_KEY, nullable=False),
        sa.Column("sending_id", BIG_KEY, nullable=True),
        sa.Column("file_id", sa.Integer(), nullable=True),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("staff_name", sa.String(), nullable=False),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["follower_id"], ["followers.id"], name=op.f("fk_answers_follower_id_followers")
        ),
        sa.ForeignKeyConstraint(
            ["sending_id"],
            ["sendings.id"],
            name=op.f("fk_answers_sending_id_sendings"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["file_id"], ["media_files.id"], name=op.f("fk_answers_file_id_media_files")
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_answers_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answers")),
        sa.UniqueConstraint("key", name=op.f("uq_answers_key")),
        sa.UniqueConstraint("sending_id", name=op.f("uq_answers_sending_id")),
    )
    op.create_index(
        "ix_answers_follower_id_created_at", "answers", ["follower_id", "created_at"], unique=False
    )
    op.create_table(
        "phrases",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("department_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["department_id"], ["departments.id"], name=op.f("fk_phrases_department_id_departments")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phrases")),
        sa.UniqueConstraint("department_id", "title", name=op.f("uq_phrases_department_id_title")),
    )


def _blocks_and_enclosures() -> None:
    op.create_table(
        "blocks",
        sa.Column("follower_id", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("state", _choice("state", "active", "lifted"), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("blocked_by", sa.String(), nullable=False),
        sa.Column("blocked_at", MOMENT, nullable=False),
        sa.Column(
            "at_wechat",
            _choice("atwechat", "none", "asked", "done", "lifting", "failed"),
            nullable=False,
        ),
        sa.Column("problem", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["follower_id"], ["followers.id"], name=op.f("fk_blocks_follower_id_followers")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_blocks_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("follower_id", name=op.f("pk_blocks")),
    )
    op.create_index(op.f("ix_blocks_account_id"), "blocks", ["account_id"], unique=False)
    op.create_table(
        "enclosures",
        sa.Column("inbox_id", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("state", _choice("state", "wanted", "kept", "lost"), nullable=False),
        sa.Column("mime", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["inbox_id"],
            ["inbox.id"],
            name=op.f("fk_enclosures_inbox_id_inbox"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("inbox_id", name=op.f("pk_enclosures")),
    )


def downgrade() -> None:
    for column in ("note", "urgent", "account_id"):
        op.drop_column("alerts", column)
    for table in (
        "enclosures",
        "blocks",
        "phrases",
        "answers",
        "talks_progress",
        "inbox_days",
        "talks",
    ):
        op.drop_table(table)
