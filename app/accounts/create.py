"""Makes an account with its first user, and gives users passwords and tokens."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from app.accounts.passwords import hash_password, require_email, verify_password
from app.audit import note
from app.secretbox import SecretBox
from core.errors import Conflict, InvalidInput, NotFound
from core.ids import new_id, new_secret
from core.text import clean
from store.directory import ApiToken, Membership, SignIn, User
from store.sessions import DirectorySession, Work
from store.sites import Account, ProviderCredential

OWN_PROVIDER = "manual"


@dataclass(frozen=True, kw_only=True)
class NewAccount:
    """What is told once: the ids, the API token and the token that signs webhooks of numbers brought along."""

    account_id: str
    user_id: str
    api_token: str
    provider_token: str


def hash_token(token: str) -> bytes:
    """What is kept of a random secret (SHA-256)."""
    return hashlib.sha256(token.encode()).digest()


def create_account(work: Work, secrets: SecretBox, *, name: str, owner: str, password: str, at: datetime) -> NewAccount:
    """A tenant with its first user, who may work for other accounts already.

    Raises InvalidInput, or Conflict where there is such a user with another password.
    """
    label = clean(name, 200)
    if label is None:
        raise InvalidInput({"name": "is empty"})
    account_id, user_id = new_id(at), _owner(work.directory, email=owner, password=password, at=at)
    token, provider_token = new_secret("rt_"), new_secret()
    work.directory.add_all(
        [
            Membership(user_id=user_id, account_id=account_id, role="owner"),
            ApiToken(token_hash=hash_token(token), account_id=account_id, user_id=user_id, created_at=at),
        ]
    )
    session = work.account(account_id)
    session.add(Account(name=label, created_at=at))
    session.flush()
    session.add(
        ProviderCredential(provider=OWN_PROVIDER, account_sid="", token=secrets.seal(provider_token), updated_at=at)
    )
    note(session, "account.add", account_id, by="system", user_id=user_id, at=at)
    return NewAccount(account_id=account_id, user_id=user_id, api_token=token, provider_token=provider_token)


def _owner(directory: DirectorySession, *, email: str, password: str, at: datetime) -> str:
    """The id of the user with this e-mail address: a new one, or the one there is if the password is theirs."""
    address = require_email(email)
    user = directory.scalar(select(User).where(User.email == address))
    if user is not None:
        if not verify_password(user.password_hash, password):
            raise Conflict(
                f"there is a user {address} with another password; give theirs, or set it: ringtrace user password",
                fields={"owner": "is there with another password"},
            )
        return user.user_id
    user = User(
        user_id=new_id(at),
        email=address,
        name=address.partition("@")[0],
        password_hash=hash_password(password),
        created_at=at,
    )
    directory.add(user)
    directory.flush()
    return user.user_id


def set_password(directory: DirectorySession, *, email: str, password: str) -> None:
    """Sets a user's password and ends their sessions. Raises NotFound, InvalidInput."""
    user = directory.scalar(select(User).where(User.email == require_email(email)))
    if user is None:
        raise NotFound(f"there is no user {email.strip()}")
    user.password_hash = hash_password(password)
    end_sign_ins(directory, user.user_id)


def note_password(work: Work, *, email: str, at: datetime) -> None:
    """Tells every account of this user that their password was set."""
    user = work.directory.scalar(select(User).where(User.email == require_email(email)))
    if user is not None:
        accounts = work.directory.scalars(select(Membership.account_id).where(Membership.user_id == user.user_id))
        for account_id in accounts.all():
            note(work.account(account_id), "user.password", user.user_id, by="system", user_id=None, at=at)


def end_sign_ins(directory: DirectorySession, user_id: str) -> None:
    """Signs a user out everywhere."""
    directory.execute(delete(SignIn).where(SignIn.user_id == user_id))
