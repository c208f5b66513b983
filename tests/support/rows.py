"""Rows of a small business, written straight into a database where a test needs no HTTP."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.ids import new_id
from store.sessions import AccountSession, Work
from store.sites import Account, Site, TrackingNumber, TrackingSource
from store.visits import Visit, Visitor

START = datetime(2026, 3, 2, 14, tzinfo=UTC)


def with_site(session: AccountSession, at: datetime = START, **fields: object) -> Site:
    """Writes the account of a session, and a site of it."""
    session.add(Account(name="Acme", created_at=at))
    session.flush()
    site = Site(
        site_id=new_id(at),
        **{
            "key": new_id(at),
            "name": "Acme",
            "domains": ["example.com"],
            "numbers": ["+12125550100"],
            "time_zone": "America/New_York",
            "country": "US",
            "currency": "USD",
            "consent_default": "full",
            "exclude_networks": [],
            "created_at": at,
            **fields,
        },
    )
    session.add(site)
    session.flush()
    return site


@dataclass
class Business:
    """An account with one site, written through one account's session."""

    session: AccountSession
    site: Site

    @classmethod
    def open(cls, work: Work, at: datetime = START, **fields: object) -> "Business":
        session = work.account(new_id(at))
        return cls(session, with_site(session, at, **fields))

    def source(self, slug: str, numbers: list[str], at: datetime = START, **fields: object) -> TrackingSource:
        """A source with its numbers."""
        source = TrackingSource(
            source_id=new_id(at),
            site_id=self.site.site_id,
            slug=slug,
            **{
                "name": slug,
                "kind": "online",
                "preset": slug,
                "rule": None,
                "position": 10,
                "catch_all": False,
                "destination": "+12125559000",
                "created_at": at,
                **fields,
            },
        )
        self.session.add(source)
        self.session.flush()
        for number in numbers:
            self.session.add(
                TrackingNumber(
                    number=number,
                    source_id=source.source_id,
                    provider="manual",
                    status="active",
                    created_at=at,
                    status_since=at,
                )
            )
        self.session.flush()
        return source

    def visitor(self, at: datetime = START, source: TrackingSource | None = None, **fields: object) -> Visitor:
        """A visitor with one visit that began at `at`."""
        source_id = source.source_id if source else None
        visitor = Visitor(
            visitor_id=new_id(at),
            site_id=self.site.site_id,
            source_id=source_id,
            visits=1,
            device="desktop",
            first_seen_at=at,
            last_seen_at=at,
        )
        self.session.add(visitor)
        self.session.flush()
        visit = Visit(
            visit_id=new_id(at),
            site_id=self.site.site_id,
            visitor_id=visitor.visitor_id,
            source_id=source_id,
            **{
                "ordinal": 1,
                "started_at": at,
                "local_day": (at - timedelta(hours=5)).date(),
                "landing_url": "https://example.com/",
                "utm": {},
                "click_ids": {},
                "channel": "Direct",
                "rules_version": "test",
                "device": "desktop",
                "last_seen_at": at,
                "last_path": "/",
                "last_viewed_at": at,
                "page_views": 1,
                **fields,
            },
        )
        visitor.visit_id = visit.visit_id
        self.session.add(visit)
        self.session.flush()
        return visitor
