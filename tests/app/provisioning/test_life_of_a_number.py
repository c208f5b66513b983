"""A number from its purchase to the day it is given back, on each database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.provisioning.shop import MAKER
from tests.support.between import Between
from tests.support.office import Office
from tests.support.outside import SID, TOKEN, Outside
from tests.support.serving import Served, served
from tests.support.trading import OFFERED, buy, maker, night, put_there


@pytest.fixture
def everywhere(database_url: str, tmp_path: Path, proxy: Between, twilio_prices: str) -> Iterator[Served]:
    """As `trader`, on each kind of database."""
    with served(database_url, RINGTRACE_INSTANCE_DIR=str(tmp_path / "instance")) as server:
        server.app.extensions[MAKER] = maker(proxy.url, twilio_prices)
        yield server


def test_from_the_purchase_to_the_end(
    everywhere: Served, database_url: str, proxy: Between, twilio_emulator: Outside
) -> None:
    office = Office.open(everywhere.url, database_url)
    office.api("PUT", "/providers/twilio", {"account_sid": SID, "auth_token": TOKEN}, expect=200)
    office.provider_token = TOKEN
    site = office.site()
    source = office.source(site, numbers=0)
    proxy.faults = ["lost", "cut"]
    assert buy(office, source, expect=202)["status"] == "doubtful"
    assert buy(office, source)["status"] == "quarantined"
    assert proxy.never_blindly()
    other = "+12125557001"
    put_there(twilio_emulator, other)
    body = {"number": other, "source": source["id"], "status": "active"}
    assert office.api("POST", "/numbers/import", body, expect=201)["status"] == "active"
    everywhere.clock.forward(days=8)
    assert night(everywhere, office).activated == [OFFERED]
    _, answer = office.ring(OFFERED)
    assert source["destination"] in answer.text
    parameters = {"at_provider": "true", "force": "true"}
    office.api("DELETE", f"/numbers/{OFFERED}", params=parameters, expect=204)
    everywhere.clock.forward(days=31)
    assert night(everywhere, office).released == [OFFERED]
    assert [n["phone_number"] for n in twilio_emulator.held()] == [other]
    told = office.api("GET", f"/numbers/{OFFERED}/history", expect=200)["items"]
    assert [h["to"] for h in told] == ["released", "resting", "active", "quarantined"]
    # And it can be had again, if it is still there.
    assert buy(office, source)["status"] == "quarantined"
    assert [p["status"] for p in office.api("GET", "/numbers/purchases", expect=200)["items"]] == ["bought"] * 2
