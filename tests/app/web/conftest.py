"""An account with a few calls, and its owner at the pages."""

from datetime import UTC, datetime

import pytest

from tests.app.web.scene import Scene
from tests.app.web.staff import Staff
from tests.support.office import Office


@pytest.fixture
def scene(lite_office: Office, sqlite_url: str) -> Scene:
    """The office's site with one source and two numbers."""
    made = Scene(sqlite_url, lite_office.account_id, datetime.now(UTC))
    made.site()
    made.source("google_ads", "Google Ads", 2, first=100)
    return made


@pytest.fixture
def staff(lite_office: Office) -> Staff:
    """The office's owner, signed in."""
    return Staff.of(lite_office)
