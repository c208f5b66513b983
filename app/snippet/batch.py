"""What pages brought at the same moment, written in one transaction: openings and reports, of any accounts."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import select

from app.secretbox import VisitorIds
from app.snippet.opening import Opened, OpenedPage, Opening
from app.snippet.origins import Origins, Turn
from app.snippet.reporting import Reported, Reporting, report
from app.telling.forms import tell_form
from numberpool.pools import Pools, RememberedPools
from store.book import Book
from store.sessions import AccountSession, Work
from store.visits import VisitEvent

Content = Opening | Reporting


class OldSetUp(Exception):
    """The site, its sources or its numbers were changed since this was read; to be read again."""


class Batch:
    """Performs contents, and remembers the pools it gave from. Used by one thread.

    `visitor_ids` sign the ids of visitors for whoever is told of their forms.
    """

    def __init__(self, visitor_ids: VisitorIds) -> None:
        self._visitor_ids = visitor_ids
        self._remembered = RememberedPools()
        self._origins = Origins()

    def __call__(self, work: Work, contents: Sequence[Content]) -> tuple[Sequence[Any], Callable[[], None]]:
        """The outcomes in the order of the contents, and what is to be done after the commit.

        What was replayed and is there already comes to None.

        Accounts come in one order, and within each visitors before pools, so that two processes that hold what the
        other needs do not come about. Raises OldSetUp.
        """
        outcomes: list[Any] = [None] * len(contents)
        places = sorted(range(len(contents)), key=lambda i: contents[i].set_up.site.account_id)
        given: list[Pools] = []
        for account_id, group in groupby(places, key=lambda i: contents[i].set_up.site.account_id):
            session = work.account(account_id)
            book = Book(session)
            written = list(group)
            given.append(self._of_account(session, book, contents, written, outcomes))
            book.write()
            for i in written:
                if isinstance(outcomes[i], Reported):
                    self._tell(session, outcomes[i], contents[i].at)

        def committed() -> None:
            for pools in given:
                pools.remember()
            for content in contents:
                content.set_up.confirm()

        return outcomes, committed

    def _of_account(
        self,
        session: AccountSession,
        book: Book,
        contents: Sequence[Content],
        places: Sequence[int],
        outcomes: list[Any],
    ) -> Pools:
        chosen = [contents[i] for i in places]
        version = book.set_up_version()
        if any(content.set_up.version != version for content in chosen):
            raise OldSetUp
        book.load(
            {content.visitor_id for content in chosen if content.visitor_id is not None},
            {c.visit_id for c in chosen if isinstance(c, Reporting) and c.visit_id is not None},
        )
        opened: dict[int, Opened] = {}
        written = _written_before(session, chosen)
        for i in places:
            content = contents[i]
            if content.event_id in written:
                continue
            if isinstance(content, Opening):
                opened[i] = Opened(book, content)
            else:
                outcomes[i] = self._reported(book, content)
        back = self._turns_back(opened.values())
        pools = Pools(book, self._remembered)
        wanted = {source_id for page in opened.values() for source_id in page.wanted_pools()}
        wanted |= {turn.source_id for turn in back}
        # Those who change a pool hold it: from here on the version stands still.
        if wanted and pools.lock(wanted) != version:
            raise OldSetUp
        for turn in back:
            pools.take_back(turn.source_id, turn.number)
        for i, page in opened.items():
            outcomes[i] = self._finished(page, pools)
        pools.write()
        return pools

    def _reported(self, book: Book, content: Reporting) -> Reported:
        reported = report(book, content)
        if (visitor := reported.lives) is not None:
            self._origins.lives(visitor.site_id, visitor.origin, visitor.visitor_id, content.at)
        return reported

    def _tell(self, session: AccountSession, reported: Reported, at: datetime) -> None:
        for form in reported.forms:
            tell_form(session, self._visitor_ids, form, at=at)

    def _turns_back(self, pages: Iterable[Opened]) -> list[Turn]:
        """Turns to be given back because of those who come now."""
        newcomers = [page for page in pages if page.arrival.newcomer]
        found: list[Turn] = []
        for page in newcomers:
            visitor = page.arrival.visitor
            page.counts = self._origins.came(visitor.site_id, visitor.origin, visitor.visitor_id, page.opening.at)
            if not page.counts:
                found += self._origins.turns_of(visitor.site_id, visitor.origin)
        return found

    def _finished(self, page: Opened, pools: Pools) -> OpenedPage:
        outcome = page.finish(pools)
        if page.arrival.newcomer and page.counts:
            visitor = page.arrival.visitor
            held = page.given()
            self._origins.given(
                visitor.site_id, visitor.origin, [Turn(visitor.visitor_id, source, number) for source, number in held]
            )
        return outcome


def _written_before(session: AccountSession, contents: Iterable[Content]) -> frozenset[str]:
    """The ids of contents that are replayed and were written already: their answer, not their writing, got lost."""
    asked = [content.event_id for content in contents if content.replayed and content.event_id is not None]
    if not asked:
        return frozenset()
    return frozenset(session.scalars(select(VisitEvent.event_id).where(VisitEvent.event_id.in_(asked))))
