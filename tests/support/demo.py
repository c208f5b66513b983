"""The demo's server, its business founded this moment, without a past."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from app.demo import establish as establishing
from app.demo.establish import Secrets, establish
from tests.support.serving import Served, served


@contextmanager
def served_demo(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Served, Secrets]]:
    """A running demo on the database at `url`, and what its first start tells."""
    monkeypatch.setattr(establishing, "history", lambda **_: ())
    with served(url, RINGTRACE_DEMO="on") as server:
        room = server.app.extensions["ringtrace"]
        made = establish(
            room.database,
            room.secrets,
            hosts=["127.0.0.1"],
            base_url=f"{server.url}/demo",
            days=60,
            at=datetime.now(UTC),
        )
        assert made is not None
        yield server, made
