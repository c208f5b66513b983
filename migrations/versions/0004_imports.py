"""imported histories

Revision: 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """imported histories"""
    op.create_table(
        "imports",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("import_id", sa.String(length=32), nullable=False),
        sa.Column("site_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id", "site_id"], ["sites.account_id", "sites.site_id"], name=op.f("fk_imports_account_id_site_id")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_imports_account_id")),
        sa.PrimaryKeyConstraint("account_id", "import_id", name=op.f("pk_imports")),
    )
    with op.batch_alter_table("imports", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_imports_account_id_site_id"), ["account_id", "site_id"], unique=False)

    op.create_table(
        "imported_visitors",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("site_id", sa.String(length=32), nullable=False),
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("visitor_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=16), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id", "site_id"],
            ["sites.account_id", "sites.site_id"],
            name=op.f("fk_imported_visitors_account_id_site_id"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "visitor_id"],
            ["visitors.account_id", "visitors.visitor_id"],
            name=op.f("fk_imported_visitors_account_id_visitor_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_imported_visitors_account_id")),
        sa.PrimaryKeyConstraint("account_id", "site_id", "key", name=op.f("pk_imported_visitors")),
    )
