"""Seals over the audit, and indexes for who searches it."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_INDEXES = {
    "ix_audit_time": ["at", "id"],
    "ix_audit_by_action": ["action", "at", "id"],
    "ix_audit_by_actor": ["actor_id", "at", "id"],
    "ix_audit_by_object": ["object_kind", "object_id", "at", "id"],
    "ix_audit_by_kind": ["object_kind", "at", "id"],
    "ix_audit_by_department": ["department_id", "at", "id"],
    "ix_audit_by_request": ["request_id"],
}
_FORMER = ("action", "actor_id", "at", "department_id")
_SQLITE = """
CREATE TRIGGER audit_seals_no_{word} BEFORE {word} ON audit_seals
BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END
"""
_POSTGRESQL = """
CREATE TRIGGER audit_seals_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_seals
FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
"""


def upgrade() -> None:
    op.create_table(
        "audit_seals",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("from_id", BIG_KEY, nullable=False),
        sa.Column("to_id", BIG_KEY, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("root_hash", sa.String(), nullable=False),
        sa.Column("previous_hash", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_seals")),
        sa.UniqueConstraint("from_id", name=op.f("uq_audit_seals_from_id")),
        sa.UniqueConstraint("to_id", name=op.f("uq_audit_seals_to_id")),
        sa.UniqueConstraint("previous_hash", name=op.f("uq_audit_seals_previous_hash")),
    )
    for name in _FORMER:
        op.drop_index(op.f(f"ix_audit_{name}"), table_name="audit")
    for name, columns in _INDEXES.items():
        op.create_index(name, "audit", columns, unique=False)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_POSTGRESQL)
    else:
        for word in ("UPDATE", "DELETE"):
            op.execute(_SQLITE.format(word=word))


def downgrade() -> None:
    for name in _INDEXES:
        op.drop_index(name, table_name="audit")
    for name in _FORMER:
        op.create_index(op.f(f"ix_audit_{name}"), "audit", [name], unique=False)
    op.drop_table("audit_seals")
