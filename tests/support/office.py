"""An office that uses Ringtrace from outside: over HTTP, with a token, as a website, as a provider."""

import itertools
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import requests
from twilio.request_validator import RequestValidator

from app.accounts.create import create_account
from app.secretbox import SecretBox
from app.settings import Settings
from store.engine import make_engine
from store.sessions import Database
from tests.support.serving import environ

BROWSER = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/142.0.0.0 Safari/537.36"
)
OWN = "+12125550100"
DESTINATION = "+12125559000"
PASSWORD = "correct horse battery"
_numbers = itertools.count(2_000)


def fresh_numbers(count: int) -> list[str]:
    """Numbers nobody used in this test run."""
    return [f"+1212556{next(_numbers):04d}" for _ in range(count)]


@dataclass
class Office:
    """One account, its token and the server it is on."""

    url: str
    account_id: str
    user_id: str
    email: str
    token: str
    provider_token: str
    http: requests.Session = field(default_factory=requests.Session)

    @classmethod
    def open(cls, url: str, database_url: str, name: str = "Acme Plumbing") -> "Office":
        """A new account in the database of the server at `url`."""
        email = f"{uuid.uuid4().hex}@example.com"
        settings = Settings.from_env(environ(database_url))
        engine = make_engine(database_url)
        with Database(engine).write() as work:
            made = create_account(
                work,
                SecretBox(settings),
                name=name,
                owner=email,
                password=PASSWORD,
                at=datetime.now(UTC),
            )
        engine.dispose()
        return cls(url, made.account_id, made.user_id, email, made.api_token, made.provider_token)

    def api(self, method: str, path: str, json: Any = None, expect: int | None = None, **kw: Any) -> Any:
        """An API call; with `expect` the status is asserted and the JSON (or None) returned."""
        headers = {"Authorization": f"Bearer {self.token}", **kw.pop("headers", {})}
        answer = self.http.request(method, f"{self.url}/api/v1{path}", json=json, headers=headers, timeout=30, **kw)
        if expect is None:
            return answer
        assert answer.status_code == expect, (answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def site(self, **fields: Any) -> Any:
        """Creates a site on example.com with one number of its own."""
        return self.api(
            "POST",
            "/sites",
            {
                "name": "Acme",
                "domains": ["example.com"],
                "numbers": [OWN],
                "time_zone": "America/New_York",
                "country": "US",
                "currency": "USD",
                **fields,
            },
            expect=201,
        )

    def source(self, site: Any, preset: str = "google_ads", numbers: int = 1, **fields: Any) -> Any:
        """Creates a source with so many numbers; the answer gets a list `pool`."""
        body = {
            "site": site["id"],
            "name": preset,
            "kind": "online",
            "preset": preset,
            "destination": DESTINATION,
            **fields,
        }
        if body["kind"] == "offline" or body.get("rule"):
            body.pop("preset")
        source = self.api("POST", "/sources", body, expect=201)
        source["pool"] = fresh_numbers(numbers)
        for number in source["pool"]:
            self.api(
                "POST",
                "/numbers",
                {"number": number, "source": source["id"], "provider": "manual"},
                expect=201,
            )
        return source

    def swap(self, site: Any, url: str = "https://example.com/?gclid=Cj0abc", **fields: Any) -> Any:
        """What a page asks when it opens; the raw response."""
        headers = {
            "Origin": fields.pop("origin", "https://example.com"),
            "User-Agent": fields.pop("user_agent", BROWSER),
        }
        headers = {k: v for k, v in headers.items() if v is not None}
        body = {
            "site": site["key"],
            "visitor": None,
            "url": url,
            "referrer": "",
            "title": "Home",
            "numbers": [OWN],
            "consent": "full",
            **fields,
        }
        return self.http.post(f"{self.url}/v1/swap", json=body, headers=headers, timeout=30)

    def events(self, site: Any, swapped: Any, *events: dict[str, Any]) -> Any:
        """What the page reports later."""
        return self.http.post(
            f"{self.url}/v1/events",
            json={
                "site": site["key"],
                "visitor": swapped["visitor"],
                "visit": swapped["visit"],
                "events": list(events),
            },
            headers={"Origin": "https://example.com", "User-Agent": BROWSER},
            timeout=30,
        )

    def webhook(self, kind: str, params: dict[str, str], token: str | None = None) -> Any:
        """A signed webhook of the provider."""
        url = f"{self.url}/webhooks/twilio/{kind}"
        signature = RequestValidator(token or self.provider_token).compute_signature(url, params)
        return self.http.post(url, data=params, headers={"X-Twilio-Signature": signature}, timeout=30)

    def ring(self, number: str, caller: str = "+12125550199", sid: str | None = None, **more: str) -> Any:
        """A call comes in; returns (CallSid, response)."""
        sid = sid or f"CA{uuid.uuid4().hex}"
        params = {
            "CallSid": sid,
            "AccountSid": "AC" + "0" * 32,
            "From": caller,
            "To": number,
            "CallStatus": "ringing",
            "Direction": "inbound",
            "ApiVersion": "2010-04-01",
            **more,
        }
        return sid, self.webhook("voice", params)

    def call_of(self, sid: str) -> Any:
        """The call with this provider id, whole."""
        for item in self.api("GET", "/calls", expect=200)["items"]:
            if item["provider_call_id"] == sid:
                return self.api("GET", f"/calls/{item['id']}", expect=200)
        raise AssertionError(f"no call {sid}")
