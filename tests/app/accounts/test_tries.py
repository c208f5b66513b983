"""Brute force: how many tries are evaluated, and that nobody who keeps trying shuts the owner out."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from app.accounts.create import create_account, set_password
from app.accounts.known_browsers import KEPT, MOST_USERS, KnownBrowsers
from app.accounts.sign_in import Refusal, Refused, SignedIn, Try, sign_in
from app.accounts.tries import TRIES, WINDOW
from app.secretbox import SecretBox
from app.settings import Settings
from store.directory import SignInTry, User
from store.engine import make_engine
from store.keeping import AuditEntry
from store.sessions import Database
from tests.support.office import PASSWORD
from tests.support.serving import environ

AT = datetime(2026, 3, 2, 14, tzinfo=UTC)
OWNER = "owner@example.com"


class Door:
    """An account with its owner, and the door to it."""

    def __init__(self, url: str) -> None:
        self.settings = Settings.from_env(environ(url))
        self.database = Database(make_engine(url))
        self.browsers = KnownBrowsers(self.settings)
        self.account_id = self.account(OWNER)

    def account(self, owner: str) -> str:
        with self.database.write() as work:
            box = SecretBox(self.settings)
            return create_account(work, box, name="Acme", owner=owner, password=PASSWORD, at=AT).account_id

    def knock(
        self, password: str = "wrong password", *, at: datetime = AT, email: str = OWNER, known: str | None = None
    ) -> SignedIn | Refused:
        given = Try(email=email, password=password, known=known, old_secret=None, address="192.0.2.7")
        return sign_in(self.database, self.browsers, given, at=at)

    def evaluated(self, *, at: datetime = AT, email: str = OWNER, known: str | None = None) -> bool:
        """Whether a wrong try was evaluated."""
        done = self.knock(at=at, email=email, known=known)
        assert isinstance(done, Refused)
        return done.why is Refusal.WRONG

    def cookie(self, *, at: datetime = AT, email: str = OWNER, known: str | None = None) -> str:
        """What a browser holds after somebody signed in from it."""
        done = self.knock(PASSWORD, at=at, email=email, known=known)
        assert isinstance(done, SignedIn), done
        return done.browser


@pytest.fixture
def door(database_url: str) -> Iterator[Door]:
    made = Door(database_url)
    yield made
    made.database.engine.dispose()


def test_of_many_tries_in_hours_ten_are_evaluated_in_any_fifteen_minutes(door: Door) -> None:
    step = timedelta(hours=6) / 2_500
    known = door.cookie()
    evaluated: list[datetime] = []
    lock = threading.Lock()

    def guess(numbers: range) -> None:
        for number in numbers:
            at = AT + number * step
            if door.evaluated(at=at):
                with lock:
                    evaluated.append(at)

    chunk = 100
    for first in range(0, 2_500, chunk):
        # Eight threads share each stretch of about fourteen minutes; time goes on between stretches only.
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(guess, [range(first + i, first + chunk, 8) for i in range(8)]))
        if first % 500 == 0:
            done = door.knock(PASSWORD, at=AT + (first + chunk) * step, known=known)
            assert isinstance(done, SignedIn), "the owner gets in from their own browser, whoever else tries"
    evaluated.sort()
    assert len(evaluated) >= 120
    for first, eleventh in zip(evaluated, evaluated[TRIES:], strict=False):
        # Threads take their turns out of order within a stretch; the window is held over those that were counted.
        assert eleventh - first > WINDOW - chunk * step


def test_ten_thousand_tries_spread_over_many_addresses_are_ten_for_each(door: Door) -> None:
    emails = [f"person{n}@example.com" for n in range(49)] + [OWNER]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: door.evaluated(email=emails[n % 50]), range(10_000)))
    assert sum(found) == 50 * TRIES
    with door.database.read() as work:
        assert work.directory.query(SignInTry).count() == 50 * TRIES


def test_a_known_browser_has_ten_tries_of_its_own_and_no_more(door: Door) -> None:
    home, office = door.cookie(), door.cookie()
    assert home != office
    assert sum(door.evaluated() for _ in range(30)) == TRIES
    assert sum(door.evaluated(known=home) for _ in range(30)) == TRIES
    assert sum(door.evaluated(known=office) for _ in range(30)) == TRIES
    assert isinstance(door.knock(PASSWORD, known=home), Refused)
    later = AT + WINDOW + timedelta(seconds=1)
    assert isinstance(door.knock(PASSWORD, at=later, known=home), SignedIn)


def test_a_cookie_counts_for_its_own_user_only_and_while_the_password_stays(door: Door) -> None:
    other = "other@example.com"
    door.account(other)
    own, foreign = door.cookie(), door.cookie(email=other)
    for forged in (
        foreign,
        own[:-1] + ("0" if own[-1] != "0" else "1"),
        "x",
        "",
        "a-1-b",
        "a-9999999999-b",
        "é",
        own * 50,
    ):
        assert door.browsers.known(forged, _user(door), AT) is None, forged
    assert door.browsers.known(own, _user(door), AT) is not None
    assert door.browsers.known(own, None, AT) is None
    assert door.browsers.known(own, _user(door), AT + KEPT + timedelta(seconds=1)) is None
    with door.database.write() as work:
        set_password(work.directory, email=OWNER, password="another password")
    assert door.browsers.known(own, _user(door), AT) is None


def test_a_browser_that_people_share_knows_each_of_them_up_to_a_few(door: Door) -> None:
    emails = [f"p{n}@example.com" for n in range(MOST_USERS + 1)]
    cookie: str | None = None
    for email in emails:
        door.account(email)
        cookie = door.cookie(email=email, known=cookie)
    users = [_user(door, email) for email in emails]
    assert [door.browsers.known(cookie, user, AT) is not None for user in users] == [False] + [True] * MOST_USERS
    again = door.cookie(email=emails[3], known=cookie, at=AT + timedelta(days=1))
    assert door.browsers.known(again, users[3], AT) == door.browsers.known(cookie, users[3], AT), "the same browser"


def test_the_audit_log_is_not_flooded(door: Door) -> None:
    for n in range(200):
        door.knock(at=AT + timedelta(seconds=1 + n))
    with door.database.read() as work:
        actions = [row.action for row in work.account(door.account_id).query(AuditEntry)]
    assert sorted(actions) == ["account.add", "sign_in.refused", *["sign_in.wrong"] * TRIES]


def _user(door: Door, email: str = OWNER) -> User:
    with door.database.read() as work:
        return work.directory.query(User).filter_by(email=email).one()
