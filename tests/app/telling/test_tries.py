"""Messages on their way: signed, tried again over more than a day, once by one sender, in their order."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select
from standardwebhooks import Webhook

from app.telling.deliveries import replay, state_of
from app.telling.endpoints import change_endpoint, remove_endpoint
from app.telling.outbox import CALL_ENDED, CALL_STARTED, tell
from app.telling.tries import JITTER, LEASE, WAITS, Outcome, settle, take, wait_after
from core.errors import Conflict
from core.ids import new_id
from store.sessions import Database
from store.webhooks import WebhookDelivery, WebhookEndpoint
from tests.app.telling.world import AT, Office, holding
from tests.support.post import Receiver, receiver


@pytest.fixture
def office(database: Database, database_url: str) -> Office:
    return Office.open(database, database_url)


def arrived(there: Receiver) -> list[int]:
    """The order numbers of what was posted."""
    return [json.loads(body)["sequence"] for _, _, body in there.posts]


def test_a_message_is_verified_by_the_published_library(office: Office) -> None:
    with receiver() as there:
        _, secret = office.endpoint(f"{there.url}/hook?a=b")
        office.at = datetime.now(UTC)  # the library holds the timestamp against the clock
        assert office.tell(data={"id": "x", "name": "Zoë 🎉"}) == 1
        assert office.send_due() == 1
    [(path, headers, body)] = there.posts
    assert path == "/hook?a=b"
    told = Webhook(secret).verify(body, headers)
    assert (told["type"], told["sequence"], told["data"]) == (CALL_ENDED, 1, {"id": "x", "name": "Zoë 🎉"})
    assert headers["content-type"].startswith("application/json")
    [row] = office.deliveries()
    assert (state_of(row), row.status, row.tries, row.problem) == ("delivered", 204, 1, None)
    assert headers["webhook-id"] == row.message_id
    assert office.send_due() == 0


def test_only_those_who_asked_are_told(office: Office) -> None:
    with receiver() as ends, receiver() as starts:
        office.endpoint(ends.url, CALL_ENDED)
        office.endpoint(starts.url, CALL_STARTED, CALL_ENDED)
        assert office.tell(CALL_STARTED) == 1
        assert office.tell(CALL_ENDED) == 2
        assert office.send_due() == 3
        assert (arrived(ends), arrived(starts)) == ([1], [1, 2])


def test_a_receiver_that_was_down_for_a_day_gets_everything_in_schedule(office: Office) -> None:
    with receiver() as there:
        office.endpoint(there.url)
        there.status = 503
        made = 0
        for half_hour in range(48):  # down for 24 hours, an event every half hour
            office.at = AT + timedelta(minutes=30 * half_hour)
            made += office.tell()
            office.send_due()
            office.forward(seconds=6)
            office.send_due()
        failed = list(there.posts)
        there.status = 204
        up = office.at = AT + timedelta(hours=24)
        while waiting := [row.next_try_at for row in office.deliveries() if row.next_try_at is not None]:
            office.at = max(office.at, min(waiting))
            office.send_due()
            assert office.at < up + timedelta(hours=27), "the last wait is 24 hours and its jitter"
        got = there.posts[len(failed) :]
        assert made == len(got) == 48, "each is taken once"
        assert sorted(json.loads(body)["sequence"] for _, _, body in got) == list(range(1, made + 1)), "without a gap"
        assert len({headers["webhook-id"] for _, headers, _ in there.posts}) == made, "the id is the same in every try"
        bodies = {headers["webhook-id"]: body for _, headers, body in failed}
        assert all(bodies[headers["webhook-id"]] == body for _, headers, body in got), "and so is what is told"
        assert {state_of(row) for row in office.deliveries()} == {"delivered"}


def test_after_the_last_try_it_is_dead_and_may_be_sent_again(office: Office) -> None:
    with receiver() as there:
        endpoint_id, secret = office.endpoint(there.url)
        there.status = 500
        office.tell()
        waits = []
        assert office.send_due() == 1
        while (row := office.deliveries()[0]).next_try_at is not None:
            assert state_of(row) == "waiting"
            assert row.problem is not None
            assert "answered 500" in row.problem
            waits.append(row.next_try_at - office.at)
            office.at = row.next_try_at - timedelta(seconds=1)
            assert office.send_due() == 0, "not before its time"
            office.at = row.next_try_at
            assert office.send_due() == 1
        assert len(waits) == len(WAITS)
        for wait, least in zip(waits, WAITS, strict=True):
            assert least <= wait <= least * (1 + JITTER)
        assert (state_of(row), row.tries, row.status, row.dead_at) == ("dead", 8, 500, office.at)
        stamps = [headers["webhook-timestamp"] for _, headers, _ in there.posts]
        assert len(set(stamps)) == len(stamps) == 8, "each try has a time of its own"
        for (_, headers, body), stamp in zip(there.posts, stamps, strict=True):
            at = datetime.fromtimestamp(int(stamp), UTC)
            assert headers["webhook-signature"] == Webhook(secret).sign(row.message_id, at, body.decode())
        office.forward(days=3)
        assert office.send_due() == 0
        with office.database.write() as work:
            replay(work.account(office.account_id), endpoint_id, row.delivery_id, at=office.at)
        there.status = 200
        assert office.send_due() == 1
        assert {headers["webhook-id"] for _, headers, _ in there.posts} == {row.message_id}
        [row] = office.deliveries()
        assert (state_of(row), row.tries, row.dead_at) == ("delivered", 1, None)


def test_one_that_fails_does_not_hold_back_those_behind_it(office: Office) -> None:
    with receiver() as there:
        office.endpoint(there.url)
        there.status = 500
        office.tell()
        office.send_due()
        there.status = 204
        for _ in range(3):
            office.tell()
        assert office.send_due() == 3
        office.forward(seconds=6)
        assert office.send_due() == 1
        assert arrived(there) == [1, 2, 3, 4, 1], "the order number lets the receiver sort"


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 404, 429, 500])
def test_anything_but_success_is_a_failure(office: Office, status: int) -> None:
    with receiver() as there, receiver() as elsewhere:
        office.endpoint(there.url)
        there.status, there.headers = status, {"Location": elsewhere.url}
        office.tell()
        office.send_due()
        [row] = office.deliveries()
        assert (state_of(row), row.status) == ("waiting", status)
        assert elsewhere.posts == []


def test_who_says_gone_is_told_nothing_more_until_enabled(office: Office) -> None:
    with receiver() as there, receiver() as other:
        endpoint_id, _ = office.endpoint(there.url)
        office.endpoint(other.url)
        there.status = 500
        office.tell()
        office.send_due()
        there.status = 410
        office.tell()
        office.send_due()
        ours = [row for row in office.deliveries() if row.endpoint_id == endpoint_id]
        assert [state_of(row) for row in ours] == ["dead", "dead"], "what waited is dead too"
        stored = office.stored(endpoint_id)
        assert stored is not None
        assert stored.disabled_at == office.at
        posts = len(there.posts)
        assert office.tell() == 1, "the other one only"
        office.forward(days=2)
        office.send_due()
        assert len(there.posts) == posts
        assert arrived(other) == [1, 2, 3]
        with office.database.write() as work, pytest.raises(Conflict, match="enable it first"):
            replay(work.account(office.account_id), endpoint_id, ours[0].delivery_id, at=office.at)
        there.status = 204
        with office.database.write() as work:
            change_endpoint(work.account(office.account_id), endpoint_id, enable=True)
            replay(work.account(office.account_id), endpoint_id, ours[0].delivery_id, at=office.at)
        assert office.tell() == 2
        office.send_due()
        assert arrived(there)[posts:] == [1, 3], "numbers go on where they were"


def test_a_sender_that_died_between_taking_and_noting_holds_a_message_for_a_minute(office: Office) -> None:
    with receiver() as there:
        endpoint_id, _ = office.endpoint(there.url)
        office.tell()
        office.tell()
        with office.database.write() as work:
            taken = take(work.account(office.account_id), office.secrets, endpoint_id, at=office.at)
        assert taken is not None
        assert office.send_due() == 0, "nobody else takes it, and what is behind it waits for it"
        with office.database.write() as work, pytest.raises(Conflict, match="being sent right now"):
            replay(work.account(office.account_id), endpoint_id, taken.delivery_id, at=office.at)
        office.at += LEASE
        assert office.send_due() == 2
        assert arrived(there) == [1, 2]
        # The one that was thought dead was only slow, and says now that it failed: too late to matter.
        with office.database.write() as work:
            settle(work.account(office.account_id), taken, Outcome(status=500, problem="x"), at=office.at)
        first = office.deliveries()[0]
        assert (state_of(first), first.problem, first.tries) == ("delivered", None, 2)


def test_a_slow_sender_whose_message_got_through_spares_the_next_try(office: Office) -> None:
    endpoint_id, _ = office.endpoint("http://127.0.0.1:9")
    office.tell()
    with office.database.write() as work:
        taken = take(work.account(office.account_id), office.secrets, endpoint_id, at=office.at)
    assert taken is not None
    office.at += LEASE
    with office.database.write() as work:
        again = take(work.account(office.account_id), office.secrets, endpoint_id, at=office.at)
        assert again is not None
    for outcome, one in ((Outcome(status=200, problem=None), taken), (Outcome(status=500, problem="x"), again)):
        with office.database.write() as work:
            settle(work.account(office.account_id), one, outcome, at=office.at)
    [row] = office.deliveries()
    assert state_of(row) == "delivered"


def test_many_senders_take_each_message_once_and_one_endpoint_one_at_a_time(office: Office) -> None:
    with receiver() as there:
        office.endpoint(there.url)
        places = [(office.account_id, office.deliveries()[0].endpoint_id) for _ in range(1) if office.tell()]
        for _ in range(39):
            office.tell()
        start = threading.Barrier(8)

        def senders(_: int) -> int:
            start.wait()
            sent = 0
            while any(state_of(row) == "waiting" for row in office.deliveries()):
                sent += office.sender.send_next(places[0])
            return sent

        with ThreadPoolExecutor(8) as threads:
            assert sum(threads.map(senders, range(8))) == 40
        assert arrived(there) == list(range(1, 41)), "in their order, although many were at it"


def test_an_endpoint_that_is_deleted_while_it_is_told_leaves_nothing(office: Office) -> None:
    with holding() as (url, release, taken):
        endpoint_id, _ = office.endpoint(url)
        office.tell()
        office.tell()
        with ThreadPoolExecutor(1) as threads:
            sending = threads.submit(office.sender.send_next, (office.account_id, endpoint_id))
            while not taken:
                assert not sending.done(), sending.result()
            with office.database.write() as work:
                remove_endpoint(work.account(office.account_id), endpoint_id)
            release.set()
            assert sending.result() is True
        assert office.deliveries() == []
        assert office.send_due() == 0
        assert office.tell() == 0


def test_a_transaction_that_is_taken_back_tells_nobody(office: Office) -> None:
    office.endpoint("http://127.0.0.1:9")

    def tells_and_fails() -> None:
        with office.database.write() as work:
            session = work.account(office.account_id)
            tell(session, CALL_ENDED, new_id(AT), lambda: {"id": "x"}, at=AT)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        tells_and_fails()
    assert office.tell() == 1
    [row] = office.deliveries()
    assert row.number == 1, "no number is lost"


def test_numbers_have_no_gap_however_many_tell_at_once(office: Office) -> None:
    office.endpoint("http://127.0.0.1:9", CALL_ENDED)
    office.endpoint("http://127.0.0.1:9", CALL_STARTED, CALL_ENDED)
    office.endpoint("http://127.0.0.1:9", CALL_STARTED)
    with ThreadPoolExecutor(8) as threads:
        events = (CALL_STARTED, CALL_ENDED) * 30
        assert sum(threads.map(office.tell, events)) == 120
    with office.database.read() as work:
        rows = work.account(office.account_id).execute(
            select(WebhookDelivery.endpoint_id, func.max(WebhookDelivery.number), func.count()).group_by(
                WebhookDelivery.endpoint_id
            )
        )
        assert sorted((most, count) for _, most, count in rows) == [(30, 30), (30, 30), (60, 60)]


def test_a_secret_that_no_key_opens_is_said_and_nothing_is_sent(office: Office) -> None:
    with receiver() as there:
        endpoint_id, _ = office.endpoint(there.url)
        office.tell()
        with office.database.write() as work:
            work.account(office.account_id).get_one(WebhookEndpoint, (office.account_id, endpoint_id)).secret = b"x"
        office.send_due()
        [row] = office.deliveries()
        assert row.problem == "its secret cannot be read any more; make the webhook anew"
        assert there.posts == []


def test_waits_differ_from_message_to_message() -> None:
    waits = {wait_after(2, new_id(AT)) for _ in range(50)}
    assert len(waits) == 50
    assert all(WAITS[1] <= wait <= WAITS[1] * (1 + JITTER) for wait in waits)
