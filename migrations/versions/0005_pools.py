"""pools that many processes share, visitors who show life

Revision: 0005, after 0004.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """pools that many processes share, visitors who show life"""
    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("set_up_version", sa.Integer(), server_default=sa.text("0"), nullable=False))

    with op.batch_alter_table("tracking_sources", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("allocation", sa.String(length=20), server_default=sa.text("'least_ambiguous'"), nullable=False)
        )

    with op.batch_alter_table("tracking_numbers", schema=None) as batch_op:
        batch_op.add_column(sa.Column("level", sa.Integer(), server_default=sa.text("0"), nullable=False))
        batch_op.add_column(sa.Column("changed_turn", sa.Integer(), server_default=sa.text("0"), nullable=False))
        batch_op.add_column(sa.Column("called_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("recent", sa.Text(), nullable=True))

    with op.batch_alter_table("visitors", schema=None) as batch_op:
        batch_op.add_column(sa.Column("origin", sa.String(length=24), nullable=True))
        batch_op.add_column(sa.Column("alive_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index(
            "ix_visitors_origin",
            ["account_id", "origin", "first_seen_at"],
            unique=False,
            sqlite_where=sa.text("origin IS NOT NULL"),
            postgresql_where=sa.text("origin IS NOT NULL"),
        )
