"""A desk: an office whose source rings."""

import pytest

from app.outage import calls
from tests.app.telephony.builders import Desk
from tests.support.office import Office
from tests.support.serving import Served


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """How soon a call is answered has tests of its own; here a machine that is busy is no outage."""
    monkeypatch.setattr(calls, "SECONDS", 25.0)


@pytest.fixture
def desk(server: Served, office: Office) -> Desk:
    """On SQLite and on PostgreSQL."""
    return Desk.open(server, office)


@pytest.fixture
def lite_desk(lite_server: Served, lite_office: Office) -> Desk:
    """On SQLite only."""
    return Desk.open(lite_server, lite_office)
