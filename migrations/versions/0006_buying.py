"""numbers that are bought, and why they are what they are

Revision: 0006, after 0005.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

OPEN = "status IN ('intended', 'asked', 'doubtful')"


def upgrade() -> None:
    """numbers that are bought, and why they are what they are"""
    with op.batch_alter_table("tracking_numbers", schema=None) as batch_op:
        batch_op.add_column(sa.Column("monthly_price_minor", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("price_currency", sa.String(length=3), nullable=True))
        batch_op.add_column(sa.Column("provider_sid", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("printed", sa.Boolean(), server_default=sa.text("false"), nullable=False))
        batch_op.add_column(sa.Column("quarantined_until", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("release_at", sa.DateTime(timezone=True), nullable=True))

    op.create_table(
        "number_purchases",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("purchase_id", sa.String(length=32), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column("source_id", sa.String(length=32), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("posts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("provider_sid", sa.String(length=64), nullable=True),
        sa.Column("monthly_price_minor", sa.Integer(), nullable=True),
        sa.Column("price_currency", sa.String(length=3), nullable=True),
        sa.Column("user_id", sa.String(length=32), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "source_id"],
            ["tracking_sources.account_id", "tracking_sources.source_id"],
            name=op.f("fk_number_purchases_account_id_source_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_number_purchases_account_id")),
        sa.PrimaryKeyConstraint("account_id", "purchase_id", name=op.f("pk_number_purchases")),
    )
    with op.batch_alter_table("number_purchases", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_number_purchases_account_id_created_at_purchase_id"),
            ["account_id", "created_at", "purchase_id"],
            unique=False,
        )
        batch_op.create_index(
            "uq_number_purchases_open",
            ["account_id", "number"],
            unique=True,
            sqlite_where=sa.text(OPEN),
            postgresql_where=sa.text(OPEN),
        )

    op.create_table(
        "number_changes",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("change_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("from_status", sa.String(length=12), nullable=True),
        sa.Column("to_status", sa.String(length=12), nullable=False),
        sa.Column("from_source_id", sa.String(length=32), nullable=True),
        sa.Column("to_source_id", sa.String(length=32), nullable=False),
        sa.Column("by", sa.String(length=6), nullable=False),
        sa.Column("user_id", sa.String(length=32), nullable=True),
        sa.Column("reason", sa.String(length=1000), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id", "number"],
            ["tracking_numbers.account_id", "tracking_numbers.number"],
            name=op.f("fk_number_changes_account_id_number"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_number_changes_account_id")),
        sa.PrimaryKeyConstraint("account_id", "change_id", name=op.f("pk_number_changes")),
    )
    with op.batch_alter_table("number_changes", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_number_changes_account_id_number_at_change_id"),
            ["account_id", "number", "at", "change_id"],
            unique=False,
        )
