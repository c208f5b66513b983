"""The built-in provider rings through the real door."""

from datetime import UTC, datetime

import pytest

from app.telephony.base import Provider
from app.telephony.demo import DemoProvider, WebhookRefused
from tests.app.telephony.builders import Desk
from tests.support.office import DESTINATION, Office, fresh_numbers
from tests.support.serving import served


def _provider(desk: Desk, token: str | None = None) -> DemoProvider:
    return DemoProvider(desk.office.url, lambda number: token or desk.office.provider_token)


def test_a_call_is_placed_redelivered_and_ended(desk: Desk) -> None:
    demo = _provider(desk)
    ringing = demo.ring(desk.number, "+12125550199", caller_name="Ada")
    assert (ringing.destination, ringing.sentence) == (DESTINATION, None)
    assert demo.ring(desk.number, "+12125550199", sid=ringing.sid) == ringing
    demo.hang_up(ringing.sid, 61)
    call = desk.call()
    assert (call.provider_call_id, call.status, call.duration_seconds) == (ringing.sid, "completed", 61)
    assert (call.from_number, call.caller_name) == ("+12125550199", "Ada")


def test_a_caller_can_withhold_their_number_and_find_nobody(lite_desk: Desk) -> None:
    demo = _provider(lite_desk)
    ringing = demo.ring(lite_desk.number, None)
    demo.hang_up(ringing.sid, None, status="no-answer")
    call = lite_desk.call()
    assert (call.from_number, call.status, call.duration_seconds) == (None, "no-answer", None)


def test_what_the_webhook_refuses_is_an_error(lite_desk: Desk) -> None:
    with pytest.raises(WebhookRefused, match="403"):
        _provider(lite_desk, token="not the token").ring(lite_desk.number, "+12125550199")
    with pytest.raises(WebhookRefused, match="403"):
        _provider(lite_desk).ring(fresh_numbers(1)[0], "+12125550199")
    with pytest.raises(KeyError):
        _provider(lite_desk).hang_up("CA-never-placed", 5)


def test_a_number_that_is_nobodys_is_told_so(lite_desk: Desk) -> None:
    lite_desk.store_twilio("tw", "AC" + "0" * 32, datetime.now(UTC))
    ringing = _provider(lite_desk, token="tw").ring(fresh_numbers(1)[0], "+12125550199")
    assert ringing.destination is None
    assert ringing.sentence is not None
    assert "not in service" in ringing.sentence


def test_signatures_are_for_the_public_address_though_the_server_is_reached_elsewhere(sqlite_url: str) -> None:
    public = "https://example.com/ring"
    with served(sqlite_url, RINGTRACE_PUBLIC_BASE_URL=public) as server:
        desk = Desk.open(server, Office.open(server.url, sqlite_url))
        demo = DemoProvider(public, lambda _: desk.office.provider_token, connect_to=server.url)
        assert demo.ring(desk.number, "+12125550199").destination == DESTINATION


def test_it_is_a_member_like_any_other(lite_desk: Desk) -> None:
    demo: Provider = _provider(lite_desk)
    assert demo.name == "demo"
