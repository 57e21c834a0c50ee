"""Requests to lower a department's review policy, which another person has to agree to."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "review_policy_requests",
        sa.Column("department_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("needs_review", sa.Boolean(), nullable=True),
        sa.Column("review_months", sa.Integer(), nullable=False),
        sa.Column("base", sa.Integer(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("staff_name", sa.String(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["department_id"],
            ["departments.id"],
            name=op.f("fk_review_policy_requests_department_id_departments"),
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_review_policy_requests_staff_id_staff")
        ),
        sa.PrimaryKeyConstraint("department_id", name=op.f("pk_review_policy_requests")),
    )


def downgrade() -> None:
    op.drop_table("review_policy_requests")
