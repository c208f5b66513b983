"""What a page does, through one account's session: for tests that need no HTTP."""

from datetime import datetime

from attribution.arrive import Arrival, Browser, arrive, load_sources, read, seen
from numberpool.assign import assign, shown_already
from numberpool.pools import Pools
from store.book import Book
from store.sessions import AccountSession
from store.sites import Site


def give(session: AccountSession, visitor_id: str, source_id: str, at: datetime) -> str | None:
    """The number of a source that a visitor is shown at `at`, written down."""
    book = Book(session)
    book.load([visitor_id])
    visitor = book.visitor(visitor_id)
    assert visitor is not None
    pools = Pools(book)
    if shown_already(book, visitor, source_id) is None:
        pools.lock([source_id])
    number = assign(book, pools, visitor, source_id, at)
    pools.write()
    book.write()
    return number


def open_page(
    session: AccountSession,
    site: Site,
    visitor_id: str | None,
    url: str,
    referrer: str | None,
    *,
    browser: Browser,
    at: datetime,
) -> Arrival:
    """A page view of a visitor, or of a new one, written down."""
    book = Book(session)
    if visitor_id is not None:
        book.load([visitor_id])
    visitor = book.visitor(visitor_id)
    if visitor is not None and visitor.site_id != site.site_id:
        visitor = None
    sources = load_sources(session, site.site_id)
    arrival = arrive(book, site, sources, visitor=visitor, url=url, referrer=referrer, browser=browser, at=at)
    seen(arrival.visitor, arrival.visit, at=at, path=read(site, url, None).landing_path)
    book.write()
    session.expire_all()
    return arrival
