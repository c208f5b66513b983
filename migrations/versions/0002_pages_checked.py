"""pages checked, and hosts where the script was seen

Revision: 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """pages checked, and hosts where the script was seen"""
    op.create_table(
        "page_checks",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("site_id", sa.String(length=32), nullable=False),
        sa.Column("page", sa.String(length=400), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reports", sa.Integer(), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "site_id"],
            ["sites.account_id", "sites.site_id"],
            name=op.f("fk_page_checks_account_id_site_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_page_checks_account_id")),
        sa.PrimaryKeyConstraint("account_id", "site_id", "page", name=op.f("pk_page_checks")),
    )
    with op.batch_alter_table("page_checks", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_page_checks_account_id_site_id_last_seen_at"),
            ["account_id", "site_id", "last_seen_at"],
            unique=False,
        )

    op.create_table(
        "host_signs",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("site_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "site_id"],
            ["sites.account_id", "sites.site_id"],
            name=op.f("fk_host_signs_account_id_site_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_host_signs_account_id")),
        sa.PrimaryKeyConstraint("account_id", "site_id", "kind", "host", name=op.f("pk_host_signs")),
    )
