"""Hits of rules, traffic of accounts, unmatched questions, and imports of rules."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON(none_as_null=True)
INSTANT = sa.DateTime(timezone=True)


def _words(name: str, *words: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=24)


def upgrade() -> None:
    op.create_table(
        "inbox_walks",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("inbox_id", BIG_KEY, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_inbox_walks")),
    )
    op.create_table(
        "traffic",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("local_day", sa.Date(), nullable=False),
        sa.Column(
            "outcome",
            _words("outcome", "rule", "emergency", "suggestion", "fallback", "welcome", "silent"),
            nullable=False,
        ),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_traffic_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("account_id", "local_day", "outcome", name=op.f("pk_traffic")),
    )
    op.create_table(
        "rule_hits",
        sa.Column("rule_code", sa.String(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("local_day", sa.Date(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("last_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_rule_hits_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("rule_code", "account_id", "local_day", name=op.f("pk_rule_hits")),
    )
    op.create_index("ix_rule_hits_local_day", "rule_hits", ["local_day"])
    op.create_table(
        "unmatched",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("samples", JSON, nullable=False),
        sa.Column("reason", _words("reason", "fallback", "suggestion", "sound"), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("later", sa.Integer(), nullable=False),
        sa.Column("first_at", INSTANT, nullable=False),
        sa.Column("last_at", INSTANT, nullable=False),
        sa.Column("state", _words("state", "open", "done", "ignored"), nullable=False),
        sa.Column("rule_code", sa.String(), nullable=False),
        sa.Column("closed_by_id", sa.Integer(), nullable=True),
        sa.Column("closed_by", sa.String(), nullable=False),
        sa.Column("closed_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_unmatched_account_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["closed_by_id"], ["staff.id"], name=op.f("fk_unmatched_closed_by_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unmatched")),
    )
    op.create_index(op.f("ix_unmatched_account_id"), "unmatched", ["account_id"])
    op.create_index("ix_unmatched_state_count", "unmatched", ["state", "count", "id"])
    op.create_index("ix_unmatched_state_last_at", "unmatched", ["state", "last_at", "id"])
    op.create_table(
        "unmatched_pairs",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("pair", sa.String(), nullable=False),
        sa.Column("cluster_id", BIG_KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["cluster_id"],
            ["unmatched.id"],
            name=op.f("fk_unmatched_pairs_cluster_id_unmatched"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "account_id", "pair", "cluster_id", name=op.f("pk_unmatched_pairs")
        ),
    )
    op.create_index(op.f("ix_unmatched_pairs_cluster_id"), "unmatched_pairs", ["cluster_id"])
    op.create_table(
        "rule_imports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("staff_name", sa.String(), nullable=False),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("format", _words("format", "xlsx", "yaml"), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column(
            "state",
            _words("state", "checking", "checked", "refused", "applying", "done", "discarded"),
            nullable=False,
        ),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("submits", sa.Boolean(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("fresh", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("same", sa.Integer(), nullable=False),
        sa.Column("wrong", sa.Integer(), nullable=False),
        sa.Column("problems", JSON, nullable=False),
        sa.Column("preview", JSON, nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_rule_imports_staff_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_imports")),
    )
    op.create_index(op.f("ix_rule_imports_staff_id"), "rule_imports", ["staff_id"])


def downgrade() -> None:
    op.drop_table("rule_imports")
    op.drop_table("unmatched_pairs")
    op.drop_table("unmatched")
    op.drop_table("rule_hits")
    op.drop_table("traffic")
    op.drop_table("inbox_walks")
