"""Alembic's entry. The metadata and the connection are handed in by the caller; nothing of ours is imported."""

from alembic import context
from sqlalchemy.types import TypeDecorator

config = context.config
connection = config.attributes["connection"]
target_metadata = config.attributes.get("metadata")


def render_item(kind, item, _autogen):
    """A revision names plain SQLAlchemy types: types of ours may change after it was written."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl!r}"
    return False


context.configure(
    connection=connection,
    target_metadata=target_metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
    render_item=render_item,
)
with context.begin_transaction():
    context.run_migrations()
