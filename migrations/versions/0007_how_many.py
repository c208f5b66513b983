"""how many numbers: counts by day, curves, alarms

Revision: 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """how many numbers: counts by day, curves, alarms"""
    _counts()
    _alarms()
    _curves()


def _counts() -> None:
    """Visitors counted by day."""
    op.create_table(
        "counted_days",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("site_id", sa.String(length=32), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("visits", sa.Integer(), nullable=False),
        sa.Column("assignments", sa.Integer(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "site_id"],
            ["sites.account_id", "sites.site_id"],
            name=op.f("fk_counted_days_account_id_site_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_counted_days_account_id")),
        sa.PrimaryKeyConstraint("account_id", "site_id", "day", name=op.f("pk_counted_days")),
    )


def _alarms() -> None:
    """Alarms, what was told of them, and to whom."""
    op.create_table(
        "alarms",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("alarm_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("site_id", sa.String(length=32), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id", "site_id"],
            ["sites.account_id", "sites.site_id"],
            name=op.f("fk_alarms_account_id_site_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_alarms_account_id")),
        sa.PrimaryKeyConstraint("account_id", "alarm_id", name=op.f("pk_alarms")),
    )
    with op.batch_alter_table("alarms", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_alarms_account_id_opened_at_alarm_id"), ["account_id", "opened_at", "alarm_id"], unique=False
        )
        batch_op.create_index(
            "uq_alarms_open",
            ["account_id", "kind", "subject"],
            unique=True,
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )

    op.create_table(
        "alarm_notices",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("alarm_id", sa.String(length=32), nullable=False),
        sa.Column("moment", sa.String(length=6), nullable=False),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("trouble", sa.String(length=300), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id", "alarm_id"],
            ["alarms.account_id", "alarms.alarm_id"],
            name=op.f("fk_alarm_notices_account_id_alarm_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_alarm_notices_account_id")),
        sa.PrimaryKeyConstraint("account_id", "alarm_id", "moment", "channel", name=op.f("pk_alarm_notices")),
    )
    with op.batch_alter_table("alarm_notices", schema=None) as batch_op:
        batch_op.create_index(
            "ix_alarm_notices_due",
            ["account_id", "next_try_at"],
            unique=False,
            sqlite_where=sa.text("next_try_at IS NOT NULL"),
            postgresql_where=sa.text("next_try_at IS NOT NULL"),
        )

    op.create_table(
        "alarm_settings",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("emails", sa.JSON(), nullable=False),
        sa.Column("webhook_url", sa.Text(), nullable=True),
        sa.Column("secret", sa.LargeBinary(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_alarm_settings_account_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_alarm_settings")),
    )


def _curves() -> None:
    """What more or fewer numbers would mean for each source."""
    op.create_table(
        "source_curves",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("source_id", sa.String(length=32), nullable=False),
        sa.Column("site_id", sa.String(length=32), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("to_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("model_version", sa.String(length=40), nullable=False),
        sa.Column("numbers", sa.Integer(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("expected_calls", sa.Double(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("points", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id", "site_id"],
            ["sites.account_id", "sites.site_id"],
            name=op.f("fk_source_curves_account_id_site_id"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "source_id"],
            ["tracking_sources.account_id", "tracking_sources.source_id"],
            name=op.f("fk_source_curves_account_id_source_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_source_curves_account_id")),
        sa.PrimaryKeyConstraint("account_id", "source_id", name=op.f("pk_source_curves")),
    )
    with op.batch_alter_table("source_curves", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_source_curves_account_id_site_id"), ["account_id", "site_id"], unique=False
        )
