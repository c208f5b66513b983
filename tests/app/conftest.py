"""The outside references of the Twilio client, started once for all tests that need them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.provisioning.shop import MAKER
from tests.support.between import Between, between
from tests.support.office import Office
from tests.support.outside import SID, TOKEN, Outside, emulator, prism
from tests.support.serving import Served, served
from tests.support.trading import maker


@pytest.fixture(scope="session")
def twilio_documents() -> Iterator[str]:
    """Prism over Twilio's OpenAPI document of api.twilio.com; its address."""
    with prism("twilio_api_v2010") as url:
        yield url


@pytest.fixture(scope="session")
def twilio_prices() -> Iterator[str]:
    """Prism over Twilio's OpenAPI document of pricing.twilio.com; its address."""
    with prism("twilio_pricing_v1") as url:
        yield url


@pytest.fixture(scope="session")
def _emulator() -> Iterator[Outside]:
    with emulator() as running:
        yield running


@pytest.fixture
def twilio_emulator(_emulator: Outside) -> Outside:
    """The emulator, its account without numbers."""
    _emulator.clear()
    return _emulator


@pytest.fixture
def proxy(twilio_emulator: Outside, twilio_documents: str) -> Iterator[Between]:
    """A proxy in front of the emulator; searches for numbers are answered by the mock."""
    with between(twilio_emulator.url, twilio_documents) as made:
        yield made


@pytest.fixture
def trader(sqlite_url: str, tmp_path: Path, proxy: Between, twilio_prices: str) -> Iterator[Served]:
    """A server whose Twilio is the proxy in front of the outside references."""
    with served(sqlite_url, RINGTRACE_INSTANCE_DIR=str(tmp_path / "instance")) as server:
        server.app.extensions[MAKER] = maker(proxy.url, twilio_prices)
        yield server


@pytest.fixture
def shop(trader: Served, sqlite_url: str) -> Office:
    """An account with Twilio's credentials."""
    office = Office.open(trader.url, sqlite_url)
    office.api("PUT", "/providers/twilio", {"account_sid": SID, "auth_token": TOKEN}, expect=200)
    return office
