"""Days that were counted for reports are counted anew once their visits belong to another source."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update

from attribution.arrive import load_sources
from attribution.reclassify import Which, reclassify, with_deleted
from store.counts import CountedDay
from store.sessions import Database
from store.visits import Visit
from tests.support.rows import Business

AT = datetime(2026, 3, 20, 16, tzinfo=UTC)
ADS = "https://example.com/?gclid=Cj0abc"


def test_only_the_days_of_visits_that_moved(database: Database) -> None:
    with database.write() as work:
        business = Business.open(work)
        session, site = business.session, business.site
        ads = business.source("google_ads", ["+12125560001"])
        direct = business.source("direct", ["+12125560002"], position=20)
        days = [AT - timedelta(days=back) for back in (3, 2, 1)]
        for at, source in zip(days, (ads, direct, ads), strict=True):
            business.visitor(at, source, landing_url=ADS, local_day=at.date())
            session.add(
                CountedDay(
                    site_id=site.site_id,
                    day=at.date(),
                    time_zone=site.time_zone,
                    counted_at=AT,
                    visits=1,
                    assignments=0,
                    counts={"sources": {}, "numbers": {}},
                )
            )
        session.flush()
        sources = with_deleted(session, site, load_sources(session, site.site_id))
        dry = reclassify(session, site, sources, Which(at=AT), keep=False)
        assert len(session.scalars(select(CountedDay)).all()) == 3, "nothing was changed"
        done = reclassify(session, site, sources, Which(at=AT))
        assert dry.sources == done.sources == {(direct.source_id, ads.source_id): 1}
        left = session.scalars(select(CountedDay.day).order_by(CountedDay.day)).all()
        assert left == [days[0].date(), days[2].date()]
        session.execute(update(Visit).values(rules_version="old").execution_options(synchronize_session=False))
        reclassify(session, site, sources, Which(at=AT))
        assert len(session.scalars(select(CountedDay)).all()) == 2, "what stays where it is stays counted"
