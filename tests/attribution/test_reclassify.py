"""Visits read again by the present rules."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from attribution.arrive import Browser, load_sources
from attribution.reclassify import Reread, Which, count, reclassify, with_deleted
from attribution.rules.reference import RULES_VERSION
from core.ids import new_id
from store.sessions import AccountSession, Database
from store.sites import Site, TrackingNumber, TrackingSource
from store.visits import Assignment, Visit, Visitor
from tests.support.pages import open_page
from tests.support.rows import START, Business

LATER = START + timedelta(days=30)
BROWSER = Browser(device="phone", region=None, user_agent="Mozilla/5.0")
PRESETS = ("google_ads", "email", "google_organic", "ai_assistant", "referral", "direct")


@dataclass
class Acme:
    """A business with a source for each of some presets, whose visits can be spoilt as older rules would have."""

    database: Database
    account_id: str
    site_id: str
    sources: dict[str, str]

    @contextmanager
    def session(self) -> Iterator[AccountSession]:
        with self.database.write() as work:
            yield work.account(self.account_id)

    def site(self, session: AccountSession) -> Site:
        site = session.get(Site, (self.account_id, self.site_id))
        assert site is not None
        return site

    def walk(self, *pages: tuple[str, str | None], start: datetime = START) -> str:
        """A visitor who opens these pages a day apart, as live traffic has it; returns the visitor's id."""
        visitor_id = None
        with self.session() as session:
            site = self.site(session)
            for day, (query, referrer) in enumerate(pages):
                at = start + timedelta(days=day)
                url = f"https://example.com/{query}"
                arrival = open_page(session, site, visitor_id, url, referrer, browser=BROWSER, at=at)
                visitor_id = arrival.visitor.visitor_id
        assert visitor_id is not None
        return visitor_id

    def spoil(self, *, source: str | None = "referral", version: str = "2020.1.1", **where: object) -> None:
        """Makes visits look as if other rules had read them."""
        values: dict[str, object] = {"rules_version": version}
        if source is not None:
            wrong = self.sources[source]
            values |= {"source_id": wrong, "channel": "Referral", "touch_source": "x", "touch_medium": "referral"}
        with self.session() as session:
            session.execute(update(Visit).values(**values).execution_options(synchronize_session=False))
            if source is not None:
                session.execute(update(Visitor).values(source_id=wrong).execution_options(synchronize_session=False))

    def again(self, *, visitors: int = 200, keep: bool = True, **which: object) -> Reread:
        """Reads all chunks, each in a transaction of its own."""
        done, after = Reread(), None
        chosen = Which(**{"at": LATER, **which})  # type: ignore[arg-type]
        while True:
            with self.session() as session:
                site = self.site(session)
                sources = with_deleted(session, site, load_sources(session, self.site_id))
                chunk = reclassify(session, site, sources, chosen, after=after, visitors=visitors, keep=keep)
            if chunk.last is None:
                return done
            done.add(chunk)
            after = chunk.last

    def story(self, visitor_id: str) -> list[tuple[str | None, str]]:
        """A visitor's visits in their order: source slug and channel."""
        with self.session() as session:
            slugs = {row.source_id: row.slug for row in session.scalars(select(TrackingSource))}
            rows = session.scalars(select(Visit).where(Visit.visitor_id == visitor_id).order_by(Visit.started_at)).all()
            return [(slugs.get(row.source_id or ""), row.channel) for row in rows]

    def keeps(self, visitor_id: str) -> str | None:
        """The slug of the source that a visitor keeps."""
        with self.session() as session:
            visitor = session.get(Visitor, (self.account_id, visitor_id))
            assert visitor is not None
            return next((slug for slug, id_ in self.sources.items() if id_ == visitor.source_id), None)

    def delete(self, slug: str, at: datetime) -> None:
        with self.session() as session:
            row = session.get(TrackingSource, (self.account_id, self.sources[slug]))
            assert row is not None
            row.deleted_at = at
        self.rest(slug)

    def rest(self, slug: str, status: str = "released") -> None:
        with self.session() as session:
            session.execute(
                update(TrackingNumber)
                .where(TrackingNumber.source_id == self.sources[slug])
                .values(status=status)
                .execution_options(synchronize_session=False)
            )


@pytest.fixture
def acme(database: Database) -> Acme:
    with database.write() as work:
        business = Business.open(work)
        made = {
            preset: business.source(
                preset, [f"+12125569{i:03d}"], position=(i + 1) * 10, catch_all=preset == "referral"
            ).source_id
            for i, preset in enumerate(PRESETS)
        }
        return Acme(database, business.session.account_id, business.site.site_id, made)


