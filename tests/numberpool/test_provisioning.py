"""Purchases as rows: one open one per number, one who asks at a time, an end that stays."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from core.errors import Conflict, InvalidInput
from numberpool.provider import Bought, Doubtful, Held, Kind, Refused, Taken, kind_of
from numberpool.provisioning import (
    HANGING,
    UNDER_WAY,
    hanging,
    intend,
    is_under_way,
    purchase_of,
    purchases,
    settle,
    take_turn,
)
from store.sessions import Database
from tests.support.rows import START, Business

NUMBER = "+12125550142"
HELD = Held(sid="PN1", number=NUMBER, token="t")


@pytest.mark.parametrize(
    ("number", "kind"),
    [("+18005550123", "toll_free"), ("+18885550123", "toll_free"), ("+12125550142", "local"), ("+4930123456", "local")],
)
def test_kinds_by_number(number: str, kind: Kind) -> None:
    assert kind_of(number) == kind


def test_an_open_purchase_goes_on_and_a_closed_one_does_not(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work)
        source, other = office.source("google_ads", []), office.source("bing", [])
        session = office.session
        first, new = intend(session, number=NUMBER, source="google_ads", user_id=None, at=START)
        assert new
        assert first.token == f"ringtrace-{first.purchase_id}"
        again, new = intend(session, number=NUMBER, source=source.source_id, user_id=None, at=START)
        assert (again.purchase_id, new) == (first.purchase_id, False)
        with pytest.raises(Conflict):
            intend(session, number=NUMBER, source=other.source_id, user_id=None, at=START)
        settle(session, first.purchase_id, Refused(reason="no", code=21649), START)
        later, new = intend(session, number=NUMBER, source="bing", user_id=None, at=START + timedelta(hours=1))
        assert new
        assert [p.status for p in purchases(session, limit=9)] == ["intended", "refused"]
        assert purchase_of(session, later.purchase_id) is later
        assert purchase_of(session, "nonsense") is None
        for number, source_name in ((NUMBER, "nope"), ("+12125550100", "bing"), ("+12125559000", "bing")):
            with pytest.raises((InvalidInput, Conflict)):
                intend(session, number=number, source=source_name, user_id=None, at=START)


def test_of_sixteen_at_once_one_asks(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work)
        office.source("google_ads", [])
        account_id = office.session.account_id
        purchase, _ = intend(office.session, number=NUMBER, source="google_ads", user_id=None, at=START)

    def ask(_: int) -> bool:
        with database.write() as work:
            return take_turn(work.account(account_id), purchase, START)

    with ThreadPoolExecutor(16) as pool:
        assert sorted(pool.map(ask, range(16))) == [False] * 15 + [True]
    with database.write() as work:
        now = purchase_of(work.account(account_id), purchase.purchase_id)
        assert now is not None
        assert (now.posts, now.status) == (1, "asked")
        assert is_under_way(now, START + UNDER_WAY / 2)
        assert not is_under_way(now, START + UNDER_WAY)


def test_an_end_stays_unless_it_turns_out_to_be_bought(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work)
        office.source("google_ads", [])
        session = office.session
        row, _ = intend(session, number=NUMBER, source="google_ads", user_id=None, at=START)
        assert settle(session, row.purchase_id, Doubtful(reason="no answer"), START).status == "doubtful"
        assert hanging(session, START + HANGING / 2) == []
        assert hanging(session, START + HANGING) == [row]
        assert settle(session, row.purchase_id, Taken(reason="sold", code=21422), START).status == "taken"
        assert (row.code, row.reason) == (21422, "sold")
        assert settle(session, row.purchase_id, Refused(reason="no"), START).status == "taken"
        assert hanging(session, START + HANGING) == []
        assert settle(session, row.purchase_id, Bought(held=HELD), START).status == "bought"
        assert (row.provider_sid, row.code, row.reason) == ("PN1", None, None)
        assert settle(session, row.purchase_id, Doubtful(reason="no answer"), START).status == "bought"
        assert not take_turn(session, row, START)
