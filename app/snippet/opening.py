"""A page opens: visitor, visit, page view and the numbers to show, on the rows of a book."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from app.snippet.set_ups import SiteSetUp
from attribution.arrive import MAX_URL, Arrival, Browser, Sources, arrive, read, seen, source_for
from attribution.rules.sources import SourceRule
from core.text import clean
from numberpool.assign import assign, shown_already
from numberpool.pools import Pools
from store.book import Book


@dataclass(frozen=True, kw_only=True, slots=True)
class Opening:
    """A page view to be written. `visitor_id`: the bare id the page remembers, None or unknown for a new visitor.

    `numbers`: those of the page that are targets: as the page wrote them, and in E.164. `event_id`: what the page view
    will be called; one that is `replayed` may have been written already, and then is not written again. `again`: the
    page says that it asked before and was told nothing.
    """

    set_up: SiteSetUp
    visitor_id: str | None
    url: str
    referrer: str | None
    numbers: tuple[tuple[str, str], ...]
    browser: Browser
    at: datetime
    event_id: str
    replayed: bool = False
    again: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenedPage:
    """What a page view came to: visitor and visit, the visit's source, and (number, source) by number of the page."""

    visitor_id: str
    visit_id: str
    source: str | None
    numbers: dict[str, tuple[str, str]]


class Opened:
    """A page that has arrived, before it is known which numbers are free."""

    def __init__(self, book: Book, opening: Opening) -> None:
        set_up, at = opening.set_up, opening.at
        site, sources = set_up.site, set_up.sources
        visitor = book.visitor(opening.visitor_id)
        if visitor is not None and visitor.site_id != site.site_id:
            visitor = None
        self.arrival = arrive(
            book,
            site,
            sources,
            visitor=visitor,
            url=opening.url,
            referrer=opening.referrer,
            browser=opening.browser,
            at=at,
        )
        self.opening, self._book = opening, book
        # Whether they take a turn of the pools: whoever is taken for a machine does not.
        self.counts = True
        self.shown = chosen_sources(book, sources, self.arrival, opening.numbers)
        visit = self.arrival.visit
        seen(self.arrival.visitor, visit, at=at, path=read(site, opening.url, opening.referrer).landing_path)
        asked_again = {"again": True} if opening.again else None
        book.add_event(opening.event_id, visit, "pageview", at, url=clean(opening.url, MAX_URL), data=asked_again)

    def wanted_pools(self) -> Iterable[str]:
        """The sources of which the visitor needs a number they do not hold."""
        visitor = self.arrival.visitor
        for source in self.shown.values():
            if source is not None and shown_already(self._book, visitor, source.id) is None:
                yield source.id

    def given(self) -> list[tuple[str, str]]:
        """(source, number) of what the visitor holds."""
        held = self._book.held(self.arrival.visitor.visitor_id)
        return [(source_id, one.number) for source_id, one in held.items()]

    def finish(self, pools: Pools) -> OpenedPage:
        """The numbers are given; whoever does not count takes no turn for them."""
        return OpenedPage(
            visitor_id=self.arrival.visitor.visitor_id,
            visit_id=self.arrival.visit.visit_id,
            source=self.opening.set_up.sources.slug(self.arrival.visit.source_id),
            numbers=give_numbers(self._book, pools, self.arrival, self.shown, self.opening.at, counts=self.counts),
        )


Shown = dict[str, SourceRule | None]


def chosen_sources(book: Book, sources: Sources, arrival: Arrival, numbers: Iterable[tuple[str, str]]) -> Shown:
    """The source that serves each number of the page, by how the page wrote it."""
    held = book.held(arrival.visitor.visitor_id) if arrival.kept else ()
    return {written: source_for(arrival, sources, target, held) for written, target in numbers}


def give_numbers(
    book: Book, pools: Pools, arrival: Arrival, shown: Shown, at: datetime, *, counts: bool = True
) -> dict[str, tuple[str, str]]:
    """(tracking number, slug of its source) for each number of the page that has one."""
    found = {}
    for written, source in shown.items():
        number = assign(book, pools, arrival.visitor, source.id, at, counts=counts) if source is not None else None
        if source is not None and number is not None:
            found[written] = (number, source.slug)
    return found


def targets_of(set_up: SiteSetUp, numbers: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """The numbers of a page that are targets, as it wrote them and in E.164."""
    read_ones = ((written, set_up.target(written)) for written in dict.fromkeys(numbers))
    return tuple((written, number) for written, number in read_ones if number is not None)