AD, PLAIN, NEWS = "?gclid=Cj0abc", "", "?utm_source=crm&utm_medium=email"


def test_what_older_rules_got_wrong_is_put_right_in_the_order_of_visits(acme: Acme) -> None:
    one = acme.walk((AD, None), (PLAIN, None), (NEWS, None), (PLAIN, "https://example.com/"))
    two = acme.walk((PLAIN, "https://chatgpt.com/"), (PLAIN, None))
    right = {id_: acme.story(id_) for id_ in (one, two)}
    assert [slug for slug, _ in right[one]] == ["google_ads", "google_ads", "email", "email"]
    acme.spoil()
    done = acme.again()
    assert {id_: acme.story(id_) for id_ in (one, two)} == right
    assert (acme.keeps(one), acme.keeps(two)) == ("email", "ai_assistant")
    assert (done.read, done.changed) == (6, 6)
    assert done.channels == {
        ("Referral", "Paid Search"): 1,
        ("Referral", "Direct"): 3,
        ("Referral", "Email"): 1,
        ("Referral", "AI Assistants"): 1,
    }
    assert sum(done.sources.values()) == 6
    with acme.session() as session:
        for visit in session.scalars(select(Visit)):
            assert visit.rules_version == RULES_VERSION
            assert visit.touch_source != "x"


def test_a_second_run_changes_nothing_and_neither_does_one_over_everything(acme: Acme) -> None:
    visitor = acme.walk((AD, None), (PLAIN, None), (NEWS, None))
    acme.spoil()
    acme.again()
    story = acme.story(visitor)
    assert acme.again() == Reread()
    everything = acme.again(everything=True)
    assert (everything.read, everything.changed) == (3, 0)
    assert acme.story(visitor) == story


def test_a_visit_that_only_has_another_version_is_read_but_does_not_count_as_changed(acme: Acme) -> None:
    acme.walk((AD, None), (PLAIN, None))
    acme.spoil(source=None)
    done = acme.again()
    assert (done.read, done.changed, dict(done.channels), dict(done.sources)) == (2, 0, {}, {})
    assert acme.again().read == 0


def test_a_dry_run_tells_the_same_and_changes_nothing(acme: Acme) -> None:
    visitor = acme.walk((AD, None), (PLAIN, None), (NEWS, None))
    acme.spoil()
    before = acme.story(visitor)
    told = acme.again(keep=False)
    assert acme.story(visitor) == before
    assert acme.keeps(visitor) == "referral"
    assert acme.again() == told


def test_small_chunks_come_to_the_same_and_can_be_taken_up(acme: Acme) -> None:
    visitors = [acme.walk((AD, None), (PLAIN, None)) for _ in range(7)]
    right = [acme.story(visitor) for visitor in visitors]
    acme.spoil()
    with acme.session() as session:
        site = acme.site(session)
        sources = with_deleted(session, site, load_sources(session, acme.site_id))
        first = reclassify(session, site, sources, Which(at=LATER), visitors=3)
    assert first.read == 6
    assert acme.again(visitors=2).read == 8
    assert [acme.story(visitor) for visitor in visitors] == right


def test_what_came_before_the_chosen_days_still_says_what_a_direct_return_keeps(acme: Acme) -> None:
    visitor = acme.walk((AD, None), (PLAIN, None), (PLAIN, None))
    acme.spoil()
    with acme.session() as session:
        first = session.scalars(select(Visit).order_by(Visit.started_at)).first()
        assert first is not None
        first.source_id = acme.sources["google_ads"]
    since = (START + timedelta(days=1)).date()
    done = acme.again(since=since)
    assert done.read == 2
    assert acme.story(visitor) == [("google_ads", "Referral"), ("google_ads", "Direct"), ("google_ads", "Direct")]


def test_visits_begun_after_the_run_began_are_left_alone(acme: Acme) -> None:
    acme.walk((AD, None), (AD + "2", None))
    acme.spoil()
    assert acme.again(at=START + timedelta(hours=1)).read == 1
    with acme.session() as session:
        assert count(session, acme.site(session), Which(at=LATER)) == 1


def test_numbers_that_were_shown_stay_history(acme: Acme) -> None:
    visitor = acme.walk((AD, None))
    with acme.session() as session:
        session.add(
            Assignment(
                assignment_id=new_id(START),
                visitor_id=visitor,
                source_id=acme.sources["referral"],
                number="+12125569004",
                started_at=START,
            )
        )
    acme.spoil()
    acme.again()
    with acme.session() as session:
        kept = session.scalars(select(Assignment)).one()
        assert (kept.source_id, kept.number, kept.ended_at) == (acme.sources["referral"], "+12125569004", None)


