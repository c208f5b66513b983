"""Sign-in of people: tries that are counted, sessions kept on the server, the account they look at.

The browser holds a random secret in a cookie, the database its SHA-256. Every sign-in makes a new secret; signing
out, a changed password and a lost membership end the old one at the next request.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from sqlalchemy import Select, delete, func, select, update

from app.accounts.create import hash_token
from app.accounts.passwords import verify_password
from core.ids import is_id, new_id, new_secret
from store.directory import Membership, SignIn, SignInTry, User
from store.sessions import Database, DirectorySession
from store.sites import Account

IDLE = timedelta(hours=12)
ABSOLUTE = timedelta(days=14)
TRIES = 10
TRY_WINDOW = timedelta(minutes=15)
_TOUCH_EVERY = timedelta(minutes=1)
_MAX_EMAIL = 400


class Refusal(Enum):
    """Why a try did not sign in."""

    WRONG = "wrong"
    TOO_MANY = "too many"


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A try that did not sign in. `retry_after` (whole seconds) is set where there were too many."""

    why: Refusal
    retry_after: int | None = None


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """Someone signed in: `secret` is for the cookie and told once."""

    secret: str
    user_id: str
    account_id: str


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who is at the other end of a request, and which account they are looking at."""

    user_id: str
    name: str
    email: str
    account_id: str
    role: str


def sign_in(
    database: Database, *, email: str, password: str, old_secret: str | None, at: datetime
) -> SignedIn | Refused:
    """Evaluates a try. At most TRIES wrong ones per e-mail address in TRY_WINDOW are evaluated.

    A try is counted before the password is looked at, so that many at once cannot slip through; one that was right
    is taken back. Whether there is such a user changes neither the answer nor the time. Uses transactions of its own,
    because the slow hash must not hold a lock.
    """
    address = email.strip().lower()[:_MAX_EMAIL]
    email_hash = hashlib.sha256(address.encode(errors="replace")).digest()
    counted = _count_try(database, email_hash, at)
    if isinstance(counted, Refused):
        return counted
    with database.read() as work:
        user = work.directory.scalar(select(User).where(User.email == address)) if _storable(address) else None
        account_id = _first_account(work.directory, user.user_id) if user else None
    right = verify_password(user.password_hash if user else None, password)
    if user is None or not right or account_id is None:
        return Refused(why=Refusal.WRONG)
    secret = new_secret(nbytes=32)
    with database.write() as work:
        directory = work.directory
        directory.execute(delete(SignInTry).where(SignInTry.try_id == counted))
        directory.execute(delete(SignIn).where(SignIn.user_id == user.user_id, SignIn.expires_at <= at))
        if old_secret:
            directory.execute(delete(SignIn).where(SignIn.secret_hash == hash_token(old_secret)))
        directory.add(
            SignIn(
                secret_hash=hash_token(secret),
                user_id=user.user_id,
                account_id=account_id,
                created_at=at,
                last_used_at=at,
                expires_at=at + ABSOLUTE,
            )
        )
    return SignedIn(secret=secret, user_id=user.user_id, account_id=account_id)


def _count_try(database: Database, email_hash: bytes, at: datetime) -> str | Refused:
    """Writes this try down and returns its id, or refuses it; refused tries are not counted, so the window slides."""
    with database.write() as work:
        directory = work.directory
        if database.engine.dialect.name == "postgresql":
            # Two tries at once must not both be the tenth. SQLite has one writer at a time anyway.
            directory.execute(select(func.pg_advisory_xact_lock(int.from_bytes(email_hash[:8], "big", signed=True))))
        since = at - TRY_WINDOW
        # Ids begin with their time: this forgets what no window reaches, through the primary key.
        directory.execute(delete(SignInTry).where(SignInTry.try_id < _id_floor(since)))
        times = list(
            directory.scalars(
                select(SignInTry.at)
                .where(SignInTry.email_hash == email_hash, SignInTry.at > since)
                .order_by(SignInTry.at)
                .limit(TRIES)
            )
        )
        if len(times) >= TRIES:
            wait = times[0] + TRY_WINDOW - at
            return Refused(why=Refusal.TOO_MANY, retry_after=max(1, int(wait.total_seconds()) + 1))
        row = SignInTry(try_id=new_id(at), email_hash=email_hash, at=at)
        directory.add(row)
        directory.flush()
        return row.try_id


def _id_floor(at: datetime) -> str:
    """What every id made at `at` or later sorts after."""
    return f"{int(at.timestamp() * 1000):012x}"


def _storable(address: str) -> bool:
    """Whether a database can be asked for this text at all (PostgreSQL knows neither NUL nor lone surrogates)."""
    return "\x00" not in address and address.isprintable()


def _first_account(directory: DirectorySession, user_id: str) -> str | None:
    """The account a user sees first: the one they looked at last, else their oldest."""
    last = directory.scalar(
        select(SignIn.account_id)
        .join(Membership, (Membership.user_id == SignIn.user_id) & (Membership.account_id == SignIn.account_id))
        .where(SignIn.user_id == user_id)
        .order_by(SignIn.last_used_at.desc())
        .limit(1)
    )
    return last or directory.scalar(_accounts_of(user_id).limit(1))


def _accounts_of(user_id: str) -> Select[str]:
    return select(Membership.account_id).where(Membership.user_id == user_id).order_by(Membership.account_id)


def person_of(database: Database, secret: str | None, at: datetime, *, present: bool = True) -> Person | None:
    """Who holds this cookie, or None where it is unknown, expired, or its user left the account. One query.

    `present` is False for what a page asks by itself: that must not keep a session of nobody alive.
    """
    if not secret or len(secret) > 200:
        return None
    secret_hash = hash_token(secret)
    with database.read() as work:
        found = work.directory.execute(
            select(SignIn.account_id, SignIn.last_used_at, User.user_id, User.name, User.email, Membership.role)
            .join(User, User.user_id == SignIn.user_id)
            .join(Membership, (Membership.user_id == SignIn.user_id) & (Membership.account_id == SignIn.account_id))
            .where(SignIn.secret_hash == secret_hash, SignIn.expires_at > at, SignIn.last_used_at > at - IDLE)
        ).one_or_none()
    if found is None:
        return None
    if present and at - found.last_used_at >= _TOUCH_EVERY:
        with database.write() as work:
            work.directory.execute(update(SignIn).where(SignIn.secret_hash == secret_hash).values(last_used_at=at))
    return Person(
        user_id=found.user_id, name=found.name, email=found.email, account_id=found.account_id, role=found.role
    )


def sign_out(database: Database, secret: str | None) -> None:
    """Ends this session; the secret is dead from now on."""
    if secret:
        with database.write() as work:
            work.directory.execute(delete(SignIn).where(SignIn.secret_hash == hash_token(secret)))


@dataclass(frozen=True, kw_only=True)
class AccountChoice:
    """An account a user may look at."""

    account_id: str
    name: str


def account_ids(directory: DirectorySession, user_id: str) -> list[str]:
    """The accounts a user works for."""
    return list(directory.scalars(_accounts_of(user_id)))


def accounts_of(database: Database, user_id: str) -> list[AccountChoice]:
    """The accounts a user works for, by name."""
    with database.read() as work:
        choices = []
        for account_id in account_ids(work.directory, user_id):
            account = work.account(account_id).get(Account, account_id)
            if account is not None:
                choices.append(AccountChoice(account_id=account_id, name=account.name))
    return sorted(choices, key=lambda choice: (choice.name.casefold(), choice.account_id))


def look_at(database: Database, secret: str, *, user_id: str, account_id: str) -> bool:
    """Turns this session to another account of its user; False where it is none of theirs."""
    if not is_id(account_id):
        return False
    with database.write() as work:
        if work.directory.get(Membership, (user_id, account_id)) is None:
            return False
        work.directory.execute(
            update(SignIn)
            .where(SignIn.secret_hash == hash_token(secret), SignIn.user_id == user_id)
            .values(account_id=account_id)
        )
    return True
