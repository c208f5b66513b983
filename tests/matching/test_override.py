"""Staff overrule the model and take it back, on both databases."""

import math
import threading
from datetime import timedelta
from typing import Any

import pytest

from core.errors import InvalidInput, NotFound
from core.ids import new_id
from matching.match import match_call
from matching.override import MatchChange, override, undo
from matching.rules.model import prior
from reports.calls import CallDetail, call_detail
from store.calls import Call
from store.sessions import Database
from tests.reports.builders import CALLED, holds, rang, visit
from tests.support.rows import START, Business

NUMBER = "+12125560001"
LATER = CALLED + timedelta(hours=1)
USER = new_id(START)


class Desk:
    """A call with two candidates (0.7 and 0.2, nobody 0.1) and a visitor who was none."""

    def __init__(self, business: Business) -> None:
        self.business = business
        self.session = business.session
        self.source = business.source("google_ads", [NUMBER])
        self.best, self.second = business.visitor(START, self.source), business.visitor(START, self.source)
        self.outsider = business.visitor(START, self.source)
        self.call = rang(business, self.source, NUMBER, CALLED, [(self.best, 0.7), (self.second, 0.2)], none=0.1)

    def override(self, visit_id: str | None, **fields: Any) -> MatchChange:
        given = {"user_id": USER, "reason": None, "at": LATER, **fields}
        return override(self.session, call_id=self.call.call_id, visit_id=visit_id, **given)

    def detail(self) -> CallDetail:
        found = call_detail(self.session, self.call.call_id)
        assert found is not None
        return found


def test_staff_credit_another_candidate_and_the_models_choice_is_kept(database: Database) -> None:
    with database.write() as work:
        desk = Desk(Business.open(work))
        change = desk.override(desk.second.visit_id, reason="she said so")
        detail = desk.detail()
    assert (change.by, change.visit_id, change.likelihood, change.changed) == ("staff", desk.second.visit_id, 0.2, True)
    match = detail.call.match
    assert match is not None
    assert (match.by, match.visit_id, match.visitor_id) == ("staff", desk.second.visit_id, desk.second.visitor_id)
    assert (match.likelihood, match.at, match.user_id) == (0.2, LATER, USER)
    assert (detail.call.model_visit_id, detail.call.model_likelihood) == (desk.best.visit_id, 0.7)
    assert detail.call.none == 0.1
    assert detail.call.updated_at == LATER
    model, staff = detail.history
    assert (model.by, model.visit_id, model.likelihood) == ("model", desk.best.visit_id, 0.7)
    assert (staff.by, staff.visit_id, staff.likelihood, staff.reason) == (
        "staff",
        desk.second.visit_id,
        0.2,
        "she said so",
    )
    assert (staff.user_id, staff.model, staff.undo) == (USER, "test-1", False)


def test_staff_say_nobody(database: Database) -> None:
    with database.write() as work:
        desk = Desk(Business.open(work))
        change = desk.override(None)
        match = desk.detail().call.match
    assert change.changed
    assert match is not None
    assert (match.by, match.visit_id, match.visitor_id, match.likelihood) == ("staff", None, None, 0.1)


def test_staff_confirm_the_model(database: Database) -> None:
    with database.write() as work:
        desk = Desk(Business.open(work))
        change = desk.override(desk.best.visit_id)
        match = desk.detail().call.match
    assert not change.changed
    assert match is not None
    assert (match.by, match.likelihood) == ("staff", 0.7)


def test_one_who_was_no_candidate_has_likelihood_zero(database: Database) -> None:
    with database.write() as work:
        desk = Desk(Business.open(work))
        assert desk.override(desk.outsider.visit_id).likelihood == 0.0
        detail = desk.detail()
    assert detail.call.match is not None
    assert detail.call.match.likelihood == 0.0
    assert detail.history[-1].likelihood == 0.0
    assert len(detail.candidates) == 2


