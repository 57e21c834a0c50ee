"""How accounts do: what their callbacks heard, what WeChat says of them, what is to be done."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def _words(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)


def _of_account(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_account_id_accounts")
    return sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=name)


def _moment(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _count(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Integer(), nullable=False)


def upgrade() -> None:
    op.add_column("accounts", sa.Column("pending_secret", sa.Text(), nullable=True))
    op.add_column("accounts", sa.Column("verified_until", sa.Date(), nullable=True))
    for name in ("pause_reason", "qr_url"):
        op.add_column("accounts", sa.Column(name, sa.String(), nullable=False, server_default=""))
    op.add_column(
        "departments", sa.Column("version", sa.Integer(), nullable=False, server_default="1")
    )
    op.create_table(
        "account_callbacks",
        sa.Column("account_id", sa.Integer(), nullable=False),
        _moment("checked_at"),
        _moment("heard_at"),
        _moment("current_at"),
        _moment("keys_at"),
        _moment("previous_at"),
        _moment("refused_at"),
        sa.Column("refused_why", sa.String(), nullable=False),
        _of_account("account_callbacks"),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_account_callbacks")),
    )
    op.create_table(
        "account_hours",
        sa.Column("account_id", sa.Integer(), nullable=False),
        _moment("hour", nullable=False),
        _count("heard"),
        _count("refused"),
        _of_account("account_hours"),
        sa.PrimaryKeyConstraint("account_id", "hour", name=op.f("pk_account_hours")),
    )
    op.create_table(
        "account_probes",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            _words(
                "kind",
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
        sa.Column("state", _words("state", "waiting", "ok", "failed"), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("facts", sa.JSON(none_as_null=True), nullable=False),
        _moment("at", nullable=False),
        _moment("ok_at"),
        _of_account("account_probes"),
        sa.PrimaryKeyConstraint("account_id", "kind", name=op.f("pk_account_probes")),
    )
    op.create_table(
        "account_surveys",
        sa.Column("account_id", sa.Integer(), nullable=False),
        _moment("at", nullable=False),
        _count("unanswered"),
        _moment("unanswered_since"),
        _count("sent_hour"),
        _count("lost_hour"),
        _count("sent_day"),
        _count("lost_day"),
        _of_account("account_surveys"),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_account_surveys")),
    )
    op.create_table(
        "account_tasks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("kind", _words("kind", "keys", "secret"), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        _moment("opened_at", nullable=False),
        sa.Column("opened_by", sa.String(), nullable=False),
        _moment("done_at"),
        sa.Column("done_by", sa.String(), nullable=True),
        sa.Column("done_how", sa.String(), nullable=False),
        _of_account("account_tasks"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_tasks")),
    )
    op.create_index(
        "ix_account_tasks_open",
        "account_tasks",
        ["account_id"],
        unique=False,
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_account_tasks_open", table_name="account_tasks")
    for table in (
        "account_tasks",
        "account_surveys",
        "account_probes",
        "account_hours",
        "account_callbacks",
    ):
        op.drop_table(table)
    op.drop_column("departments", "version")
    for name in ("qr_url", "pause_reason", "verified_until", "pending_secret"):
        op.drop_column("accounts", name)
