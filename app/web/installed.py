"""What the database knows of a site's installation, put together for the diagnosis. Five queries."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from pydantic import ValidationError
from sqlalchemy import or_, select

from app.snippet.check_report import CheckReport
from app.snippet.diagnosis import diagnose
from app.snippet.findings import Diagnosis, HostSeen, PageSeen, SiteFacts, StrayTag, Words
from app.web.places import Places
from attribution.arrive import Sources, load_sources
from core.phone import e164
from store.pages import HostSign, PageCheck
from store.sessions import AccountSession
from store.sites import Site, TrackingNumber, TrackingSource


def installed(
    session: AccountSession, known: Places, site: Site, *, base_url: str, at: datetime
) -> tuple[SiteFacts, Diagnosis]:
    """How the script fares on a site at `at`. `base_url`: where the script comes from."""
    facts = site_facts(site, load_sources(session, site.site_id), known, base_url)
    pages = _pages(session, site)
    signs = session.scalars(
        select(HostSign).where(or_(HostSign.site_id == site.site_id, HostSign.kind == "refused"))
    ).all()
    diagnosis = diagnose(
        facts,
        pages,
        [HostSeen(sign=s.kind, host=s.host, last_seen_at=s.last_seen_at) for s in signs if s.site_id == site.site_id],
        strays=[StrayTag(site=known.sites[s.site_id].name, host=s.host) for s in signs if s.site_id != site.site_id],
        words=Words(country=site.country, issued=_issued(session, site, pages)),
        at=at,
    )
    return facts, diagnosis


def site_facts(site: Site, sources: Sources, known: Places, base_url: str) -> SiteFacts:
    """A site as the rules see it."""
    online = [s for s in sources.rules if s.kind == "online"]
    names: Mapping[str, str] = {key: source.name for key, source in known.sources.items()}
    targets = dict.fromkeys([*site.numbers, *sorted(t for t in sources.targets.values() if t)])
    stocked = [s for s in online if s.id in sources.with_numbers]
    return SiteFacts(
        key=site.key,
        base_url=base_url,
        domains=tuple(site.domains),
        numbers=tuple(targets),
        country=site.country,
        consent_default=site.consent_default,
        served=frozenset(n for n in targets if any(s in sources.serving(n) for s in stocked)),
        stocked=tuple(names.get(s.id, s.slug) for s in stocked),
        empty=tuple(names.get(s.id, s.slug) for s in online if s not in stocked),
    )


def _pages(session: AccountSession, site: Site) -> list[PageSeen]:
    found = []
    for row in session.scalars(select(PageCheck).where(PageCheck.site_id == site.site_id)):
        try:
            report = CheckReport.model_validate(row.report)
        except ValidationError:
            continue  # of a version that reported otherwise; the next visit brings one that can be read
        found.append(PageSeen(page=row.page, last_seen_at=row.last_seen_at, report=report))
    return found


def _issued(session: AccountSession, site: Site, pages: Iterable[PageSeen]) -> dict[str, str]:
    """The tracking numbers among those that pages hold by themselves, with their sources' names."""
    held = {e164(s.number, site.country) for page in pages for s in page.report.strangers} - {None}
    if not held:
        return {}
    rows = session.execute(
        select(TrackingNumber.number, TrackingSource.name)
        .join(
            TrackingSource,
            (TrackingSource.account_id == TrackingNumber.account_id)
            & (TrackingSource.source_id == TrackingNumber.source_id),
        )
        .where(TrackingNumber.number.in_(sorted(filter(None, held))[:500]))
    )
    return {row.number: row.name for row in rows}
