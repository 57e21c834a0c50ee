"""Menus with authors and outcomes, conditional menus, QR codes with scans, the media library."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)

# Written out, for both engines take a constraint within ADD COLUMN, and SQLite nowhere else.
MENUS = (
    (
        "state",
        "VARCHAR(24) DEFAULT 'waiting' NOT NULL CONSTRAINT ck_menus_state"
        " CHECK (state IN ('draft', 'waiting', 'pushed', 'failed', 'overtaken'))",
    ),
    ("problem", "VARCHAR"),
    ("note", "VARCHAR DEFAULT '' NOT NULL"),
    ("author", "VARCHAR DEFAULT '' NOT NULL"),
    ("author_id", "INTEGER"),
    (
        "copied_from_id",
        "INTEGER CONSTRAINT fk_menus_copied_from_id_menus REFERENCES menus (id)",
    ),
)
FILES = (
    (
        "department_id",
        "INTEGER CONSTRAINT fk_media_files_department_id_departments REFERENCES departments (id)",
    ),
    ("size", "INTEGER DEFAULT 0 NOT NULL"),
    ("preview", "{bytes}"),
    ("author", "VARCHAR DEFAULT '' NOT NULL"),
    ("updated_at", "{instant} DEFAULT '2026-01-01 00:00:00' NOT NULL"),
    ("version", "INTEGER DEFAULT 1 NOT NULL"),
)


def upgrade() -> None:
    _add("menus", MENUS)
    op.execute("UPDATE menus SET state = 'pushed' WHERE pushed_at IS NOT NULL")
    op.create_index(op.f("ix_menus_copied_from_id"), "menus", ["copied_from_id"], unique=False)
    _add("media_files", FILES)
    op.execute("UPDATE media_files SET size = length(body), updated_at = created_at")
    op.create_index(
        op.f("ix_media_files_department_id"), "media_files", ["department_id"], unique=False
    )
    _conditional_menus()
    _menu_sights()
    _codes()


def downgrade() -> None:
    for table in ("code_scans", "codes", "menu_sights", "conditional_menus"):
        op.drop_table(table)
    op.drop_index(op.f("ix_media_files_department_id"), table_name="media_files")
    op.drop_index(op.f("ix_menus_copied_from_id"), table_name="menus")
    with op.batch_alter_table("media_files") as batch:
        for name, _ in FILES:
            batch.drop_column(name)
    with op.batch_alter_table("menus") as batch:
        batch.drop_constraint(op.f("ck_menus_state"), type_="check")
        for name, _ in MENUS:
            batch.drop_column(name)


def _add(table: str, columns: tuple[tuple[str, str], ...]) -> None:
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    types = {
        "instant": "DATETIME" if on_sqlite else "TIMESTAMP WITH TIME ZONE",
        "bytes": "BLOB" if on_sqlite else "BYTEA",
    }
    for name, words in columns:
        op.execute(f"ALTER TABLE {table} ADD COLUMN {name} {words.format(**types)}")


def _state(*values: str) -> sa.Column[str]:
    kind = sa.Enum(*values, name="state", native_enum=False, create_constraint=True, length=24)
    return sa.Column("state", kind, nullable=False)


def _conditional_menus() -> None:
    op.create_table(
        "conditional_menus",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("tag_id", sa.Integer(), nullable=True),
        sa.Column("tag_name", sa.String(), nullable=False),
        sa.Column("platform", sa.Integer(), nullable=True),
        sa.Column("buttons", sa.JSON(none_as_null=True), nullable=False),
        _state("waiting", "shown", "failed", "leaving", "gone"),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("wechat_id", sa.String(), nullable=True),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_conditional_menus_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conditional_menus")),
    )
    op.create_index(
        op.f("ix_conditional_menus_account_id"), "conditional_menus", ["account_id"], unique=False
    )


def _menu_sights() -> None:
    op.create_table(
        "menu_sights",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=True),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("buttons", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("tags", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("problem", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_menu_sights_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_menu_sights")),
        sa.UniqueConstraint("account_id", "person", name=op.f("uq_menu_sights_account_id_person")),
    )


def _codes() -> None:
    op.create_table(
        "codes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("scene", sa.String(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=True),
        _state("waiting", "ready", "failed"),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("ticket", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("expires_at", INSTANT, nullable=True),
        sa.Column("retired_at", INSTANT, nullable=True),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_codes_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_codes")),
        sa.UniqueConstraint("account_id", "scene", name=op.f("uq_codes_account_id_scene")),
    )
    op.create_index("ix_codes_account_id_days", "codes", ["account_id", "days"], unique=False)
    op.create_table(
        "code_scans",
        sa.Column("code_id", sa.Integer(), nullable=False),
        sa.Column("local_day", sa.Date(), nullable=False),
        sa.Column("followed", sa.Integer(), nullable=False),
        sa.Column("scanned", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["code_id"], ["codes.id"], name=op.f("fk_code_scans_code_id_codes")
        ),
        sa.PrimaryKeyConstraint("code_id", "local_day", name=op.f("pk_code_scans")),
    )