def test_a_deleted_source_keeps_the_visits_that_still_fit_it(acme: Acme) -> None:
    visitor = acme.walk((AD, None), (PLAIN, None))
    acme.delete("google_ads", START + timedelta(days=5))
    acme.spoil(source=None)
    done = acme.again()
    assert (done.read, done.changed) == (2, 0)
    assert [slug for slug, _ in acme.story(visitor)] == ["google_ads", "google_ads"]


def test_a_direct_return_keeps_a_source_that_was_deleted_later(acme: Acme) -> None:
    visitor = acme.walk((AD, None), (PLAIN, None))
    with acme.session() as session:
        last = session.scalars(select(Visit).order_by(Visit.started_at.desc())).first()
        assert last is not None
        last.source_id = acme.sources["email"]
    acme.delete("google_ads", START + timedelta(days=5))
    acme.again(everything=True)
    assert [slug for slug, _ in acme.story(visitor)] == ["google_ads", "google_ads"]


def test_a_direct_return_keeps_the_last_source_though_a_deleted_one_had_it_and_fits(acme: Acme) -> None:
    visitor = acme.walk((AD, None), (PLAIN, None))
    with acme.session() as session:
        last = session.scalars(select(Visit).order_by(Visit.started_at.desc())).first()
        assert last is not None
        last.source_id = acme.sources["direct"]
    acme.delete("direct", START + timedelta(days=5))
    acme.again(everything=True)
    assert [slug for slug, _ in acme.story(visitor)] == ["google_ads", "google_ads"]


def test_after_its_deletion_a_source_is_no_longer_kept(acme: Acme) -> None:
    visitor = acme.walk((AD, None))
    acme.delete("google_ads", START + timedelta(hours=12))
    with acme.session() as session:
        site = acme.site(session)
        later = START + timedelta(days=1)
        arrival = open_page(session, site, visitor, "https://example.com/", None, browser=BROWSER, at=later)
        assert arrival.kept is False
    story = acme.story(visitor)
    assert [slug for slug, _ in story] == ["google_ads", "direct"]
    acme.spoil(source=None)
    assert acme.again().changed == 0
    assert acme.story(visitor) == story


def test_a_deleted_source_loses_visits_that_fit_it_no_more_and_gets_no_others(acme: Acme) -> None:
    mail, ad = acme.walk((NEWS, None)), acme.walk((AD, None))
    acme.spoil(source="google_ads")
    acme.delete("google_ads", START + timedelta(days=5))
    acme.delete("email", START + timedelta(days=5))
    acme.again()
    assert acme.story(ad) == [("google_ads", "Paid Search")]
    # It fits the deleted source of e-mail, but was none of its visits: the catch_all of today steps in.
    assert acme.story(mail) == [("referral", "Email")]
    assert acme.again(everything=True).changed == 0


def test_a_source_without_numbers_today_keeps_its_visits_and_gets_no_others(acme: Acme) -> None:
    ad = acme.walk((AD, None))
    acme.rest("google_ads")
    acme.spoil(source=None)
    assert acme.again().changed == 0
    other = acme.walk((AD, None))
    assert acme.story(other) == [("referral", "Paid Search")]
    acme.again(everything=True)
    assert acme.story(ad) == [("google_ads", "Paid Search")]
    assert acme.story(other) == [("referral", "Paid Search")]


def test_a_cut_address_keeps_the_tags_that_were_read_before_it_was_cut(acme: Acme) -> None:
    query = "?p=" + "x" * 4200 + "&utm_source=crm&utm_medium=email&utm_campaign=may&gclid=Cj0abc"
    visitor = acme.walk((query, None))
    with acme.session() as session:
        before = session.scalars(select(Visit)).one()
        assert len(before.landing_url) == 4000
        tags = (before.utm, before.click_ids, before.campaign_key)
    acme.spoil()
    acme.again()
    assert acme.story(visitor) == [("google_ads", "Email")]
    with acme.session() as session:
        after = session.scalars(select(Visit)).one()
        assert (after.utm, after.click_ids, after.campaign_key) == tags


def test_other_sites_and_accounts_are_left_alone(acme: Acme) -> None:
    acme.walk((AD, None))
    with acme.database.write() as work:
        other = Business.open(work)
        source = other.source("direct", ["+12125569999"])
        other.visitor(source=source, landing_url="https://example.com/?gclid=x")
    acme.spoil()
    assert acme.again().read == 1
    with acme.database.read() as work:
        visit = work.account(other.session.account_id).scalars(select(Visit)).one()
        assert (visit.rules_version, visit.channel) == ("test", "Direct")
