"""Versions of rules, what departments ask of them, and what staff search and filter rules by."""

import re

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_EMPTY = sa.text("'[]'")


def upgrade() -> None:
    op.add_column(
        "rules",
        sa.Column("samples", sa.JSON(none_as_null=True), nullable=False, server_default=_EMPTY),
    )
    op.add_column("rules", sa.Column("search", sa.String(), nullable=False, server_default=""))
    op.add_column("rules", sa.Column("last_hit_on", sa.Date(), nullable=True))
    op.create_index(op.f("ix_rules_review_by"), "rules", ["review_by"], unique=False)
    op.create_index(op.f("ix_rules_updated_at"), "rules", ["updated_at"], unique=False)
    _fill_search()
    _create_versions()
    op.create_table(
        "review_policies",
        sa.Column("department_id", sa.Integer(), nullable=False),
        sa.Column("needs_review", sa.Boolean(), nullable=False),
        sa.Column("review_months", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["department_id"],
            ["departments.id"],
            name=op.f("fk_keyword_policies_department_id_departments"),
        ),
        sa.PrimaryKeyConstraint("department_id", name=op.f("pk_keyword_policies")),
    )


def _create_versions() -> None:
    op.create_table(
        "rule_versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rule_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("stamp", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "submitted",
                "published",
                "rejected",
                "withdrawn",
                "superseded",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("department_id", sa.Integer(), nullable=True),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("shape", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=True),
        sa.Column("writers", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("submitter_id", sa.Integer(), nullable=True),
        sa.Column("reviewer_id", sa.Integer(), nullable=True),
        sa.Column("comment", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
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
    op.create_index(op.f("ix_rule_versions_state"), "rule_versions", ["state"], unique=False)
    for name, condition in (
        ("open", "state IN ('draft', 'submitted')"),
        ("published", "state = 'published'"),
    ):
        op.create_index(
            f"uq_rule_versions_{name}",
            "rule_versions",
            ["rule_id"],
            unique=True,
            sqlite_where=sa.text(condition),
            postgresql_where=sa.text(condition),
        )


def _fill_search() -> None:
    """The words of the rules there are; a rule that is saved again writes them more exactly."""
    rules = sa.table(
        "rules",
        sa.column("id", sa.Integer),
        sa.column("code", sa.String),
        sa.column("name", sa.String),
        sa.column("keywords", sa.JSON),
        sa.column("replies", sa.JSON),
        sa.column("search", sa.String),
    )
    connection = op.get_bind()
    for row in connection.execute(sa.select(rules)).all():
        said = [row.code, row.name, *(each["text"] for each in row.keywords)]
        said += [value for each in row.replies for name, value in each.items() if name != "type"]
        words = (re.sub(r"[\W_]+", "", str(word)).lower() for word in said)
        connection.execute(
            sa.update(rules)
            .where(rules.c.id == row.id)
            .values(search=" ".join(filter(None, words)))
        )


def downgrade() -> None:
    op.drop_table("review_policies")
    op.drop_table("rule_versions")
    op.drop_index(op.f("ix_rules_updated_at"), table_name="rules")
    op.drop_index(op.f("ix_rules_review_by"), table_name="rules")
    for name in ("last_hit_on", "search", "samples"):
        op.drop_column("rules", name)
