"""first tables

Revision: 0001, the first.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """first tables"""
    op.create_table(
        "accounts",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_accounts")),
    )
    op.create_table(
        "number_owners",
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_number_owners")),
    )
    op.create_table(
        "provider_accounts",
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("account_sid", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("provider", "account_sid", "account_id", name=op.f("pk_provider_accounts")),
    )
    op.create_table(
        "provider_calls",
        sa.Column("provider_call_id", sa.String(length=128), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("provider_call_id", name=op.f("pk_provider_calls")),
    )
    op.create_table(
        "sign_in_tries",
        sa.Column("try_id", sa.String(length=32), nullable=False),
        sa.Column("email_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("try_id", name=op.f("pk_sign_in_tries")),
    )
    with op.batch_alter_table("sign_in_tries", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sign_in_tries_email_hash_at"), ["email_hash", "at"], unique=False)

    op.create_table(
        "site_keys",
        sa.Column("site_key", sa.String(length=40), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("site_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("site_key", name=op.f("pk_site_keys")),
    )
    op.create_table(
        "users",
        sa.Column("user_id", sa.String(length=32), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
    )
    op.create_table(
        "api_tokens",
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("user_id", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.user_id"], name=op.f("fk_api_tokens_user_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_api_tokens")),
    )
    op.create_table(
        "first_answers",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("asked", sa.LargeBinary(length=32), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_first_answers_account_id")),
        sa.PrimaryKeyConstraint("account_id", "key", name=op.f("pk_first_answers")),
    )
    with op.batch_alter_table("first_answers", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_first_answers_account_id_created_at"), ["account_id", "created_at"], unique=False
        )

    op.create_table(
        "memberships",
        sa.Column("user_id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.user_id"], name=op.f("fk_memberships_user_id")),
        sa.PrimaryKeyConstraint("user_id", "account_id", name=op.f("pk_memberships")),
    )
    op.create_table(
        "provider_credentials",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("account_sid", sa.String(length=64), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("previous_token", sa.LargeBinary(), nullable=True),
        sa.Column("previous_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_provider_credentials_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", "provider", name=op.f("pk_provider_credentials")),
    )
    op.create_table(
        "sign_ins",
        sa.Column("secret_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("user_id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.user_id"], name=op.f("fk_sign_ins_user_id")),
        sa.PrimaryKeyConstraint("secret_hash", name=op.f("pk_sign_ins")),
    )
    with op.batch_alter_table("sign_ins", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sign_ins_user_id"), ["user_id"], unique=False)

    op.create_table(
        "sites",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("site_id", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("domains", sa.JSON(), nullable=False),
        sa.Column("numbers", sa.JSON(), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("consent_default", sa.String(length=10), nullable=False),
        sa.Column("exclude_networks", sa.JSON(), nullable=False),
        sa.Column("visitors_per_number", sa.Integer(), nullable=False),
        sa.Column("likelihood_target", sa.Double(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_sites_account_id")),
        sa.PrimaryKeyConstraint("account_id", "site_id", name=op.f("pk_sites")),
    )
    op.create_table(
        "tracking_sources",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("source_id", sa.String(length=32), nullable=False),
        sa.Column("site_id", sa.String(length=32), nullable=False),
        sa.Column("slug", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("preset", sa.String(length=30), nullable=True),
        sa.Column("rule", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("catch_all", sa.Boolean(), nullable=False),
        sa.Column("target", sa.String(length=16), nullable=True),
        sa.Column("destination", sa.String(length=16), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id", "site_id"],
            ["sites.account_id", "sites.site_id"],
            name=op.f("fk_tracking_sources_account_id_site_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_tracking_sources_account_id")),
        sa.PrimaryKeyConstraint("account_id", "source_id", name=op.f("pk_tracking_sources")),
    )
    with op.batch_alter_table("tracking_sources", schema=None) as batch_op:
        batch_op.create_index(
            "uq_tracking_sources_slug_in_use",
            ["account_id", "site_id", "slug"],
            unique=True,
            sqlite_where=sa.text("deleted_at IS NULL"),
            postgresql_where=sa.text("deleted_at IS NULL"),
        )

    op.create_table(
        "tracking_numbers",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column("source_id", sa.String(length=32), nullable=False),
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("last_turn", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status_since", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "source_id"],
            ["tracking_sources.account_id", "tracking_sources.source_id"],
            name=op.f("fk_tracking_numbers_account_id_source_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_tracking_numbers_account_id")),
        sa.PrimaryKeyConstraint("account_id", "number", name=op.f("pk_tracking_numbers")),
    )
    with op.batch_alter_table("tracking_numbers", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_tracking_numbers_account_id_source_id_number"),
            ["account_id", "source_id", "number"],
            unique=False,
        )

    op.create_table(
        "visitors",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("visitor_id", sa.String(length=32), nullable=False),
        sa.Column("site_id", sa.String(length=32), nullable=False),
        sa.Column("source_id", sa.String(length=32), nullable=True),
        sa.Column("visit_id", sa.String(length=32), nullable=True),
        sa.Column("visits", sa.Integer(), nullable=False),
        sa.Column("device", sa.String(length=10), nullable=False),
        sa.Column("region", sa.String(length=10), nullable=True),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "site_id"],
            ["sites.account_id", "sites.site_id"],
            name=op.f("fk_visitors_account_id_site_id"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "source_id"],
            ["tracking_sources.account_id", "tracking_sources.source_id"],
            name=op.f("fk_visitors_account_id_source_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_visitors_account_id")),
        sa.PrimaryKeyConstraint("account_id", "visitor_id", name=op.f("pk_visitors")),
    )
    op.create_table(
        "assignments",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("assignment_id", sa.String(length=32), nullable=False),
        sa.Column("visitor_id", sa.String(length=32), nullable=False),
        sa.Column("source_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id", "number"],
            ["tracking_numbers.account_id", "tracking_numbers.number"],
            name=op.f("fk_assignments_account_id_number"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "source_id"],
            ["tracking_sources.account_id", "tracking_sources.source_id"],
            name=op.f("fk_assignments_account_id_source_id"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "visitor_id"],
            ["visitors.account_id", "visitors.visitor_id"],
            name=op.f("fk_assignments_account_id_visitor_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_assignments_account_id")),
        sa.PrimaryKeyConstraint("account_id", "assignment_id", name=op.f("pk_assignments")),
    )
    with op.batch_alter_table("assignments", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_assignments_account_id_number_started_at"),
            ["account_id", "number", "started_at"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_assignments_account_id_visitor_id_started_at"),
            ["account_id", "visitor_id", "started_at"],
            unique=False,
        )
        batch_op.create_index(
            "uq_assignments_open",
            ["account_id", "visitor_id", "source_id"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "visits",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("visit_id", sa.String(length=32), nullable=False),
        sa.Column("site_id", sa.String(length=32), nullable=False),
        sa.Column("visitor_id", sa.String(length=32), nullable=False),
        sa.Column("source_id", sa.String(length=32), nullable=True),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("local_day", sa.Date(), nullable=False),
        sa.Column("landing_url", sa.Text(), nullable=False),
        sa.Column("referrer", sa.Text(), nullable=True),
        sa.Column("utm", sa.JSON(), nullable=False),
        sa.Column("click_ids", sa.JSON(), nullable=False),
        sa.Column("campaign_key", sa.String(length=64), nullable=True),
        sa.Column("touch_source", sa.String(length=255), nullable=True),
        sa.Column("touch_medium", sa.String(length=255), nullable=True),
        sa.Column("touch_campaign", sa.String(length=255), nullable=True),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("rules_version", sa.String(length=20), nullable=False),
        sa.Column("device", sa.String(length=10), nullable=False),
        sa.Column("user_agent", sa.String(length=400), nullable=True),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_path", sa.String(length=400), nullable=True),
        sa.Column("page_views", sa.Integer(), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id", "site_id"], ["sites.account_id", "sites.site_id"], name=op.f("fk_visits_account_id_site_id")
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "source_id"],
            ["tracking_sources.account_id", "tracking_sources.source_id"],
            name=op.f("fk_visits_account_id_source_id"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "visitor_id"],
            ["visitors.account_id", "visitors.visitor_id"],
            name=op.f("fk_visits_account_id_visitor_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_visits_account_id")),
        sa.PrimaryKeyConstraint("account_id", "visit_id", name=op.f("pk_visits")),
    )
    with op.batch_alter_table("visits", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_visits_account_id_site_id_local_day_source_id_visitor_id"),
            ["account_id", "site_id", "local_day", "source_id", "visitor_id"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_visits_account_id_visitor_id_started_at"),
            ["account_id", "visitor_id", "started_at"],
            unique=False,
        )

    op.create_table(
        "calls",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("call_id", sa.String(length=32), nullable=False),
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("provider_call_id", sa.String(length=128), nullable=False),
        sa.Column("site_id", sa.String(length=32), nullable=False),
        sa.Column("source_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column("destination", sa.String(length=16), nullable=False),
        sa.Column("from_number", sa.String(length=16), nullable=True),
        sa.Column("caller_name", sa.String(length=200), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("local_day", sa.Date(), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("duration_seconds", sa.Integer(), nullable=True),
        sa.Column("spam", sa.Boolean(), nullable=False),
        sa.Column("value_minor", sa.BigInteger(), nullable=True),
        sa.Column("value_currency", sa.String(length=3), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("model_version", sa.String(length=40), nullable=True),
        sa.Column("none_likelihood", sa.Double(), nullable=False),
        sa.Column("model_visit_id", sa.String(length=32), nullable=True),
        sa.Column("model_visitor_id", sa.String(length=32), nullable=True),
        sa.Column("model_likelihood", sa.Double(), nullable=True),
        sa.Column("matched_by", sa.String(length=5), nullable=True),
        sa.Column("matched_visit_id", sa.String(length=32), nullable=True),
        sa.Column("matched_visitor_id", sa.String(length=32), nullable=True),
        sa.Column("matched_likelihood", sa.Double(), nullable=True),
        sa.Column("matched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("matched_user_id", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id", "matched_visit_id"],
            ["visits.account_id", "visits.visit_id"],
            name=op.f("fk_calls_account_id_matched_visit_id"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "model_visit_id"],
            ["visits.account_id", "visits.visit_id"],
            name=op.f("fk_calls_account_id_model_visit_id"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "number"],
            ["tracking_numbers.account_id", "tracking_numbers.number"],
            name=op.f("fk_calls_account_id_number"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "site_id"], ["sites.account_id", "sites.site_id"], name=op.f("fk_calls_account_id_site_id")
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "source_id"],
            ["tracking_sources.account_id", "tracking_sources.source_id"],
            name=op.f("fk_calls_account_id_source_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_calls_account_id")),
        sa.PrimaryKeyConstraint("account_id", "call_id", name=op.f("pk_calls")),
    )
    with op.batch_alter_table("calls", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_calls_account_id_from_number_started_at"),
            ["account_id", "from_number", "started_at"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_calls_account_id_matched_visitor_id_started_at"),
            ["account_id", "matched_visitor_id", "started_at"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_calls_account_id_provider_call_id"), ["account_id", "provider_call_id"], unique=True
        )
        batch_op.create_index(
            batch_op.f("ix_calls_account_id_site_id_source_id_started_at"),
            ["account_id", "site_id", "source_id", "started_at"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_calls_account_id_started_at_call_id"), ["account_id", "started_at", "call_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_calls_account_id_updated_at"), ["account_id", "updated_at"], unique=False)

    op.create_table(
        "forms",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("form_id", sa.String(length=32), nullable=False),
        sa.Column("site_id", sa.String(length=32), nullable=False),
        sa.Column("visitor_id", sa.String(length=32), nullable=False),
        sa.Column("visit_id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("phone", sa.String(length=16), nullable=True),
        sa.Column("email", sa.String(length=320), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id", "site_id"], ["sites.account_id", "sites.site_id"], name=op.f("fk_forms_account_id_site_id")
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "visit_id"],
            ["visits.account_id", "visits.visit_id"],
            name=op.f("fk_forms_account_id_visit_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_forms_account_id")),
        sa.PrimaryKeyConstraint("account_id", "form_id", name=op.f("pk_forms")),
    )
    with op.batch_alter_table("forms", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_forms_account_id_phone_at"), ["account_id", "phone", "at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_forms_account_id_visitor_id_at"), ["account_id", "visitor_id", "at"], unique=False
        )

    op.create_table(
        "visit_events",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("event_id", sa.String(length=32), nullable=False),
        sa.Column("visit_id", sa.String(length=32), nullable=False),
        sa.Column("visitor_id", sa.String(length=32), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("number", sa.String(length=16), nullable=True),
        sa.Column("data", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id", "visit_id"],
            ["visits.account_id", "visits.visit_id"],
            name=op.f("fk_visit_events_account_id_visit_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_visit_events_account_id")),
        sa.PrimaryKeyConstraint("account_id", "event_id", name=op.f("pk_visit_events")),
    )
    with op.batch_alter_table("visit_events", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_visit_events_account_id_visit_id_at"), ["account_id", "visit_id", "at"], unique=False
        )
        batch_op.create_index(
            "ix_visit_events_tel_clicks",
            ["account_id", "number", "at"],
            unique=False,
            sqlite_where=sa.text("type = 'tel_click'"),
            postgresql_where=sa.text("type = 'tel_click'"),
        )

    op.create_table(
        "call_candidates",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("call_id", sa.String(length=32), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("visit_id", sa.String(length=32), nullable=False),
        sa.Column("visitor_id", sa.String(length=32), nullable=False),
        sa.Column("source_id", sa.String(length=32), nullable=True),
        sa.Column("likelihood", sa.Double(), nullable=False),
        sa.Column("race", sa.Double(), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("evidence", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id", "call_id"],
            ["calls.account_id", "calls.call_id"],
            name=op.f("fk_call_candidates_account_id_call_id"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "visit_id"],
            ["visits.account_id", "visits.visit_id"],
            name=op.f("fk_call_candidates_account_id_visit_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_call_candidates_account_id")),
        sa.PrimaryKeyConstraint("account_id", "call_id", "rank", name=op.f("pk_call_candidates")),
    )
    with op.batch_alter_table("call_candidates", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_call_candidates_account_id_visitor_id_call_id"),
            ["account_id", "visitor_id", "call_id"],
            unique=False,
        )

    op.create_table(
        "call_notes",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("note_id", sa.String(length=32), nullable=False),
        sa.Column("call_id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("user_id", sa.String(length=32), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "call_id"],
            ["calls.account_id", "calls.call_id"],
            name=op.f("fk_call_notes_account_id_call_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_call_notes_account_id")),
        sa.PrimaryKeyConstraint("account_id", "note_id", name=op.f("pk_call_notes")),
    )
    with op.batch_alter_table("call_notes", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_call_notes_account_id_call_id_note_id"), ["account_id", "call_id", "note_id"], unique=False
        )

    op.create_table(
        "call_tags",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("call_id", sa.String(length=32), nullable=False),
        sa.Column("tag", sa.String(length=60), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "call_id"],
            ["calls.account_id", "calls.call_id"],
            name=op.f("fk_call_tags_account_id_call_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_call_tags_account_id")),
        sa.PrimaryKeyConstraint("account_id", "call_id", "tag", name=op.f("pk_call_tags")),
    )
    with op.batch_alter_table("call_tags", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_call_tags_account_id_tag_call_id"), ["account_id", "tag", "call_id"], unique=False
        )

    op.create_table(
        "match_decisions",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("decision_id", sa.String(length=32), nullable=False),
        sa.Column("call_id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=5), nullable=False),
        sa.Column("user_id", sa.String(length=32), nullable=True),
        sa.Column("visit_id", sa.String(length=32), nullable=True),
        sa.Column("visitor_id", sa.String(length=32), nullable=True),
        sa.Column("likelihood", sa.Double(), nullable=False),
        sa.Column("reason", sa.String(length=1000), nullable=True),
        sa.Column("model_version", sa.String(length=40), nullable=True),
        sa.Column("undo", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "call_id"],
            ["calls.account_id", "calls.call_id"],
            name=op.f("fk_match_decisions_account_id_call_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_match_decisions_account_id")),
        sa.PrimaryKeyConstraint("account_id", "decision_id", name=op.f("pk_match_decisions")),
    )
    with op.batch_alter_table("match_decisions", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_match_decisions_account_id_call_id_decision_id"),
            ["account_id", "call_id", "decision_id"],
            unique=False,
        )
