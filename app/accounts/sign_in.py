"""Sign-in of people: tries that are evaluated, sessions kept on the server, the account they look at.

The browser holds a random secret in a cookie, the database its SHA-256. Every sign-in makes a new secret; signing
out, a changed password and a lost membership end the old one at the next request. How often somebody may try is in
`app.accounts.tries`.
"""

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from sqlalchemy import Select, delete, select, update

from app.accounts.create import hash_token
from app.accounts.known_browsers import KnownBrowsers
from app.accounts.passwords import verify_password
from app.accounts.tries import TRIES, Counted, Tries
from app.audit import note
from core.ids import is_id, new_secret
from store.directory import Membership, SignIn, SignInTry, User
from store.sessions import Database, DirectorySession, Work
from store.sites import Account

IDLE = timedelta(hours=12)
ABSOLUTE = timedelta(days=14)
_TOUCH_EVERY = timedelta(minutes=1)
_MAX_EMAIL = 400
_AT_ONCE = threading.BoundedSemaphore(4)
"""The slow hash takes 64 MiB: many at once must not take the memory (or the processors) that calls need."""
_AT_ONCE_SECONDS = 5


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
    """Someone signed in: `secret` is for the cookie and told once, `browser` for the one that knows them again."""

    secret: str
    browser: str
    user_id: str
    account_id: str


@dataclass(frozen=True, kw_only=True)
class Try:
    """What somebody typed, and what their browser brought: `known`, its cookie of earlier sign-ins, and `old_secret`.

    `address` is where they are, for the audit log.
    """

    email: str
    password: str
    known: str | None
    old_secret: str | None
    address: str | None


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who is at the other end of a request, and which account they are looking at."""

    user_id: str
    name: str
    email: str
    account_id: str
    role: str


def sign_in(database: Database, browsers: KnownBrowsers, given: Try, *, at: datetime) -> SignedIn | Refused:
    """Evaluates a try. At most TRIES wrong ones per e-mail address are evaluated in `tries.WINDOW`.

    A browser that had signed in as this user before has as many of its own: whoever keeps trying from elsewhere does
    not shut the owner out. A try is counted before the password is looked at, so that many at once cannot slip
    through; one that was right is taken back. Whether there is such a user changes neither the answer nor what is
    done. Uses transactions of its own, because the slow hash must not hold a lock.
    """
    address = given.email.strip().lower()[:_MAX_EMAIL]
    with database.read() as work:
        # A flood brings no cookie; it is refused by a single query.
        wait = Tries(database, address, None).wait(work.directory, at) if not given.known else None
        if wait is not None:
            return Refused(why=Refusal.TOO_MANY, retry_after=wait)
        user = work.directory.scalar(select(User).where(User.email == address)) if _storable(address) else None
        account_id = _first_account(work.directory, user.user_id if user else "")
        browser = browsers.known(given.known, user, at)
        tries = Tries(database, address, browser)
        wait = tries.wait(work.directory, at)
    if wait is not None:
        return Refused(why=Refusal.TOO_MANY, retry_after=wait)
    if not _AT_ONCE.acquire(timeout=_AT_ONCE_SECONDS):
        return Refused(why=Refusal.TOO_MANY, retry_after=_AT_ONCE_SECONDS)
    try:
        counted = tries.count(at)
        if isinstance(counted, int):
            return Refused(why=Refusal.TOO_MANY, retry_after=counted)
        right = verify_password(user.password_hash if user else None, given.password)
    finally:
        _AT_ONCE.release()
    with database.write() as work:
        if user is None or not right or account_id is None:
            _note_wrong(work, counted, user, account_id, given, at)
            return Refused(why=Refusal.WRONG)
        return _let_in(work, browsers, counted, user, account_id, given, at)


def _note_wrong(
    work: Work, counted: Counted, user: User | None, account_id: str | None, given: Try, at: datetime
) -> None:
    """Writes a wrong try down for the account it was about, if any.

    Something is written in any case: the time of an answer must not tell whether there is such a user.
    """
    directory = work.directory
    directory.execute(update(SignInTry).where(SignInTry.try_id == counted.try_id).values(at=at))
    if user is None or account_id is None:
        return
    session, details = work.account(account_id), {"from": given.address, "known_browser": counted.known}
    note(session, "sign_in.wrong", user.user_id, by="person", user_id=None, at=at, details=details)
    if counted.number == TRIES:
        # Refused tries are not written down one by one: there may be thousands.
        note(session, "sign_in.refused", user.user_id, by="system", user_id=None, at=at, details=details)


def _let_in(
    work: Work, browsers: KnownBrowsers, counted: Counted, user: User, account_id: str, given: Try, at: datetime
) -> SignedIn:
    """Opens a session, ends what it replaces, and takes the try back."""
    secret, directory = new_secret(nbytes=32), work.directory
    directory.execute(delete(SignInTry).where(SignInTry.try_id == counted.try_id))
    directory.execute(delete(SignIn).where(SignIn.user_id == user.user_id, SignIn.expires_at <= at))
    if given.old_secret:
        directory.execute(delete(SignIn).where(SignIn.secret_hash == hash_token(given.old_secret)))
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
    note(
        work.account(account_id),
        "sign_in",
        user.user_id,
        by="person",
        user_id=user.user_id,
        at=at,
        details={"from": given.address, "known_browser": counted.known},
    )
    browser = browsers.marked(given.known, user, at)
    return SignedIn(secret=secret, browser=browser, user_id=user.user_id, account_id=account_id)


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


def sign_out(database: Database, secret: str | None, at: datetime) -> None:
    """Ends this session; the secret is dead from now on."""
    if not secret:
        return
    with database.write() as work:
        row = work.directory.get(SignIn, hash_token(secret))
        if row is None:
            return
        work.directory.delete(row)
        note(work.account(row.account_id), "sign_in.end", row.user_id, by="person", user_id=row.user_id, at=at)


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


def look_at(database: Database, secret: str, *, user_id: str, account_id: str, at: datetime) -> bool:
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
        note(work.account(account_id), "account.open", account_id, by="person", user_id=user_id, at=at)
    return True
