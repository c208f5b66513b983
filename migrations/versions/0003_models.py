"""model versions, later answers, thresholds

Revision: 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """model versions, later answers, thresholds"""
    op.create_table(
        "job_runs",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("job", sa.String(length=40), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=400), nullable=True),
        sa.Column("failed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_job_runs_account_id")),
        sa.PrimaryKeyConstraint("account_id", "job", "due_at", name=op.f("pk_job_runs")),
    )
    op.create_table(
        "model_versions",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("model_id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.String(length=20), nullable=False),
        sa.Column("better", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_model_versions_account_id")),
        sa.PrimaryKeyConstraint("account_id", "model_id", name=op.f("pk_model_versions")),
    )
    with op.batch_alter_table("model_versions", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_model_versions_account_id_made_at"), ["account_id", "made_at"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_model_versions_account_id_version"), ["account_id", "version"], unique=True
        )

    op.create_table(
        "model_uses",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("use_id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("model_id", sa.String(length=32), nullable=True),
        sa.Column("user_id", sa.String(length=32), nullable=True),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "model_id"],
            ["model_versions.account_id", "model_versions.model_id"],
            name=op.f("fk_model_uses_account_id_model_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_model_uses_account_id")),
        sa.PrimaryKeyConstraint("account_id", "use_id", name=op.f("pk_model_uses")),
    )
    with op.batch_alter_table("model_uses", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_model_uses_account_id_at_use_id"), ["account_id", "at", "use_id"], unique=False
        )

    op.create_table(
        "call_answers",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("call_id", sa.String(length=32), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.Column("model_version", sa.String(length=40), nullable=True),
        sa.Column("none_likelihood", sa.Double(), nullable=False),
        sa.Column("visit_id", sa.String(length=32), nullable=True),
        sa.Column("visitor_id", sa.String(length=32), nullable=True),
        sa.Column("likelihood", sa.Double(), nullable=True),
        sa.Column("candidates", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "call_id"],
            ["calls.account_id", "calls.call_id"],
            name=op.f("fk_call_answers_account_id_call_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_call_answers_account_id")),
        sa.PrimaryKeyConstraint("account_id", "call_id", "ordinal", name=op.f("pk_call_answers")),
    )
    with op.batch_alter_table("visits", schema=None) as batch_op:
        batch_op.add_column(sa.Column("last_viewed_at", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("sites", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sure_from", sa.Double(), server_default=sa.text("0.9"), nullable=False))
        batch_op.add_column(sa.Column("likely_from", sa.Double(), server_default=sa.text("0.6"), nullable=False))
