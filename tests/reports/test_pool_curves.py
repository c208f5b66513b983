"""Curves of a site: worked out from its rows, kept, read back; on both databases."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, select

from matching.models import keep, use
from matching.rules.model import prior
from reports.history import History, read_history
from reports.pool_curves import curves_from, curves_of, draws_for, kept_curves, make_curves
from reports.replay import Stopped
from reports.rules.pool_curve import NoCurve, PoolCurve
from reports.rules.resizing import for_sizes
from store.engine import make_engine
from store.sessions import Database
from store.sites import TrackingNumber, TrackingSource
from store.sizing import SourceCurve
from tests.reports.builders import event as happened
from tests.reports.builders import holds, rang
from tests.support.models import fitted
from tests.support.rows import Business

BEGIN = datetime(2026, 3, 2, 14, tzinfo=UTC)
AT = BEGIN + timedelta(days=12)
ADS = ["+12125560001", "+12125560002", "+12125560003"]
MAIL = ["+12125560011"]


def open_shop(business: Business, days: int = 12, ads: list[str] | None = None, mail: list[str] | None = None) -> None:
    """Each day six visitors from ads, two of whom call soon after, and one call by e-mail every fifth day."""
    numbers = ads or ADS
    source, email = business.source("google_ads", numbers), business.source("email", mail or MAIL)
    for day in range(days):
        visitors = []
        for i in range(6):
            at = BEGIN + timedelta(days=day, hours=i)
            visitors.append(business.visitor(at, source))
            holds(business, visitors[-1], source, numbers[i % len(numbers)], at)
            happened(business, visitors[-1], "pageview", at)
        for i in (1, 4):
            at = BEGIN + timedelta(days=day, hours=i, minutes=1)
            others = [(v, 0.1) for v in visitors[:i] if v is not visitors[i]][:1]
            rang(
                business,
                source,
                numbers[i % len(numbers)],
                at,
                [(visitors[i], 0.75), *others],
                from_number=f"+1212557{day:02}{i:02}",
            )
        if not day % 5:
            rang(business, email, (mail or MAIL)[0], BEGIN + timedelta(days=day, hours=8))


def test_curves_are_made_kept_and_read_back_in_one_query(database: Database) -> None:
    with database.write() as work:
        business = Business.open(work)
        open_shop(business)
        ads, mail = business.session.scalars(select(TrackingSource).order_by(TrackingSource.slug.desc()))
        made = make_curves(business.session, business.site, AT)
    found = made[ads.source_id]
    assert isinstance(found, PoolCurve)
    assert (found.present, [p.numbers for p in found.points]) == (3, [2, 3, 4, 5, 6, 9])
    assert found.calls == found.expected_calls == 24
    assert found.points[0].likelihood < found.points[-1].likelihood
    few = made[mail.source_id]
    assert isinstance(few, NoCurve)
    assert "only 3 calls" in few.reason
    with database.read() as work:
        session = work.account(business.session.account_id)
        queries: list[str] = []
        event.listen(database.engine, "before_cursor_execute", lambda *given: queries.append(given[2]))
        assert curves_of(session, business.site) == {ads.source_id: found}
        assert len(queries) == 1
        kept = kept_curves(session, business.site)
    assert kept[mail.source_id].curve == few
    assert (kept[ads.source_id].made_at, kept[ads.source_id].to_at) == (AT, AT)
    assert kept[ads.source_id].model_version == prior().version


def test_a_later_night_takes_the_place_of_an_earlier_one(database: Database) -> None:
    with database.write() as work:
        business = Business.open(work)
        open_shop(business)
        make_curves(business.session, business.site, AT)
        ads, mail = business.session.scalars(select(TrackingSource).order_by(TrackingSource.slug.desc()))
        mail.deleted_at = AT
        business.session.add(
            TrackingNumber(
                number="+12125560009",
                source_id=ads.source_id,
                provider="manual",
                status="active",
                created_at=AT,
                status_since=AT,
            )
        )
        business.session.flush()
        model = fitted()
        use(
            business.session,
            keep(business.session, model, at=AT, by="command").model_id,
            at=AT,
            user_id=None,
            reason="",
        )
        later = AT + timedelta(days=1)
        make_curves(business.session, business.site, later)
        (row,) = business.session.scalars(select(SourceCurve))
    assert (row.source_id, row.numbers, row.made_at) == (ads.source_id, 4, later)
    assert row.model_version == model.model.version


def test_visitors_who_were_shown_no_number_that_counts_take_none_in_a_replay(database: Database) -> None:
    with database.write() as work:
        business = Business.open(work)
        open_shop(business)
        ads = business.session.scalars(select(TrackingSource).where(TrackingSource.slug == "google_ads")).one()
        before = make_curves(business.session, business.site, AT)
        for minute in range(40):
            business.visitor(BEGIN + timedelta(days=6, minutes=minute), ads)
        assert len(read_history(business.session, business.site, AT).never_shown) == 40
        after = make_curves(business.session, business.site, AT)
    assert after == before


def test_another_site_and_another_account_keep_theirs(database: Database) -> None:
    with database.write() as work:
        first, second = Business.open(work), Business.open(work)
        open_shop(first)
        open_shop(second, ads=["+12125560021"], mail=["+12125560031"])
        make_curves(first.session, first.site, AT)
        assert curves_of(second.session, second.site) == {}
        make_curves(second.session, second.site, AT)
        assert [c.present for c in curves_of(first.session, first.site).values()] == [3]
        assert [c.present for c in curves_of(second.session, second.site).values()] == [1]


def test_a_site_without_any_past_or_numbers_has_none(database: Database) -> None:
    with database.write() as work:
        business = Business.open(work)
        assert make_curves(business.session, business.site, AT) == {}
        source = business.source("google_ads", ADS)
        (found,) = make_curves(business.session, business.site, AT).values()
        assert found == NoCurve(reason="no call yet")
        assert kept_curves(business.session, business.site)[source.source_id].curve == found


@pytest.fixture
def history(sqlite_url: str) -> History:
    engine = make_engine(sqlite_url)
    with Database(engine).write() as work:
        business = Business.open(work)
        open_shop(business)
        found = read_history(business.session, business.site, AT)
    engine.dispose()
    return found


def test_whoever_asked_may_stop_it(history: History) -> None:
    with pytest.raises(Stopped):
        curves_from(history, model=prior(), days=60, sure_from=0.9, should_stop=lambda: True)


def test_what_is_sure_is_the_sites_own_threshold(history: History) -> None:
    shares = []
    for sure_from in (0.0, 0.8, 1.01):
        found = curves_from(history, model=prior(), days=60, sure_from=sure_from, factors=(1.0,), draws=1)
        (curve,) = (c for c in found.values() if isinstance(c, PoolCurve))
        shares.append(curve.now.sure)
    assert shares[0] >= shares[1] >= shares[2] == 0.0
    assert shares[0] > 0.0


def test_busier_sites_have_fewer_draws() -> None:
    assert [draws_for(visits) for visits in (0, 15_000, 15_001, 50_000, 150_000)] == [3, 3, 2, 2, 1]


def test_twice_the_numbers_ring_half_as_often_by_nobody() -> None:
    model = prior()
    again = for_sizes(model, {"a": 4, "b": 3}, {"a": 8, "b": 3})
    assert again.background.sources["a"] == pytest.approx(model.background.sources.get("a", 0.0) - 1.0)
    assert again.background.sources["b"] == pytest.approx(model.background.sources.get("b", 0.0))
    back = for_sizes(again, {"a": 8}, {"a": 4})
    assert back.background.sources["a"] == pytest.approx(model.background.sources.get("a", 0.0))
    assert (again.weights, again.phones) == (model.weights, model.phones)