def test_an_older_visit_of_a_candidate_has_the_candidates_likelihood(database: Database) -> None:
    with database.write() as work:
        desk = Desk(Business.open(work))
        older = visit(desk.business, desk.second, START - timedelta(days=3))
        change = desk.override(older.visit_id)
    assert (change.visit_id, change.visitor_id, change.likelihood) == (older.visit_id, desk.second.visitor_id, 0.2)


def test_only_visits_of_the_site_begun_before_the_call(database: Database) -> None:
    with database.write() as work:
        desk = Desk(Business.open(work))
        session = desk.session
        after = visit(desk.business, desk.second, CALLED + timedelta(milliseconds=1)).visit_id
        same_moment = visit(desk.business, desk.outsider, CALLED).visit_id
        elsewhere = Business.open(work).visitor(START).visit_id
        before = visit(desk.business, desk.outsider, CALLED - timedelta(microseconds=1)).visit_id
        for wrong in (after, same_moment, elsewhere, new_id(START), "no id", "", "\x00"):
            with pytest.raises(InvalidInput) as error:
                desk.override(wrong)
            assert list(error.value.fields) == ["visit"]
        assert [d.by for d in desk.detail().history] == ["model"]
        assert desk.override(before).by == "staff"
        session.flush()


def test_another_site_of_the_same_account_is_elsewhere_too(database: Database) -> None:
    with database.write() as work:
        desk = Desk(Business.open(work))
        other = Business(desk.session, _other_site(desk.business))
        with pytest.raises(InvalidInput):
            desk.override(other.visitor(START).visit_id)


def _other_site(business: Business) -> Any:
    site = type(business.site)
    columns = {c.key: getattr(business.site, c.key) for c in site.__mapper__.column_attrs}
    made = site(**{**columns, "site_id": new_id(START), "key": new_id(START)})
    business.session.add(made)
    business.session.flush()
    return made


def test_taking_it_back_returns_to_the_model_and_says_so(database: Database) -> None:
    with database.write() as work:
        desk = Desk(Business.open(work))
        desk.override(None)
        change = undo(desk.session, call_id=desk.call.call_id, user_id=USER, at=LATER + timedelta(minutes=1))
        detail = desk.detail()
    assert change is not None
    assert (change.by, change.visit_id, change.changed) == ("model", desk.best.visit_id, True)
    match = detail.call.match
    assert match is not None
    assert (match.by, match.visit_id, match.likelihood, match.user_id) == ("model", desk.best.visit_id, 0.7, None)
    assert [(d.by, d.visit_id, d.undo, d.user_id) for d in detail.history] == [
        ("model", desk.best.visit_id, False, None),
        ("staff", None, False, USER),
        ("model", desk.best.visit_id, True, USER),
    ]
    assert detail.call.updated_at == LATER + timedelta(minutes=1)


def test_taking_back_where_the_model_said_nobody_leaves_no_match(database: Database) -> None:
    with database.write() as work:
        desk = Desk(Business.open(work))
        call = rang(desk.business, desk.source, NUMBER, CALLED, [(desk.best, 0.2)])
        session = desk.session
        override(session, call_id=call.call_id, visit_id=desk.best.visit_id, user_id=USER, reason=None, at=LATER)
        change = undo(session, call_id=call.call_id, user_id=USER, at=LATER)
        detail = call_detail(session, call.call_id)
    assert change is not None
    assert (change.visit_id, change.likelihood) == (None, 0.8)
    assert detail is not None
    assert detail.call.match is None
    assert (call.matched_by, call.matched_likelihood, call.matched_at) == (None, None, None)


def test_there_is_nothing_to_take_back_twice(database: Database) -> None:
    with database.write() as work:
        desk = Desk(Business.open(work))
        assert undo(desk.session, call_id=desk.call.call_id, user_id=USER, at=LATER) is None
        assert len(desk.detail().history) == 1


