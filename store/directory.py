"""The directory: whose is this number, key, token, e-mail address, call? No tenant content; only `app` reads it."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from store.base import E164, Base, Directory, Id, Name


class User(Directory, Base):
    """A person who signs in, global by e-mail address (stored in lower case)."""

    __tablename__ = "users"
    user_id: Mapped[str] = mapped_column(Id, primary_key=True)
    email: Mapped[str] = mapped_column(String(320), unique=True)
    name: Mapped[str] = mapped_column(Name)
    password_hash: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]


class Membership(Directory, Base):
    """Which user works for which account, and as what (`owner` or `staff`)."""

    __tablename__ = "memberships"
    user_id: Mapped[str] = mapped_column(Id, ForeignKey("users.user_id"), primary_key=True)
    account_id: Mapped[str] = mapped_column(Id, primary_key=True)
    role: Mapped[str] = mapped_column(String(20))


class ApiToken(Directory, Base):
    """An API token, kept as its SHA-256 only (it is random, so a slow hash would add nothing)."""

    __tablename__ = "api_tokens"
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(Id)
    user_id: Mapped[str] = mapped_column(Id, ForeignKey("users.user_id"))
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class SignIn(Directory, Base):
    """A browser that is signed in. `account_id` is the account it is looking at."""

    __tablename__ = "sign_ins"
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    user_id: Mapped[str] = mapped_column(Id, ForeignKey("users.user_id"), index=True)
    account_id: Mapped[str] = mapped_column(Id)
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class SignInTry(Directory, Base):
    """An evaluated try to sign in, counted by the hash of the e-mail address that was typed.

    `browser_hash`: of a browser that had signed in as this user before, which has tries of its own.
    """

    __tablename__ = "sign_in_tries"
    try_id: Mapped[str] = mapped_column(Id, primary_key=True)
    email_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    browser_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    at: Mapped[datetime]
    __table_args__ = (Index(None, "email_hash", "at"),)


class SiteKey(Directory, Base):
    """The key in a site's script tag → whose site it is."""

    __tablename__ = "site_keys"
    site_key: Mapped[str] = mapped_column(String(40), primary_key=True)
    account_id: Mapped[str] = mapped_column(Id)
    site_id: Mapped[str] = mapped_column(Id)


class NumberOwner(Directory, Base):
    """A tracking number → its account; of a released one the last account, until another takes it."""

    __tablename__ = "number_owners"
    number: Mapped[str] = mapped_column(E164, primary_key=True)
    account_id: Mapped[str] = mapped_column(Id)
    released_at: Mapped[datetime | None]


class ProviderAccount(Directory, Base):
    """A provider's AccountSid → the accounts that use it (several may share one)."""

    __tablename__ = "provider_accounts"
    provider: Mapped[str] = mapped_column(String(20), primary_key=True)
    account_sid: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[str] = mapped_column(Id, primary_key=True)


class ProviderCall(Directory, Base):
    """A provider's call id → the account whose call it is, so that a late status finds it."""

    __tablename__ = "provider_calls"
    provider_call_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    account_id: Mapped[str] = mapped_column(Id)


class WebhookAccount(Directory, Base):
    """An account that has or had webhooks: whoever sends looks at these and at no other."""

    __tablename__ = "webhook_accounts"
    account_id: Mapped[str] = mapped_column(Id, primary_key=True)


DIRECTORY_TABLES = (
    User,
    Membership,
    ApiToken,
    SignIn,
    SignInTry,
    SiteKey,
    NumberOwner,
    ProviderAccount,
    ProviderCall,
    WebhookAccount,
)
