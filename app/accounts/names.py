"""What the people are called who are named by id in an account's rows."""

from collections.abc import Collection

from sqlalchemy import select

from store.directory import User
from store.sessions import DirectorySession


def user_names(directory: DirectorySession, user_ids: Collection[str]) -> dict[str, str]:
    """User id → name, for those that exist. One query, none where there is nobody to ask for."""
    if not user_ids:
        return {}
    rows = directory.execute(select(User.user_id, User.name).where(User.user_id.in_(sorted(user_ids))))
    return {row.user_id: row.name for row in rows}
