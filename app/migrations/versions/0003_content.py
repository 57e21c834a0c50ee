"""Media files, menus, QR codes, articles and guides."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
JSON = sa.JSON(none_as_null=True)
TABLES = (
    "articles",
    "guides",
    "media_files",
    "conditional_menus",
    "media_uploads",
    "menus",
    "qrcodes",
    "remote_menus",
    "qrcode_scans",
)


def _choice(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)


def upgrade() -> None:
    _articles()
    _guides()
    _media_files()
    _conditional_menus()
    _media_uploads()
    _menus()
    _qrcodes()
    _remote_menus()
    _qrcode_scans()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _articles() -> None:
    op.create_table(
        "articles",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("department_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column(
            "level", _choice("articlelevel", "ordinary", "important", "major"), nullable=False
        ),
        sa.Column("original", sa.Boolean(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("source_url", sa.String(), nullable=False),
        sa.Column("tags", JSON, nullable=False),
        sa.Column("body_markdown", sa.Text(), nullable=False),
        sa.Column("state", _choice("articlestate", "draft"), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["department_id"],
            ["departments.id"],
            name=op.f("fk_articles_department_id_departments"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_articles")),
        sa.UniqueConstraint("slug", name=op.f("uq_articles_slug")),
    )
    op.create_index("ix_articles_department_id", "articles", ["department_id"], unique=False)


def _guides() -> None:
    op.create_table(
        "guides",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("department_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("body", JSON, nullable=False),
        sa.Column("keywords", JSON, nullable=False),
        sa.Column("state", _choice("guidestate", "active", "withdrawn"), nullable=False),
        sa.Column("review_by", sa.Date(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["department_id"], ["departments.id"], name=op.f("fk_guides_department_id_departments")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guides")),
        sa.UniqueConstraint("slug", name=op.f("uq_guides_slug")),
    )
    op.create_index("ix_guides_department_id", "guides", ["department_id"], unique=False)


def _media_files() -> None:
    op.create_table(
        "media_files",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", _choice("mediakind", "image", "voice", "video", "thumb"), nullable=False),
        sa.Column("department_id", sa.Integer(), nullable=True),
        sa.Column("mime", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("preview", sa.LargeBinary(), nullable=True),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["department_id"],
            ["departments.id"],
            name=op.f("fk_media_files_department_id_departments"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media_files")),
        sa.UniqueConstraint("name", name=op.f("uq_media_files_name")),
    )
    op.create_index("ix_media_files_department_id", "media_files", ["department_id"], unique=False)


def _conditional_menus() -> None:
    op.create_table(
        "conditional_menus",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("tag_id", sa.Integer(), nullable=True),
        sa.Column("tag_name", sa.String(), nullable=False),
        sa.Column("platform", sa.Integer(), nullable=True),
        sa.Column("buttons", JSON, nullable=False),
        sa.Column(
            "state",
            _choice(
                "conditionalmenustate", "waiting", "published", "failed", "deleting", "deleted"
            ),
            nullable=False,
        ),
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
        "ix_conditional_menus_account_id", "conditional_menus", ["account_id"], unique=False
    )


def _media_uploads() -> None:
    op.create_table(
        "media_uploads",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("file_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("media_id", sa.String(), nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_media_uploads_account_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["file_id"], ["media_files.id"], name=op.f("fk_media_uploads_file_id_media_files")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media_uploads")),
        sa.UniqueConstraint(
            "account_id", "file_id", name=op.f("uq_media_uploads_account_id_file_id")
        ),
    )


def _menus() -> None:
    op.create_table(
        "menus",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("buttons", JSON, nullable=False),
        sa.Column(
            "state",
            _choice("menustate", "draft", "waiting", "pushed", "failed", "superseded"),
            nullable=False,
        ),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=True),
        sa.Column("copied_from_id", sa.Integer(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("pushed_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_menus_account_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["copied_from_id"], ["menus.id"], name=op.f("fk_menus_copied_from_id_menus")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_menus")),
        sa.UniqueConstraint("account_id", "version", name=op.f("uq_menus_account_id_version")),
    )
    op.create_index("ix_menus_copied_from_id", "menus", ["copied_from_id"], unique=False)


def _qrcodes() -> None:
    op.create_table(
        "qrcodes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("scene", sa.String(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=True),
        sa.Column("state", _choice("qrcodestate", "waiting", "ready", "failed"), nullable=False),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("ticket", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("expires_at", INSTANT, nullable=True),
        sa.Column("retired_at", INSTANT, nullable=True),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_qrcodes_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_qrcodes")),
        sa.UniqueConstraint("account_id", "scene", name=op.f("uq_qrcodes_account_id_scene")),
    )
    op.create_index("ix_qrcodes_account_id_days", "qrcodes", ["account_id", "days"], unique=False)


def _remote_menus() -> None:
    op.create_table(
        "remote_menus",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("requested_at", INSTANT, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=True),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("buttons", JSON, nullable=False),
        sa.Column("tags", JSON, nullable=False),
        sa.Column("problem", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_remote_menus_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_remote_menus")),
        sa.UniqueConstraint("account_id", "person", name=op.f("uq_remote_menus_account_id_person")),
    )


def _qrcode_scans() -> None:
    op.create_table(
        "qrcode_scans",
        sa.Column("code_id", sa.Integer(), nullable=False),
        sa.Column("local_day", sa.Date(), nullable=False),
        sa.Column("followed", sa.Integer(), nullable=False),
        sa.Column("scanned", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["code_id"], ["qrcodes.id"], name=op.f("fk_qrcode_scans_code_id_qrcodes")
        ),
        sa.PrimaryKeyConstraint("code_id", "local_day", name=op.f("pk_qrcode_scans")),
    )