def test_calls_that_are_not_there(database: Database) -> None:
    with database.write() as work:
        desk = Desk(Business.open(work))
        stranger = Business.open(work).session
        for unknown in (desk.call.call_id, new_id(START), "x", "\x00"):
            with pytest.raises(NotFound):
                override(stranger, call_id=unknown, visit_id=None, user_id=USER, reason=None, at=LATER)
            with pytest.raises(NotFound):
                undo(stranger, call_id=unknown, user_id=USER, at=LATER)


def test_a_reason_has_its_limit(database: Database) -> None:
    with database.write() as work:
        desk = Desk(Business.open(work))
        with pytest.raises(InvalidInput) as error:
            desk.override(None, reason="x" * 1001)
        assert list(error.value.fields) == ["reason"]
        desk.override(None, reason="  \x00 ")
        assert desk.detail().history[-1].reason is None


def test_decisions_of_one_moment_keep_their_order(database: Database) -> None:
    with database.write() as work:
        desk = Desk(Business.open(work))
        wanted = [desk.second, desk.best, desk.outsider, desk.second]
        for visitor in wanted:
            desk.override(visitor.visit_id, at=CALLED)
        history = desk.detail().history
    assert [d.visit_id for d in history[1:]] == [v.visit_id for v in wanted]
    assert len({d.at for d in history}) == 5


def test_evidence_is_kept_for_whomever_staff_choose(database: Database) -> None:
    """Thirty held the number; the last of them has no evidence until chosen, and then it adds up."""
    with database.write() as work:
        business = Business.open(work)
        source = business.source("google_ads", [NUMBER])
        for minute in range(30):
            visitor = business.visitor(START + timedelta(minutes=minute), source)
            holds(business, visitor, source, NUMBER, START + timedelta(minutes=minute))
        call = rang(business, source, NUMBER, CALLED)
        match_call(business.session, call, at=CALLED, model=prior(), days=60)
        business.session.flush()
        before = call_detail(business.session, call.call_id)
        assert before is not None
        last = before.candidates[-1]
        assert len(before.candidates) == 30
        assert last.evidence is None
        override(business.session, call_id=call.call_id, visit_id=last.visit_id, user_id=USER, reason=None, at=LATER)
        business.session.expire_all()
        after = call_detail(business.session, call.call_id)
    assert after is not None
    chosen = after.candidates[-1]
    assert chosen.evidence
    assert math.fsum(row["weight"] for row in chosen.evidence) == pytest.approx(
        math.log2(chosen.likelihood / after.call.none), abs=1e-9
    )
    assert after.call.match is not None
    assert after.call.match.likelihood == chosen.likelihood
    assert after.candidates[-2].evidence is None


def test_people_who_decide_at_the_same_moment_do_so_one_after_the_other(database: Database) -> None:
    with database.write() as work:
        desk = Desk(Business.open(work))
        account, call_id = desk.session.account_id, desk.call.call_id
        choices = [desk.best.visit_id, desk.second.visit_id, None, desk.outsider.visit_id]
    ready = threading.Barrier(len(choices) * 2)
    failed: list[BaseException] = []

    def decide(visit_id: str | None) -> None:
        try:
            ready.wait(30)
            with database.write() as work:
                override(work.account(account), call_id=call_id, visit_id=visit_id, user_id=USER, reason=None, at=LATER)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=decide, args=(choice,)) for choice in choices * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    with database.read() as work:
        session = work.account(account)
        detail = call_detail(session, call_id)
        call = session.get(Call, (account, call_id))
    assert detail is not None
    assert call is not None
    assert len(detail.history) == 1 + len(threads)
    assert len({d.at for d in detail.history}) == len(detail.history)
    last = detail.history[-1]
    assert (call.matched_visit_id, call.matched_at, call.matched_likelihood) == (
        last.visit_id,
        last.at,
        last.likelihood,
    )
