"""Rules with their versions, imports, default replies and statistics."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
JSON = sa.JSON(none_as_null=True)
TABLES = (
    "review_policies",
    "default_replies",
    "rule_hits",
    "rule_imports",
    "rules",
    "unanswered",
    "rule_versions",
    "unanswered_pairs",
)


def _choice(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)


def _only(condition: str) -> dict[str, Any]:
    # a partial index, on both engines
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    _review_policies()
    _default_replies()
    _rule_hits()
    _rule_imports()
    _rules()
    _unanswered()
    _rule_versions()
    _unanswered_pairs()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _review_policies() -> None:
    op.create_table(
        "review_policies",
        sa.Column("department_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("needs_review", sa.Boolean(), nullable=False),
        sa.Column("review_months", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["department_id"],
            ["departments.id"],
            name=op.f("fk_review_policies_department_id_departments"),
        ),
        sa.PrimaryKeyConstraint("department_id", name=op.f("pk_review_policies")),
    )


def _default_replies() -> None:
    op.create_table(
        "default_replies",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("department_id", sa.Integer(), nullable=True),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("words", JSON, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_default_replies_account_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["department_id"],
            ["departments.id"],
            name=op.f("fk_default_replies_department_id_departments"),
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_default_replies")),
    )


def _rule_hits() -> None:
    op.create_table(
        "rule_hits",
        sa.Column("rule_slug", sa.String(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("local_day", sa.Date(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("last_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_rule_hits_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("rule_slug", "account_id", "local_day", name=op.f("pk_rule_hits")),
    )
    op.create_index("ix_rule_hits_local_day", "rule_hits", ["local_day"], unique=False)


def _rule_imports() -> None:
    op.create_table(
        "rule_imports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("staff_name", sa.String(), nullable=False),
        sa.Column("department_id", sa.Integer(), nullable=True),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("format", _choice("importformat", "xlsx", "yaml"), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column(
            "state",
            _choice(
                "importstate", "checking", "checked", "refused", "applying", "done", "discarded"
            ),
            nullable=False,
        ),
        sa.Column("rules_fingerprint", sa.String(), nullable=False),
        sa.Column("submits", sa.Boolean(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("invalid", sa.Integer(), nullable=False),
        sa.Column("problems", JSON, nullable=False),
        sa.Column("preview", JSON, nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_rule_imports_staff_id_staff")
        ),
        sa.ForeignKeyConstraint(
            ["department_id"],
            ["departments.id"],
            name=op.f("fk_rule_imports_department_id_departments"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_imports")),
    )
    op.create_index("ix_rule_imports_staff_id", "rule_imports", ["staff_id"], unique=False)


def _rules() -> None:
    op.create_table(
        "rules",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("department_id", sa.Integer(), nullable=True),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("scope", _choice("rulescope", "mandatory", "default", "local"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("state", _choice("rulestate", "draft", "live", "off"), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("keywords", JSON, nullable=False),
        sa.Column("required", JSON, nullable=False),
        sa.Column("excluded", JSON, nullable=False),
        sa.Column("weekdays", JSON, nullable=False),
        sa.Column("hours", JSON, nullable=False),
        sa.Column("days", _choice("days", "any", "workdays", "restdays"), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("choice", _choice("choice", "all", "random", "first"), nullable=False),
        sa.Column("replies", JSON, nullable=False),
        sa.Column("service", sa.String(), nullable=False),
        sa.Column("expects_reply", sa.Boolean(), nullable=False),
        sa.Column("overrides", sa.String(), nullable=False),
        sa.Column("review_by", sa.Date(), nullable=True),
        sa.Column("samples", JSON, nullable=False),
        sa.Column("search_text", sa.String(), nullable=False),
        sa.Column("last_hit_on", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.CheckConstraint(
            "scope <> 'local' OR department_id IS NOT NULL OR account_id IS NOT NULL",
            name=op.f("ck_rules_local_has_owner"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_rules_account_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["department_id"], ["departments.id"], name=op.f("fk_rules_department_id_departments")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rules")),
        sa.UniqueConstraint("slug", name=op.f("uq_rules_slug")),
    )
    op.create_index("ix_rules_account_id", "rules", ["account_id"], unique=False)
    op.create_index("ix_rules_department_id", "rules", ["department_id"], unique=False)
    op.create_index("ix_rules_review_by", "rules", ["review_by"], unique=False)
    op.create_index("ix_rules_state", "rules", ["state"], unique=False)
    op.create_index("ix_rules_updated_at", "rules", ["updated_at"], unique=False)


def _unanswered() -> None:
    op.create_table(
        "unanswered",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("samples", JSON, nullable=False),
        sa.Column(
            "reason",
            _choice("unansweredreason", "fallback", "suggestion", "phonetic"),
            nullable=False,
        ),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("count_since_closed", sa.Integer(), nullable=False),
        sa.Column("first_at", INSTANT, nullable=False),
        sa.Column("last_at", INSTANT, nullable=False),
        sa.Column("state", _choice("clusterstate", "open", "done", "ignored"), nullable=False),
        sa.Column("rule_slug", sa.String(), nullable=False),
        sa.Column("closed_by_id", sa.Integer(), nullable=True),
        sa.Column("closed_by_name", sa.String(), nullable=False),
        sa.Column("closed_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_unanswered_account_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["closed_by_id"], ["staff.id"], name=op.f("fk_unanswered_closed_by_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unanswered")),
    )
    op.create_index("ix_unanswered_account_id", "unanswered", ["account_id"], unique=False)
    op.create_index(
        "ix_unanswered_state_count", "unanswered", ["state", "count", "id"], unique=False
    )
    op.create_index(
        "ix_unanswered_state_last_at", "unanswered", ["state", "last_at", "id"], unique=False
    )


def _rule_versions() -> None:
    op.create_table(
        "rule_versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rule_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("lock_version", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            _choice(
                "versionstate",
                "draft",
                "submitted",
                "published",
                "rejected",
                "withdrawn",
                "superseded",
            ),
            nullable=False,
        ),
        sa.Column("department_id", sa.Integer(), nullable=True),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("content", JSON, nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=True),
        sa.Column("contributor_ids", JSON, nullable=False),
        sa.Column("submitter_id", sa.Integer(), nullable=True),
        sa.Column("reviewer_id", sa.Integer(), nullable=True),
        sa.Column("comment", sa.String(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("saved_at", INSTANT, nullable=False),
        sa.Column("submitted_at", INSTANT, nullable=True),
        sa.Column("decided_at", INSTANT, nullable=True),
        sa.Column("published_at", INSTANT, nullable=True),
        sa.CheckConstraint(
            "reviewer_id <> author_id AND reviewer_id <> submitter_id",
            name=op.f("ck_rule_versions_four_eyes"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_rule_versions_account_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["department_id"],
            ["departments.id"],
            name=op.f("fk_rule_versions_department_id_departments"),
        ),
        sa.ForeignKeyConstraint(
            ["rule_id"],
            ["rules.id"],
            name=op.f("fk_rule_versions_rule_id_rules"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_versions")),
        sa.UniqueConstraint("rule_id", "number", name=op.f("uq_rule_versions_rule_id_number")),
    )
    op.create_index("ix_rule_versions_state", "rule_versions", ["state"], unique=False)
    op.create_index(
        "uq_rule_versions_open",
        "rule_versions",
        ["rule_id"],
        unique=True,
        **_only("state IN ('draft', 'submitted')"),
    )
    op.create_index(
        "uq_rule_versions_published",
        "rule_versions",
        ["rule_id"],
        unique=True,
        **_only("state = 'published'"),
    )


def _unanswered_pairs() -> None:
    op.create_table(
        "unanswered_pairs",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("pair", sa.String(), nullable=False),
        sa.Column("cluster_id", BIG_KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["cluster_id"],
            ["unanswered.id"],
            name=op.f("fk_unanswered_pairs_cluster_id_unanswered"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "account_id", "pair", "cluster_id", name=op.f("pk_unanswered_pairs")
        ),
    )
    op.create_index(
        "ix_unanswered_pairs_cluster_id", "unanswered_pairs", ["cluster_id"], unique=False
    )
