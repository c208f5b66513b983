"""never lost: events as they came, texts, recordings, webhooks out, the audit log, retention

Revision: 0008, after 0007.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """never lost: events as they came, texts, recordings, webhooks out, the audit log, retention"""
    _heard()
    _told()
    _kept()
    _set_up()


def _heard() -> None:
    """What providers tell: events as they came, texts, legs and recordings of calls."""
    op.create_table(
        "provider_events",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("event_id", sa.String(length=32), nullable=False),
        sa.Column("event_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("sid", sa.String(length=128), nullable=True),
        sa.Column("number", sa.String(length=16), nullable=True),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("via", sa.String(length=8), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("processed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.String(length=300), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_provider_events_account_id")),
        sa.PrimaryKeyConstraint("account_id", "event_id", name=op.f("pk_provider_events")),
    )
    with op.batch_alter_table("provider_events", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_provider_events_account_id_event_key"), ["account_id", "event_key"], unique=True
        )
        batch_op.create_index(
            batch_op.f("ix_provider_events_account_id_received_at_event_id"),
            ["account_id", "received_at", "event_id"],
            unique=False,
        )
        batch_op.create_index(batch_op.f("ix_provider_events_account_id_sid"), ["account_id", "sid"], unique=False)
        batch_op.create_index(
            "ix_provider_events_due",
            ["account_id", "next_try_at"],
            unique=False,
            sqlite_where=sa.text("next_try_at IS NOT NULL"),
            postgresql_where=sa.text("next_try_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_provider_events_failed",
            ["account_id", "received_at"],
            unique=False,
            sqlite_where=sa.text("state = 'failed'"),
            postgresql_where=sa.text("state = 'failed'"),
        )
    op.create_table(
        "provider_sweeps",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("account_sid", sa.String(length=64), nullable=False),
        sa.Column("compared_until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_provider_sweeps_account_id")),
        sa.PrimaryKeyConstraint("account_id", "provider", "account_sid", name=op.f("pk_provider_sweeps")),
    )
    op.create_table(
        "messages",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("message_id", sa.String(length=32), nullable=False),
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("provider_message_id", sa.String(length=128), nullable=False),
        sa.Column("site_id", sa.String(length=32), nullable=False),
        sa.Column("source_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column("from_number", sa.String(length=16), nullable=True),
        sa.Column("sender", sa.String(length=40), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("media", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("local_day", sa.Date(), nullable=False),
        sa.Column("model_version", sa.String(length=40), nullable=True),
        sa.Column("none_likelihood", sa.Double(), nullable=False),
        sa.Column("matched_visit_id", sa.String(length=32), nullable=True),
        sa.Column("matched_visitor_id", sa.String(length=32), nullable=True),
        sa.Column("matched_likelihood", sa.Double(), nullable=True),
        sa.Column("candidates", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "matched_visit_id"],
            ["visits.account_id", "visits.visit_id"],
            name=op.f("fk_messages_account_id_matched_visit_id"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "number"],
            ["tracking_numbers.account_id", "tracking_numbers.number"],
            name=op.f("fk_messages_account_id_number"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "site_id"],
            ["sites.account_id", "sites.site_id"],
            name=op.f("fk_messages_account_id_site_id"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "source_id"],
            ["tracking_sources.account_id", "tracking_sources.source_id"],
            name=op.f("fk_messages_account_id_source_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_messages_account_id")),
        sa.PrimaryKeyConstraint("account_id", "message_id", name=op.f("pk_messages")),
    )
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_messages_account_id_at_message_id"), ["account_id", "at", "message_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_messages_account_id_from_number_at"), ["account_id", "from_number", "at"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_messages_account_id_provider_message_id"), ["account_id", "provider_message_id"], unique=True
        )
    op.create_table(
        "call_legs",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("call_id", sa.String(length=32), nullable=False),
        sa.Column("provider_leg_id", sa.String(length=128), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("duration_seconds", sa.Integer(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "call_id"],
            ["calls.account_id", "calls.call_id"],
            name=op.f("fk_call_legs_account_id_call_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_call_legs_account_id")),
        sa.PrimaryKeyConstraint("account_id", "call_id", "provider_leg_id", name=op.f("pk_call_legs")),
    )
    op.create_table(
        "call_recordings",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("recording_id", sa.String(length=32), nullable=False),
        sa.Column("call_id", sa.String(length=32), nullable=False),
        sa.Column("provider_recording_id", sa.String(length=128), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("duration_seconds", sa.Integer(), nullable=True),
        sa.Column("channels", sa.Integer(), nullable=True),
        sa.Column("address", sa.String(length=2000), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("media_type", sa.String(length=40), nullable=True),
        sa.Column("size_bytes", sa.Integer(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.String(length=300), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id", "call_id"],
            ["calls.account_id", "calls.call_id"],
            name=op.f("fk_call_recordings_account_id_call_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_call_recordings_account_id")),
        sa.PrimaryKeyConstraint("account_id", "recording_id", name=op.f("pk_call_recordings")),
    )
    with op.batch_alter_table("call_recordings", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_call_recordings_account_id_call_id"), ["account_id", "call_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_call_recordings_account_id_made_at"), ["account_id", "made_at"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_call_recordings_account_id_provider_recording_id"),
            ["account_id", "provider_recording_id"],
            unique=True,
        )
        batch_op.create_index(
            "ix_call_recordings_due",
            ["account_id", "next_try_at"],
            unique=False,
            sqlite_where=sa.text("next_try_at IS NOT NULL"),
            postgresql_where=sa.text("next_try_at IS NOT NULL"),
        )


def _told() -> None:
    """What others are told, and how it went."""
    op.create_table(
        "webhook_endpoints",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("endpoint_id", sa.String(length=32), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_webhook_endpoints_account_id")),
        sa.PrimaryKeyConstraint("account_id", "endpoint_id", name=op.f("pk_webhook_endpoints")),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("delivery_id", sa.String(length=32), nullable=False),
        sa.Column("endpoint_id", sa.String(length=32), nullable=False),
        sa.Column("message_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=32), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("problem", sa.String(length=300), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dead_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id", "endpoint_id"],
            ["webhook_endpoints.account_id", "webhook_endpoints.endpoint_id"],
            name=op.f("fk_webhook_deliveries_account_id_endpoint_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_webhook_deliveries_account_id")),
        sa.PrimaryKeyConstraint("account_id", "delivery_id", name=op.f("pk_webhook_deliveries")),
    )
    with op.batch_alter_table("webhook_deliveries", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_webhook_deliveries_account_id_endpoint_id_number"),
            ["account_id", "endpoint_id", "number"],
            unique=True,
        )
        batch_op.create_index(
            batch_op.f("ix_webhook_deliveries_account_id_made_at"), ["account_id", "made_at"], unique=False
        )
        batch_op.create_index(
            "ix_webhook_deliveries_due",
            ["account_id", "next_try_at"],
            unique=False,
            sqlite_where=sa.text("next_try_at IS NOT NULL"),
            postgresql_where=sa.text("next_try_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_webhook_deliveries_dead",
            ["account_id", "dead_at"],
            unique=False,
            sqlite_where=sa.text("dead_at IS NOT NULL"),
            postgresql_where=sa.text("dead_at IS NOT NULL"),
        )
    op.create_table(
        "webhook_accounts",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_webhook_accounts")),
    )


def _kept() -> None:
    """Who did what, and for how long data is kept."""
    op.create_table(
        "audit_entries",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("entry_id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=8), nullable=False),
        sa.Column("user_id", sa.String(length=32), nullable=True),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_audit_entries_account_id")),
        sa.PrimaryKeyConstraint("account_id", "entry_id", name=op.f("pk_audit_entries")),
    )
    with op.batch_alter_table("audit_entries", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_audit_entries_account_id_action_at"), ["account_id", "action", "at"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_audit_entries_account_id_at_entry_id"), ["account_id", "at", "entry_id"], unique=False
        )
    op.create_table(
        "retention_policies",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("visits_days", sa.Integer(), nullable=True),
        sa.Column("calls_days", sa.Integer(), nullable=True),
        sa.Column("messages_days", sa.Integer(), nullable=True),
        sa.Column("recordings_days", sa.Integer(), nullable=True),
        sa.Column("events_days", sa.Integer(), nullable=True),
        sa.Column("audit_days", sa.Integer(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_retention_policies_account_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_retention_policies")),
    )


def _set_up() -> None:
    """The next token of a provider, tries to sign in from known browsers, recorded sources."""
    with op.batch_alter_table("provider_credentials", schema=None) as batch_op:
        batch_op.add_column(sa.Column("next_token", sa.LargeBinary(), nullable=True))
    with op.batch_alter_table("sign_in_tries", schema=None) as batch_op:
        batch_op.add_column(sa.Column("browser_hash", sa.LargeBinary(length=32), nullable=True))
    with op.batch_alter_table("tracking_sources", schema=None) as batch_op:
        batch_op.add_column(sa.Column("recorded", sa.Boolean(), server_default=sa.text("false"), nullable=False))
        batch_op.add_column(sa.Column("notice", sa.String(length=500), nullable=True))
    with op.batch_alter_table("calls", schema=None) as batch_op:
        batch_op.add_column(sa.Column("notice", sa.String(length=500), nullable=True))
    with op.batch_alter_table("counted_days", schema=None) as batch_op:
        batch_op.add_column(sa.Column("closed", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    _pointing_to_visits()


def _pointing_to_visits() -> None:
    """Whoever points to a visit or visitor is found at once when it is removed."""
    for table, name, column in (
        ("calls", "ix_calls_matched_visit", "matched_visit_id"),
        ("calls", "ix_calls_model_visit", "model_visit_id"),
        ("messages", "ix_messages_matched_visit", "matched_visit_id"),
    ):
        there = sa.text(f"{column} IS NOT NULL")
        op.create_index(name, table, ["account_id", column], sqlite_where=there, postgresql_where=there)
    for table, column in (("call_candidates", "visit_id"), ("forms", "visit_id"), ("imported_visitors", "visitor_id")):
        op.create_index(op.f(f"ix_{table}_account_id_{column}"), table, ["account_id", column])
