"""The nightly work on curves, and the command that measures how far they hold."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from app.demo.simulate import write
from app.demo.simulator import sample, simulate
from app.pool_coverage import Case, cases_of, write_first_half
from app.pool_coverage_table import BEGIN, END, HEAD, between_markers, cells, summed, text
from app.pool_curves import Made, main, make_all
from core.errors import NotFound
from core.ids import new_id
from reports.backtest.trace import Trace, TraceError
from reports.pool_curves import curves_of
from reports.rules.pool_curve import CurvePoint
from store.engine import make_engine
from store.sessions import Database
from store.sites import Site
from tests.reports.test_pool_curves import AT, open_shop
from tests.support.rows import START, Business


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


@pytest.fixture
def shop(database: Database) -> str:
    """An account with a site that has calls enough for one curve; its id."""
    with database.write() as work:
        business = Business.open(work)
        open_shop(business)
        return business.session.account_id


def test_a_night_works_out_the_curves_of_all_sites(database: Database, shop: str) -> None:
    made = make_all(database, shop, AT)
    assert made == Made(curves=1, without=1)
    assert made.said() == "1 curve of numbers against likelihood; 1 had too few calls for one"
    with database.read() as work:
        session = work.account(shop)
        (site,) = session.scalars(select(Site))
        (curve,) = curves_of(session, site).values()
    assert curve.present == 3


def test_a_night_that_is_stopped_keeps_nothing(database: Database, shop: str) -> None:
    answers = iter([False, False, True])
    made = make_all(database, shop, AT, lambda: next(answers))
    assert made == Made(stopped=True)
    with database.read() as work:
        session = work.account(shop)
        assert curves_of(session, session.scalars(select(Site)).one()) == {}


def test_an_account_that_is_not_there_is_told(database: Database) -> None:
    with pytest.raises(NotFound):
        make_all(database, new_id(START), AT)


def test_the_nightly_command_tells_what_it_did(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make_engine(sqlite_url)
    with Database(engine).write() as work:
        account_id = Business.open(work).session.account_id
    engine.dispose()
    monkeypatch.setenv("RINGTRACE_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("RINGTRACE_INSTANCE_DIR", str(tmp_path))
    done = run("make", "--account", account_id, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.output) == {
        "account_id": account_id,
        "curves": 0,
        "without": 0,
        "said": "no source has numbers of its own",
    }
    missing = run("make", "--account", new_id(START))
    assert missing.exit_code == 1
    assert "there is no account" in missing.output


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recorded")
    write(simulate(sample("tiny", 3), 3), folder)
    return folder / "trace.ndjson.gz"


def test_the_first_half_ends_in_the_middle(recorded: Path, tmp_path: Path) -> None:
    whole = Trace(recorded)
    middle = write_first_half(recorded, tmp_path / "half.ndjson")
    half = Trace(tmp_path / "half.ndjson")
    assert middle == whole.site.start + (whole.site.end - whole.site.start) / 2
    assert half.site == whole.site._replace(end=middle)
    assert list(half) == [line for line in whole if line[0] < middle]


def test_predictions_are_of_the_second_half_at_that_size(recorded: Path) -> None:
    cases = cases_of(recorded, (0.5, 1.0, 2.0, 3.0))
    assert [(c.pool, c.point.numbers, c.factor) for c in cases] == [
        ("google_organic", 1, 1.0),
        ("google_organic", 2, 2.0),
        ("google_organic", 3, 3.0),
    ], "a pool of one has no half"
    calls = [line for line in Trace(recorded) if type(line).__name__ == "Call"]
    for case in cases:
        assert case.before + case.after == len(calls)
        assert case.point.low <= case.point.likelihood <= case.point.high
        assert 0.0 < case.likelihood < 1.0


def case(pool: str = "email", factor: float = 1.0, likelihood: float = 0.8, sure: float = 0.5) -> Case:
    point = CurvePoint(numbers=4, likelihood=0.8, low=0.7, high=0.9, sure=0.5, sure_low=0.3, sure_high=0.7)
    return Case(pool=pool, factor=factor, before=30, after=40, point=point, likelihood=likelihood, sure=sure)


def test_an_outcome_is_inside_up_to_the_ends() -> None:
    for outcome, inside in ((0.69, False), (0.7, True), (0.9, True), (0.91, False)):
        assert case(likelihood=outcome).inside is inside
    for outcome, inside in ((0.29, False), (0.3, True), (0.7, True), (0.71, False)):
        assert case(sure=outcome).sure_inside is inside


def test_the_table_sums_up_by_size_and_by_business() -> None:
    one = (case(factor=0.5, likelihood=0.6), case(factor=1.0, likelihood=0.85))
    two = (case("direct", factor=1.0, sure=0.9),)
    lines = summed([("shop 1", one), ("trace 1", two)])
    assert [line[0] for line in lines] == ["all of them", "0.5 × the numbers", "1 × the numbers", "shop 1", "trace 1"]
    assert [line[3] for line in lines] == ["3", "1", "2", "2", "1"]
    assert [line[4] for line in lines] == ["67 %", "0 %", "100 %", "50 %", "100 %"]
    assert [line[7] for line in lines] == ["67 %", "100 %", "50 %", "100 %", "0 %"]
    assert lines[3][5:7] == ["10.0", "12.5"]
    assert cells("none", ())[4:] == ["–"] * (len(HEAD) - 4)
    assert "60.0 !" in text([("shop 1", one)], each=True)


def test_the_command_writes_its_table_between_the_markers(recorded: Path, tmp_path: Path) -> None:
    document = tmp_path / "how-many.md"
    document.write_text(f"# Before\n\n{BEGIN}\nold figures\n{END}\n\nafter\n", "utf-8")
    done = run(
        *("coverage", "--businesses", 0, "--seed", 5, "--processes", 1),
        *("--factor", 1, "--factor", 2, "--trace", recorded, "--write", document),
    )
    assert done.exit_code == 0, done.output
    written = document.read_text("utf-8")
    said = "`python -m app.pool_curves coverage --businesses 0 --seed 5 --factor 1 --factor 2 --trace …`:"
    assert written.startswith(f"# Before\n\n{BEGIN}\n{said}\n\n| business |")
    assert written.endswith(f" |\n{END}\n\nafter\n")
    assert "old figures" not in written
    (row,) = [line for line in written.splitlines() if line.startswith("| trace 1 | 1 |")]
    assert row.count("|") == len(HEAD) + 1


def test_a_document_without_markers_is_told_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no lines"):
        between_markers(f"# Only {BEGIN}", "")
    document = tmp_path / "how-many.md"
    document.write_text("# Nothing", "utf-8")
    done = run("coverage", "--businesses", 0, "--trace", tmp_path / "no.ndjson", "--write", document)
    assert (done.exit_code, "has no lines" in done.output) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("--businesses", 0), 2, "nothing to play"),
        (("--seed", "often"), 2, "neither a number nor 'random'"),
        (("--businesses", 0, "--processes", 1, "--trace", "no.ndjson"), 1, "no.ndjson"),
        (("--businesses", 0, "--factor", 0), 2, "--factor"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: tuple[object, ...], status: int, said: str) -> None:
    done = run("coverage", *arguments)
    assert done.exit_code == status
    assert said in done.output


def test_businesses_that_are_all_too_busy_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.pool_curves.MOST_LINES", 0)
    monkeypatch.setattr("app.pool_curves.drawn", lambda count, seed: iter(()))
    done = run("coverage", "--businesses", 2, "--seed", 3)
    assert (done.exit_code, "found only 0 of 2" in done.output) == (1, True)


def test_a_trace_with_a_bad_line_is_told(tmp_path: Path) -> None:
    bad = tmp_path / "bad.ndjson"
    bad.write_text("{}\n", "utf-8")
    with pytest.raises(TraceError):
        cases_of(bad)
    done = run("coverage", "--businesses", 0, "--processes", 1, "--trace", bad)
    assert (done.exit_code, "line 1" in done.output) == (1, True)
