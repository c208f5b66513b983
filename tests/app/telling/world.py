"""An account that tells receivers, with a clock of its own and no threads."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sqlalchemy import select

from app.outgoing import Outgoing
from app.secretbox import SecretBox
from app.settings import Settings
from app.telling.deliver import Sender
from app.telling.endpoints import add_endpoint
from app.telling.outbox import CALL_ENDED, tell
from core.ids import new_id
from store.sessions import Database
from store.sites import Account
from store.webhooks import WebhookDelivery, WebhookEndpoint
from tests.support.serving import environ

AT = datetime(2026, 4, 15, 15, tzinfo=UTC)


def loopback(address: Any) -> bool:
    return bool(address.is_loopback)


@dataclass
class Office:
    """One account and its clock."""

    database: Database
    settings: Settings
    at: datetime = AT
    account_id: str = ""
    secrets: SecretBox = field(init=False)
    sender: Sender = field(init=False)

    def __post_init__(self) -> None:
        self.secrets = SecretBox(self.settings)
        self.sender = Sender(
            database=self.database,
            secrets=self.secrets,
            outgoing=Outgoing(allowed=loopback, timeout=5),
            now=lambda: self.at,
        )
        if not self.account_id:
            self.account_id = new_id(self.at)
            with self.database.write() as work:
                work.account(self.account_id).add(Account(name="Acme", created_at=self.at))

    @classmethod
    def open(cls, database: Database, database_url: str) -> "Office":
        return cls(database, Settings.from_env(environ(database_url)))

    def endpoint(self, url: str, *events: str) -> tuple[str, str]:
        """A new endpoint's id and secret."""
        with self.database.write() as work:
            row, secret = add_endpoint(
                work, self.account_id, self.secrets, loopback, url=url, events=events or (CALL_ENDED,), at=self.at
            )
            return row.endpoint_id, secret

    def tell(self, event: str = CALL_ENDED, data: dict[str, Any] | None = None) -> int:
        with self.database.write() as work:
            subject = new_id(self.at)
            session = work.account(self.account_id)
            return tell(session, event, subject, lambda: data or {"id": subject}, at=self.at)

    def send_due(self) -> int:
        """Sends whatever is due now, one after the other; returns how many tries that were."""
        tries = 0
        for place in self.sender.due():
            while self.sender.send_next(place):
                tries += 1
        return tries

    def forward(self, **by: float) -> None:
        self.at += timedelta(**by)

    def deliveries(self) -> list[WebhookDelivery]:
        with self.database.read() as work:
            query = select(WebhookDelivery).order_by(WebhookDelivery.endpoint_id, WebhookDelivery.number)
            return list(work.account(self.account_id).scalars(query))

    def stored(self, endpoint_id: str) -> WebhookEndpoint | None:
        with self.database.read() as work:
            return work.account(self.account_id).get(WebhookEndpoint, (self.account_id, endpoint_id))


@contextmanager
def holding() -> Iterator[tuple[str, threading.Event, list[str]]]:
    """A receiver that takes a message and keeps silent until it is let go: its address, the release, ids it took."""
    release, taken = threading.Event(), list[str]()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            taken.append(self.headers["webhook-id"])
            release.wait(20)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", release, taken
    finally:
        release.set()
        server.shutdown()
        thread.join()
        server.server_close()
