"""The past of a site read back from the database and played again."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, func, select

from app.importing.run import import_trace
from core.time import day_start
from matching.models import model_in_use
from reports.happenings import Arrived, Decided, Left, Rang
from reports.history import Callers, History, read_history
from reports.replay import drawn_caller, replay_with, some_telephones, telephone_of
from reports.rules.pool_curve import Tally
from store.calls import Call, CallCandidate
from store.engine import make_engine
from store.sessions import Database
from store.sites import Site
from tests.reports.backtest.test_run import history as trace_lines
from tests.reports.backtest.traces import START, write
from tests.reports.builders import event as happened
from tests.reports.builders import holds, rang, staff_said, visit
from tests.support.databases import sqlite_copy
from tests.support.models import account_with_site
from tests.support.rows import Business

END = START + timedelta(days=13)
DAYS = 60
FIRST, SECOND = "+12125560001", "+12125560002"


@pytest.fixture(scope="module")
def imported(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, str]]:
    """A trace of a few hundred visits in a database, as live traffic would have left it."""
    folder = tmp_path_factory.mktemp("imported")
    engine = make_engine(sqlite_copy(sqlite_template, folder))
    database = Database(engine)
    account_id = account_with_site(database)
    lines = [line for line in trace_lines() if line["type"] != "override"]
    import_trace(
        database,
        account_id,
        write(folder / "trace.ndjson", lines),
        now=lambda: datetime(2026, 6, 1, tzinfo=UTC),
        days=DAYS,
        training=False,
    )
    yield database, account_id
    engine.dispose()


def read(of: tuple[Database, str], **more: int) -> History:
    database, account_id = of
    with database.read() as work:
        session = work.account(account_id)
        site = next(s for s in session.scalars(select(Site)) if "shop.example" in s.domains)
        return read_history(session, site, END, **more)


def recorded(of: tuple[Database, str]) -> dict[str, tuple[float, list[str]]]:
    """By call the likelihood of the answer that was given, and the candidates."""
    database, account_id = of
    with database.read() as work:
        session = work.account(account_id)
        candidates: dict[str, list[str]] = {}
        for call, visitor in session.execute(select(CallCandidate.call_id, CallCandidate.visitor_id)):
            candidates.setdefault(call, []).append(visitor)
        return {
            call.call_id: (max(call.model_likelihood or 0.0, call.none_likelihood), candidates.get(call.call_id, []))
            for call in session.scalars(select(Call))
        }


def test_a_history_played_again_with_the_same_numbers_gives_the_same_answers(imported: tuple[Database, str]) -> None:
    history, known = read(imported), recorded(imported)
    with imported[0].read() as work:
        model = model_in_use(work.account(imported[1]))
    sizes = {source: len(pool.numbers) for source, pool in history.pools.items()}
    drawn_visitors, off = 0, []
    for draw in range(8):
        found = replay_with(history, sizes, model=model, days=DAYS, sure_from=0.9, draw=draw)
        assert found.answers.keys() == {call for call, callers in history.callers.items() if callers.counts}
        assert sum(t.calls for t in found.tallies.values()) == len(found.answers) > 40
        for call in (h for h in history.happenings if isinstance(h, Rang) and h.call in found.answers):
            # Where a visitor is drawn, the number they held rings, which is the one that rang: the answer is the same,
            # but for bursts of calls by nobody. A call by nobody may ring another number of the source this time.
            if drawn_caller(history.callers[call.call], telephone_of(call), draw) is not None:
                drawn_visitors += 1
                assert found.answers[call.call] == pytest.approx(known[call.call][0], abs=0.02)
        off.append(sum(answer - known[call][0] for call, answer in found.answers.items()) / len(found.answers))
    assert drawn_visitors > 200
    # About one call in fifteen is drawn to nobody and may ring elsewhere, so that a draw's mean is off by 0.01 or 0.02
    # by chance; over eight draws that is 0.006.
    assert sum(off) / len(off) == pytest.approx(0.0, abs=0.025)


def test_more_numbers_make_answers_surer_and_the_same_draw_the_same_answers(imported: tuple[Database, str]) -> None:
    history = read(imported)
    with imported[0].read() as work:
        model = model_in_use(work.account(imported[1]))

    def mean(size: int, draw: int = 0) -> float:
        found = replay_with(
            history, dict.fromkeys(history.pools, size), model=model, days=DAYS, sure_from=0.9, draw=draw
        )
        return sum(found.answers.values()) / len(found.answers)

    assert mean(1) < mean(4) < mean(40)
    assert mean(4, 1) == mean(4, 1) != mean(4, 2)


def test_the_most_recent_visits_are_read_by_whole_days(imported: tuple[Database, str]) -> None:
    whole, part = read(imported), read(imported, most_visits=80)
    assert whole.visits == 300
    assert whole.counted_from == whole.start, "nobody held a number before the very first visit"
    assert part.visits == 75, "25 a day: a fourth day would be one too many"
    assert part.start == day_start((START + timedelta(days=9, hours=1)).date(), "America/New_York")
    assert part.counted_from == part.start + (END - part.start) / 4
    assert all(part.start.timestamp() <= h.at < END.timestamp() for h in part.happenings)
    assert {c for c, callers in part.callers.items() if callers.counts} < set(part.callers) < set(whole.callers)
    assert read(imported, most_visits=1).visits == 25, "the last day, however busy"


def test_some_telephones_stand_for_all(imported: tuple[Database, str]) -> None:
    history = read(imported)
    assert some_telephones(history) is None
    asked = history.calls_by_source()
    some = some_telephones(history, 30)
    assert some is not None
    assert len(some) == 30
    with imported[0].read() as work:
        model = model_in_use(work.account(imported[1]))
    found = replay_with(
        history, dict.fromkeys(history.pools, 2), model=model, days=DAYS, sure_from=0.9, telephones=some
    )
    assert {s: t.calls for s, t in found.tallies.items()} != dict(asked)
    assert sum(t.calls for t in found.tallies.values()) == 30
    assert min(t.calls for t in found.tallies.values()) >= min(15, *asked.values()), "few calls are kept"
    answered = {h.call for h in history.happenings if isinstance(h, Rang) and telephone_of(h) in some}
    assert found.answers.keys() <= answered


def test_queries_do_not_grow_with_the_history(imported: tuple[Database, str]) -> None:
    counted: list[str] = []
    event.listen(imported[0].engine, "before_cursor_execute", lambda *given: counted.append(given[2]))
    read(imported)
    whole = len(counted)
    read(imported, most_visits=30)
    assert whole == len(counted) - whole <= 14


def test_who_called_is_drawn_by_likelihood_and_alike_for_one_telephone() -> None:
    callers = Callers(candidates=(("anna", 0.5), ("ben", 0.2)), nobody=0.3, counts=True)
    drawn = [drawn_caller(callers, "+12125556001", draw) for draw in range(4000)]
    for who, share in (("anna", 0.5), ("ben", 0.2), (None, 0.3)):
        assert drawn.count(who) / 4000 == pytest.approx(share, abs=0.03)  # four standard errors
    surer = Callers(candidates=(("ben", 0.05), ("anna", 0.9)), nobody=0.05, counts=True)
    again = [drawn_caller(surer, "+12125556001", draw) for draw in range(4000)]
    assert all(later == "anna" for first, later in zip(drawn, again, strict=True) if first == "anna")
    others = [drawn_caller(surer, "+12125556002", draw) for draw in range(4000)]
    assert again != others


def test_what_staff_and_spam_say_is_certain() -> None:
    anna = Callers(candidates=(("anna", 1.0),), nobody=0.0, counts=True)
    nobody = Callers(candidates=(), nobody=1.0, counts=True)
    for draw in range(50):
        assert drawn_caller(anna, "+12125556001", draw) == "anna"
        assert drawn_caller(nobody, "+12125556001", draw) is None


def test_rows_of_a_small_business_are_read_as_they_stand(database: Database) -> None:
    at = datetime(2026, 3, 10, 15, tzinfo=UTC)
    with database.write() as work:
        business = Business.open(work)
        ads = business.source("google_ads", [FIRST, SECOND])
        radio = business.source("radio", ["+12125560003"], kind="offline", preset=None)
        business.source("email", ["+12125560004"], deleted_at=at)
        other = Business.open(work)
        other.visitor(at, other.source("google_ads", ["+12125560005"]))
        anna, ben = (business.visitor(at - timedelta(hours=h), ads) for h in (3, 2))
        holds(business, anna, ads, FIRST, at - timedelta(hours=3))
        happened(business, anna, "leave", at - timedelta(hours=2.9))
        visit(business, anna, at - timedelta(hours=1), ads)
        doubtful = rang(business, ads, FIRST, at - timedelta(minutes=30), [(anna, 0.6), (ben, 0.0004)])
        decided = rang(business, ads, FIRST, at - timedelta(minutes=20), [(anna, 0.6)])
        staff_said(decided, ben, 0.1)
        spam = rang(business, ads, FIRST, at - timedelta(minutes=10), [(anna, 0.6)], spam=True)
        rang(business, radio, "+12125560003", at - timedelta(minutes=5))
        business.session.flush()
        found = read_history(business.session, business.site, at)
        calls = business.session.scalar(select(func.count(Call.call_id)))
    assert {source: pool.numbers for source, pool in found.pools.items()} == {ads.source_id: (FIRST, SECOND)}
    assert found.visits == sum(isinstance(h, Arrived) for h in found.happenings) == 3
    assert sum(isinstance(h, Left) for h in found.happenings) == 1
    assert [h.kind for h in found.happenings if isinstance(h, Rang)] == ["pool"] * 3 + ["offline"]
    assert [h.at for h in found.happenings] == sorted(h.at for h in found.happenings)
    assert len(found.callers) == calls == 4
    assert found.callers[doubtful.call_id].candidates == ((anna.visitor_id, 0.6),)
    assert found.callers[doubtful.call_id].nobody == pytest.approx(0.3996)
    assert found.callers[decided.call_id].candidates == ((ben.visitor_id, 1.0),)
    assert found.callers[spam.call_id] == Callers(candidates=(), nobody=1.0, counts=False)
    assert not any(isinstance(h, Decided) for h in found.happenings)


def test_a_tally_knows_its_means() -> None:
    tally = Tally()
    assert (tally.likelihood, tally.sure) == (0.0, 0.0)
    tally.add("2026-03-01", 0.5, sure=False)
    tally.add("2026-03-02", 1.0, sure=True)
    assert (tally.likelihood, tally.sure, tally.calls) == (0.75, 0.5, 2)
