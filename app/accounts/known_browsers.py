"""Browsers that somebody signed in from before: a signed cookie tells them, and it outlives the session.

It lets nobody in. It only counts the tries from such a browser apart, so that whoever keeps trying passwords from
elsewhere cannot shut the owner out (OWASP, "Authentication Cheat Sheet": device cookies).
"""

import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta

from app.secretbox import derive
from app.settings import Settings
from store.directory import User

KEPT = timedelta(days=365)
"""For how long a browser is known after its latest sign-in."""
MOST_USERS = 5
"""People who share a browser; the one who has not signed in for longest is forgotten."""
_LONGEST = 1000


class KnownBrowsers:
    """Makes and reads the cookie: entries `ID-EXPIRY-MAC` joined by dots, one for each user.

    The MAC goes over the user and the hash of their password, so that a changed password ends it.
    """

    def __init__(self, settings: Settings) -> None:
        self._key = derive(settings.secret_key or "", "browsers somebody signed in from")

    def known(self, cookie: str | None, user: User | None, at: datetime) -> bytes | None:
        """The hash of the browser where it is one of this user's; None for any other."""
        entry = self._entry(cookie, user, at)
        return hashlib.sha256(entry.partition("-")[0].encode()).digest() if entry and user else None

    def marked(self, cookie: str | None, user: User, at: datetime) -> str:
        """The cookie's value after `user` signed in: theirs renewed, those of others kept."""
        own = self._entry(cookie, user, at)
        browser = own.partition("-")[0] if own else secrets.token_hex(16)
        others = [entry for entry in _entries(cookie) if entry != own]
        return ".".join([*others[-(MOST_USERS - 1) :], self._written(browser, user, at + KEPT)])

    def _entry(self, cookie: str | None, user: User | None, at: datetime) -> str | None:
        """The entry that is this user's and still good."""
        if user is None:
            return None
        for entry in _entries(cookie):
            browser, _, rest = entry.partition("-")
            until = _moment(rest.partition("-")[0])
            if until is None or until <= at:
                continue
            if hmac.compare_digest(entry.encode(), self._written(browser, user, until).encode()):
                return entry
        return None

    def _written(self, browser: str, user: User, until: datetime) -> str:
        text = f"{browser}-{int(until.timestamp())}"
        mac = hmac.digest(self._key, f"{text}|{user.user_id}|{user.password_hash}".encode(), hashlib.sha256)
        return f"{text}-{mac[:16].hex()}"


def _entries(cookie: str | None) -> list[str]:
    if not cookie or len(cookie) > _LONGEST or not cookie.isascii():
        return []
    return [entry for entry in cookie.split(".") if entry.count("-") == 2][-MOST_USERS:]


def _moment(text: str) -> datetime | None:
    if not text.isdigit() or len(text) > 11:
        return None
    return datetime.fromtimestamp(int(text), UTC)
