"""Which model scores an account's calls, and how that changes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, func, select, update

from core.errors import Conflict, NotFound
from core.ids import new_id
from matching import models
from matching.match import match_call
from matching.models import (
    SHOWN,
    in_use,
    keep,
    model_in_use,
    model_of_version,
    previous,
    step_back,
    switches,
    use,
    version_name,
    versions,
    way_here,
)
from matching.rules.model import prior
from store.calls import Call
from store.models import ModelVersion
from store.sessions import AccountSession, Database
from tests.support.models import FIGURES, Fitted, fitted
from tests.support.rows import START, Business

NIGHT = timedelta(days=1)


@contextmanager
def account(database: Database) -> Iterator[AccountSession]:
    """An account of its own, in a transaction."""
    with database.write() as work:
        yield Business.open(work).session


def kept(session: AccountSession, fit: Fitted | None = None, at: datetime = START) -> str:
    return keep(session, fit or fitted(), at=at, by="nightly").model_id


def used(session: AccountSession, fit: Fitted, at: datetime) -> str:
    model_id = kept(session, fit, at)
    use(session, model_id, at=at, user_id=None, reason="better")
    return model_id


def test_an_account_begins_with_the_shipped_model(database: Database) -> None:
    with account(database) as session:
        assert model_in_use(session) is prior()
        assert (in_use(session).model_id, in_use(session).since) == (None, None)
        assert previous(session) is None
        assert (list(versions(session)), list(switches(session, 5))) == ([], [])
        with pytest.raises(Conflict, match="none was before it"):
            step_back(session, at=START, user_id=None)


def test_a_kept_version_scores_nothing_until_it_is_used(database: Database) -> None:
    with account(database) as session:
        row = keep(session, fitted(better=False), at=START, by="command")
        assert model_in_use(session) is prior()
        assert (row.version, row.made_by, row.better, row.figures) == ("2026-03-02", "command", False, FIGURES)
        done = use(session, row.model_id, at=START + NIGHT, user_id="u", reason=None)
        assert (done.version, done.before_id, done.before, done.changed) == (
            row.version,
            None,
            prior().version,
            True,
        )
        scoring = in_use(session)
        assert (scoring.model_id, scoring.since, scoring.readable) == (row.model_id, START + NIGHT, True)
        assert scoring.model == fitted().model
        again = use(session, row.model_id, at=START + 2 * NIGHT, user_id="u", reason=None)
        assert not again.changed
        assert len(switches(session, 5)) == 1


def test_steps_back_lead_all_the_way_and_each_can_be_undone(database: Database) -> None:
    with account(database) as session:
        first = used(session, fitted("one", 1), START)
        second = used(session, fitted("two", 2), START + NIGHT)
        back = step_back(session, at=START + 2 * NIGHT, user_id="u")
        assert (back.model_id, back.version, back.before_id) == (first, "one", second)
        undone = use(session, back.before_id, at=START + 3 * NIGHT, user_id="u", reason=None)
        assert undone.model_id == second
        assert [step_back(session, at=START + 4 * NIGHT, user_id="u").version for _ in range(2)] == [
            "one",
            prior().version,
        ]
        assert model_in_use(session) is prior()
        assert in_use(session).since is not None
        with pytest.raises(Conflict):
            step_back(session, at=START + 5 * NIGHT, user_id="u")
        assert [s.reason for s in switches(session, 3)] == ["one step back", "one step back", ""]


def test_the_last_switch_counts_though_its_clock_is_behind(database: Database) -> None:
    with account(database) as session:
        used(session, fitted("one"), START)
        second = used(session, fitted("two"), START - NIGHT)
        third = used(session, fitted("three"), START)
        assert in_use(session).model_id == third
        assert previous(session) is not None
        assert previous(session).model_id == second  # type: ignore[union-attr]


@given(st.lists(st.one_of(st.none(), st.sampled_from("abc"))))
def test_the_way_ends_with_the_version_in_use_and_never_stands_still(uses: list[str | None]) -> None:
    way = way_here(uses)
    assert way[0] is None
    assert way[-1] == (uses[-1] if uses else None)
    assert all(one != other for one, other in pairwise(way))
    if len(way) > 1:
        assert way_here([*uses, way[-2]]) == way[:-1], "a step back shortens it by one"
        assert way_here([*uses, way[-2], way[-1]]) == way, "and undoing that restores it"


def test_scoring_asks_one_small_question(database: Database) -> None:
    with account(database) as session:
        model_id = used(session, fitted(), START)
        model_in_use(session)
        account_id = session.account_id
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith("BEGIN"):
            seen.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    with database.read() as work:
        first, second = (model_in_use(work.account(account_id)) for _ in range(2))
    event.remove(database.engine, "before_cursor_execute", note)
    assert first is second
    assert first.version == "2026-03-02"
    assert len(seen) == 2
    assert all("model_versions" not in statement for statement in seen)
    assert model_id


def test_no_account_sees_anothers_models(database: Database) -> None:
    with database.write() as work:
        one, other = (Business.open(work).session for _ in range(2))
        model_id = used(one, fitted(), START)
        assert model_in_use(other) is prior()
        assert list(versions(other)) == []
        for wanted in (model_id, new_id(START), "x", ""):
            with pytest.raises(NotFound):
                use(other, wanted, at=START, user_id=None, reason=None)
        assert model_of_version(other, "2026-03-02") is prior()
        kept(other, fitted(by=3))
        assert model_of_version(other, "2026-03-02") != model_of_version(one, "2026-03-02")


def test_versions_of_one_day_are_counted(database: Database) -> None:
    with account(database) as session:
        names = [keep(session, fitted(version_name(session, START)), at=START, by="nightly").version for _ in range(3)]
        assert names == ["2026-03-02", "2026-03-02.2", "2026-03-02.3"]
        late = keep(session, fitted("2026-03-02"), at=START, by="command")
        assert late.version == "2026-03-02.4", "the name was taken while it learnt"
        use(session, late.model_id, at=START, user_id=None, reason=None)
        assert model_in_use(session).version == late.version


def test_what_another_release_wrote_is_not_used_and_calls_are_scored_all_the_same(database: Database) -> None:
    with account(database) as session:
        good, odd = used(session, fitted("good"), START), kept(session, fitted("odd"), START + NIGHT)
        session.execute(update(ModelVersion).where(ModelVersion.model_id == odd).values(model='{"format": 0}'))
        with pytest.raises(Conflict, match="version odd was made by another release"):
            use(session, odd, at=START + NIGHT, user_id=None, reason=None)
        assert in_use(session).model_id == good
        models._memory._models.clear()
        session.execute(update(ModelVersion).where(ModelVersion.model_id == good).values(model="{"))
        scoring = in_use(session)
        assert (scoring.model, scoring.model_id, scoring.readable) == (prior(), good, False)


def test_old_versions_that_never_scored_a_call_are_dropped(database: Database) -> None:
    with account(database) as session:
        scored = used(session, fitted("used"), START)
        unused = kept(session, fitted("unused", better=False), START + timedelta(seconds=1))
        for night in range(1, SHOWN + 1):
            at = START + night * NIGHT
            kept(session, fitted(version_name(session, at), better=False), at)
        there = [v.model_id for v in versions(session)]
        assert (scored in there, unused in there, len(there)) == (True, False, SHOWN + 1)
        assert there[-1] == scored, "the newest first"
        assert session.scalar(select(func.count()).select_from(ModelVersion)) == SHOWN + 1


def test_a_call_keeps_the_version_that_scored_it_and_is_explained_by_it(database: Database) -> None:
    with database.write() as work:
        business = Business.open(work)
        session = business.session
        source = business.source("google_ads", ["+12125560001"])
        business.visitor(START, source)
        used(session, fitted("strong", 4.0), START)
        call = Call(
            call_id=new_id(START),
            provider="twilio",
            provider_call_id="CA1",
            site_id=business.site.site_id,
            source_id=source.source_id,
            number="+12125560001",
            destination="+12125559000",
            from_number=None,
            started_at=START + timedelta(minutes=1),
            local_day=START.date(),
            status="ringing",
            updated_at=START,
        )
        session.add(call)
        session.flush()
        match_call(session, call, at=call.started_at, model=model_in_use(session), days=60)
        assert call.model_version == "strong"
        use(session, None, at=START + NIGHT, user_id=None, reason=None)
        assert model_of_version(session, call.model_version) == replace(fitted("strong", 4.0).model)
        assert model_of_version(session, prior().version) is prior()
        assert model_of_version(session, None) is prior()
        assert model_of_version(session, "prior-0") is model_in_use(session), "no longer there"
