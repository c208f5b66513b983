"""The account's sites and tracking sources: names, zones, and one colour per source on all pages. One query."""

from dataclasses import dataclass

from sqlalchemy import and_, select

from store.sessions import AccountSession
from store.sites import Site, TrackingNumber, TrackingSource

HUES = 8


@dataclass(frozen=True, kw_only=True)
class SourceName:
    """A tracking source by its names; `hue` is its colour, the same on every page."""

    source_id: str
    site_id: str
    slug: str
    name: str
    hue: int
    deleted: bool


@dataclass(frozen=True, kw_only=True)
class Places:
    """Sites (oldest first) and sources by id, deleted ones too."""

    sites: dict[str, Site]
    sources: dict[str, SourceName]

    def choices(self, site_id: str | None) -> list[tuple[str, str]]:
        """(slug, name) to filter by, each slug once; of one site where it is named."""
        found: dict[str, str] = {}
        for source in self.sources.values():
            if not source.deleted and site_id in {None, source.site_id}:
                found.setdefault(source.slug, source.name)
        return sorted(found.items(), key=lambda pair: pair[1].casefold())


def places(session: AccountSession) -> Places:
    """The account's sites and sources."""
    rows = session.execute(
        select(Site, TrackingSource)
        .outerjoin(
            TrackingSource,
            and_(TrackingSource.account_id == Site.account_id, TrackingSource.site_id == Site.site_id),
        )
        .order_by(Site.site_id, TrackingSource.position, TrackingSource.source_id)
    ).all()
    sources = [source for _, source in rows if source is not None]
    return Places(
        sites={site.site_id: site for site, _ in rows},
        sources={
            s.source_id: SourceName(
                source_id=s.source_id,
                site_id=s.site_id,
                slug=s.slug,
                name=s.name,
                hue=index % HUES,
                deleted=s.deleted_at is not None,
            )
            for index, s in enumerate(sources)
        },
    )


def has_numbers(session: AccountSession) -> bool:
    """Whether the account has an active tracking number; one query, for empty pages."""
    return session.scalar(select(TrackingNumber.number).where(TrackingNumber.status == "active").limit(1)) is not None
