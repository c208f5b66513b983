"""An account with calls, candidates and visits, put into the database as the other rooms would have left them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from core.ids import new_id
from core.time import local_day
from store.calls import Call, CallCandidate, CallNote, CallTag, MatchDecision
from store.engine import make_engine
from store.sessions import AccountSession, Database
from store.sites import Site, TrackingNumber, TrackingSource
from store.visits import Assignment, Visit, VisitEvent, Visitor

ZONE = "America/New_York"
AGENT = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Safari/605.1.15"
WEIGHTS = [("base_rate", "a visitor this very second", 3.1), ("tel_click", "6 s before the call", 5.0)]


@dataclass
class Scene:
    """Writes one account's site; every `call` comes with as many candidates as likelihoods are named."""

    database_url: str
    account_id: str
    at: datetime
    site_id: str = ""
    sources: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, list[str]] = field(default_factory=dict)

    def write(self, work: Any) -> Any:
        """Runs `work(session)` in one transaction and returns what it returns."""
        engine = make_engine(self.database_url)
        try:
            with Database(engine).write() as unit:
                return work(unit.account(self.account_id))
        finally:
            engine.dispose()

    def site(self, name: str = "Acme Plumbing", **fields: Any) -> str:
        """A site on example.com."""
        self.site_id = new_id(self.at)
        values: dict[str, Any] = {
            "name": name,
            "domains": ["example.com"],
            "numbers": ["+12125550100"],
            "time_zone": ZONE,
            "country": "US",
            "currency": "USD",
            "consent_default": "full",
            "exclude_networks": [],
            **fields,
        }
        row = Site(site_id=self.site_id, key=f"k{self.site_id[-8:]}", created_at=self.at, **values)
        self.write(lambda session: session.add(row))
        return self.site_id

    def source(self, slug: str, name: str, numbers: int = 1, *, first: int, kind: str = "online") -> str:
        """A source with so many numbers from +1 212 555 `first` on."""
        source_id = new_id(self.at)

        def add(session: AccountSession) -> None:
            session.add(
                TrackingSource(
                    source_id=source_id,
                    site_id=self.site_id,
                    slug=slug,
                    name=name,
                    kind=kind,
                    preset=slug,
                    position=len(self.sources),
                    catch_all=False,
                    destination="+12125559000",
                    created_at=self.at,
                )
            )
            session.flush()
            self.numbers[slug] = [f"+1212555{first + i:04d}" for i in range(numbers)]
            session.add_all(
                TrackingNumber(
                    number=n,
                    source_id=source_id,
                    provider="manual",
                    status="active",
                    created_at=self.at,
                    status_since=self.at,
                )
                for n in self.numbers[slug]
            )

        self.write(add)
        self.sources[slug] = source_id
        return source_id

    def visit(self, slug: str, before: timedelta, **fields: Any) -> tuple[str, str]:
        """(visit, visitor) of somebody who came so long before; clicks the number where `clicked` is given."""
        return self.write(lambda session: self._visit(session, slug, self.at - before, **fields))

    def _visit(self, session: AccountSession, slug: str, at: datetime, **fields: Any) -> tuple[str, str]:
        visitor_id, visit_id = new_id(at), new_id(at)
        url = fields.pop("url", "https://example.com/pricing?utm_source=google")
        path = fields.pop("path", "/contact")
        session.add(
            Visitor(
                visitor_id=visitor_id,
                site_id=self.site_id,
                source_id=self.sources[slug],
                visits=1,
                device="phone",
                first_seen_at=at,
                last_seen_at=at,
            )
        )
        session.flush()
        values: dict[str, Any] = {
            "landing_url": url,
            "referrer": "https://www.google.com/",
            "utm": {"source": "google", "medium": "cpc", "campaign": "spring_sale"},
            "click_ids": {},
            "channel": "Paid Search",
            "touch_campaign": "spring_sale",
            "user_agent": AGENT,
            **fields,
        }
        session.add(
            Visit(
                visit_id=visit_id,
                site_id=self.site_id,
                visitor_id=visitor_id,
                source_id=self.sources[slug],
                ordinal=1,
                started_at=at,
                local_day=local_day(at, ZONE),
                rules_version="1",
                device="phone",
                last_seen_at=at + timedelta(minutes=3),
                last_path=path,
                page_views=3,
                **values,
            )
        )
        session.flush()
        number = self.numbers[slug][0]
        session.add(
            Assignment(
                assignment_id=new_id(at),
                visitor_id=visitor_id,
                source_id=self.sources[slug],
                number=number,
                started_at=at,
            )
        )
        for after, kind, event_url, dialled in (
            (0, "pageview", url, None),
            (60, "pageview", "https://example.com/services", None),
            (90, "heartbeat", None, None),
            (150, "pageview", "https://example.com/contact", None),
            (174, "tel_click", None, number),
        ):
            moment = at + timedelta(seconds=after)
            session.add(
                VisitEvent(
                    event_id=new_id(moment),
                    visit_id=visit_id,
                    visitor_id=visitor_id,
                    type=kind,
                    at=moment,
                    url=event_url,
                    number=dialled,
                )
            )
        return visit_id, visitor_id

    def call(self, slug: str, likelihoods: list[float], ago: timedelta = timedelta(), **fields: Any) -> str:
        """A call with these candidates; what is missing to 1 is nobody's. Returns its id."""
        return self.write(lambda session: self._call(session, slug, likelihoods, self.at - ago, **fields))

    def hang_up(self, call_id: str, at: datetime) -> None:
        """The call ends after 75 seconds."""

        def end(session: AccountSession) -> None:
            call = session.get_one(Call, (self.account_id, call_id))
            call.status, call.duration_seconds, call.updated_at = "completed", 75, at

        self.write(end)

    def calls(
        self,
        count: int,
        slug: str,
        likelihoods: list[float],
        fields: Callable[[int], dict[str, Any]] = lambda _: {},
        ago: timedelta = timedelta(),
    ) -> list[str]:
        """So many calls, a minute apart, the newest first."""
        return self.write(
            lambda session: [
                self._call(session, slug, likelihoods, self.at - ago - timedelta(minutes=i), **fields(i))
                for i in range(count)
            ]
        )

    def _call(self, session: AccountSession, slug: str, likelihoods: list[float], at: datetime, **fields: Any) -> str:
        call_id = new_id(at)
        visit_fields = fields.pop("visit", {})
        tags, notes = fields.pop("tags", ()), fields.pop("notes", ())
        people = [
            self._visit(session, slug, at - timedelta(minutes=3 + 20 * rank), **visit_fields)
            for rank in range(len(likelihoods))
        ]
        none = 1 - sum(likelihoods)
        chosen = likelihoods and likelihoods[0] >= none
        visit_id, visitor_id = people[0] if chosen else (None, None)
        values: dict[str, Any] = {
            "from_number": "+12125550199",
            "status": "completed",
            "duration_seconds": 252,
            "updated_at": at,
            **fields,
        }
        session.add(
            Call(
                call_id=call_id,
                provider="manual",
                provider_call_id=f"CA{call_id}",
                site_id=self.site_id,
                source_id=self.sources[slug],
                number=self.numbers[slug][0],
                destination="+12125559000",
                started_at=at,
                local_day=local_day(at, ZONE),
                model_version="prior-1",
                none_likelihood=none,
                model_visit_id=visit_id,
                model_visitor_id=visitor_id,
                model_likelihood=likelihoods[0] if chosen else None,
                matched_by="model" if chosen else None,
                matched_visit_id=visit_id,
                matched_visitor_id=visitor_id,
                matched_likelihood=likelihoods[0] if chosen else None,
                matched_at=at if chosen else None,
                **values,
            )
        )
        session.flush()
        for rank, ((visit, visitor), likelihood) in enumerate(zip(people, likelihoods, strict=True), start=1):
            session.add(
                CallCandidate(
                    call_id=call_id,
                    rank=rank,
                    visit_id=visit,
                    visitor_id=visitor,
                    source_id=self.sources[slug],
                    likelihood=likelihood,
                    race=1.0,
                    last_seen_at=at - timedelta(minutes=20 * (rank - 1)),
                    evidence=_evidence(likelihood, none),
                )
            )
        session.add(
            MatchDecision(
                decision_id=new_id(at),
                call_id=call_id,
                at=at,
                by="model",
                visit_id=visit_id,
                visitor_id=visitor_id,
                likelihood=likelihoods[0] if chosen else none,
                model_version="prior-1",
            )
        )
        session.add_all(CallTag(call_id=call_id, tag=tag, position=i) for i, tag in enumerate(tags))
        session.add_all(CallNote(note_id=new_id(at), call_id=call_id, at=at, text=text) for text in notes)
        return call_id


def _evidence(likelihood: float, none: float) -> list[dict[str, Any]]:
    from math import log2

    total = log2(max(likelihood, 1e-9) / max(none, 1e-9))
    rows = [{"name": name, "value": value, "weight": weight} for name, value, weight in WEIGHTS]
    rest = total - sum(weight for *_, weight in WEIGHTS)
    return [*rows, {"name": "last_seen", "value": "left 40 min ago", "weight": rest}]
