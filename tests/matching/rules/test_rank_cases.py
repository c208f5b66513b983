"""Calls whose answer a person would know, one story each."""

import math
from dataclasses import replace
from datetime import timedelta

import pytest

from matching.rules.facts import CandidateFacts, EarlierCall, FormPhone, PhoneHistory, StaffDecision
from matching.rules.phones import owners
from matching.rules.rank import explain, rank
from tests.matching.rules.scenes import AT, DAY, call, candidate, clear_first_call, earlier, likelihoods, textbook

LONG_AGO = AT - timedelta(days=21)


def on_site_now(visitor: str = "c") -> CandidateFacts:
    return candidate(visitor, 5.0, page_open=True, last_page_path="/contact", device="phone")


def old_holders() -> list[CandidateFacts]:
    return [candidate("a", 21 * DAY), candidate("b", 21 * DAY + 3_000.0)]


def test_no_candidates_means_nobody() -> None:
    ranking = rank(textbook(), call(), [])
    assert (ranking.none, ranking.candidates, ranking.best) == (1.0, (), None)


def test_a_click_seconds_before_the_call_settles_it() -> None:
    crowd = [candidate("clicked", 6.0, page_open=True, tel_click_seconds=4.0), candidate("other", 2.0, page_open=True)]
    best = rank(textbook(), call(), crowd).candidates[0]
    assert best.visitor == "clicked"
    assert best.likelihood > 0.95
    rows = {row.name: row for row in best.evidence}
    assert rows["tel_click"].value == "4 s before the call"
    assert 7.0 < rows["tel_click"].weight < 8.0
    assert rows["last_seen"].value == "page open, last sign 6 s before the call"


def test_evidence_is_in_plain_words() -> None:
    crowd = [candidate("v", 2_400.0, last_page_path="/contact", device="phone", page_views=4, visits=2, region="US-NY")]
    ranked = rank(textbook(), call(caller_region="US-CA", region_share=0.1), crowd).candidates[0]
    rows = {row.name: row.value for row in ranked.evidence}
    assert rows["last_seen"] == "left 40 min ago"
    assert rows["page"] == "/contact"
    assert rows["page_views"] == "4 page views"
    assert rows["visits"] == "2 visits"
    assert rows["device"] == "phone"
    assert rows["hour_of_week"] == "Tuesday 10:00 to 11:00"
    assert rows["area_code"] == "caller from US-CA, visitor in US-NY"
    assert {row.name: row.weight for row in ranked.evidence}["area_code"] < 0.0


def test_an_area_code_of_the_visitors_region_tells_two_alike_apart() -> None:
    crowd = [candidate("ny", 60.0, region="US-NY"), candidate("ca", 60.0, region="US-CA"), candidate("unknown", 60.0)]
    ranking = rank(textbook(), call(caller_region="US-CA", region_share=0.3), crowd)
    assert [ranked.visitor for ranked in ranking.candidates] == ["ca", "unknown", "ny"]


def test_a_redial_weeks_later_outranks_who_is_on_the_site_now() -> None:
    history = PhoneHistory(calls=(clear_first_call(LONG_AGO),))
    crowd = [*old_holders(), on_site_now()]
    assert rank(textbook(), call(), crowd).candidates[0].visitor == "c"
    ranking = rank(textbook(), call(), crowd, history)
    assert ranking.candidates[0].visitor == "a"
    assert ranking.candidates[0].likelihood > 0.9
    known = [row for row in ranking.candidates[0].evidence if row.name == "known_phone"]
    assert [row.value for row in known] == ["1 earlier call, last matched to this visitor"]


def test_after_an_override_the_redial_goes_to_whom_staff_chose() -> None:
    first = clear_first_call(LONG_AGO)
    decided = EarlierCall(at=first.at, races=first.races, decision=StaffDecision(visitor="b"))
    ranking = rank(textbook(), call(), [*old_holders(), on_site_now()], PhoneHistory(calls=(decided,)))
    assert ranking.candidates[0].visitor == "b"
    assert ranking.candidates[0].likelihood > 0.9
    assert "credited by staff to this visitor" in str(ranking.candidates[0].evidence)


def test_staff_are_strong_but_not_infallible() -> None:
    first = clear_first_call(LONG_AGO)
    decided = EarlierCall(at=first.at, races=first.races, decision=StaffDecision(visitor=None))
    posterior = owners(PhoneHistory(calls=(decided,)), textbook().phones)
    assert posterior[None] == pytest.approx(0.97)
    ranking = rank(textbook(), call(), old_holders(), PhoneHistory(calls=(decided,)))
    assert ranking.best is None
    assert ranking.candidates[0].visitor == "a"
    assert ranking.candidates[0].likelihood > 0.01


def test_the_latest_decision_outranks_an_earlier_one() -> None:
    calls = tuple(
        EarlierCall(at=LONG_AGO + timedelta(days=day), races={"a": 5.0}, decision=StaffDecision(visitor=visitor))
        for day, visitor in enumerate(["a", "a", "b"])
    )
    assert owners(PhoneHistory(calls=calls), textbook().phones)["b"] >= 0.97


def test_a_phone_left_in_a_form_is_nearly_decisive() -> None:
    history = PhoneHistory(forms=(FormPhone(at=AT - timedelta(days=9), visitor="a"),))
    crowd = [candidate("a", 9 * DAY), on_site_now()]
    ranking = rank(textbook(), call(), crowd, history)
    assert ranking.candidates[0].visitor == "a"
    assert ranking.candidates[0].likelihood > 0.9
    assert "phone left in this visitor's form" in str(ranking.candidates[0].evidence)


def test_one_person_under_two_cookies_keeps_the_form_phone_for_both() -> None:
    forms = tuple(FormPhone(at=AT - timedelta(days=9), visitor=visitor) for visitor in ("a", "b"))
    crowd = [candidate("a", 9 * DAY), candidate("b", 30.0, page_open=True)]
    ranking = rank(textbook(), call(), crowd, PhoneHistory(forms=forms))
    assert ranking.candidates[0].visitor == "b"
    assert ranking.candidates[0].likelihood > 0.9


def test_a_visitor_whose_own_phone_is_another_is_less_likely() -> None:
    crowd = [candidate("plain", 60.0), candidate("other", 60.0, other_phone=0.95)]
    ranking = rank(textbook(), call(), crowd)
    assert [ranked.visitor for ranked in ranking.candidates] == ["plain", "other"]
    assert "other_phone" in {row.name for row in ranking.candidates[1].evidence}


def test_several_calls_by_one_person_are_one_piece_of_evidence() -> None:
    first = clear_first_call(LONG_AGO)
    again = EarlierCall(at=LONG_AGO + timedelta(minutes=3), races={})
    once = owners(PhoneHistory(calls=(first,)), textbook().phones)
    assert owners(PhoneHistory(calls=(first, again)), textbook().phones) == pytest.approx(once)
    # Ringing again long after everybody left says nothing new about who it is.
    later = rank(textbook(), call(), old_holders(), PhoneHistory(calls=(first,)))
    twice = PhoneHistory(calls=(first, earlier(later, AT)))
    assert owners(twice, textbook().phones)["a"] == pytest.approx(once["a"], abs=0.01)


def test_earlier_callers_who_are_no_candidates_now_belong_to_nobody() -> None:
    history = PhoneHistory(calls=(clear_first_call(LONG_AGO),))
    posterior = owners(history, textbook().phones)
    assert posterior["a"] > 0.9
    ranking = rank(textbook(), call(), [on_site_now()], history)
    assert ranking.none > 0.9
    assert ranking.best is None


def test_a_robocall_burst_is_nobody() -> None:
    crowd = [candidate("c", 60.0, page_open=True)]
    quiet = rank(textbook(), call(), crowd)
    assert quiet.best is not None
    burst = rank(textbook(), call(recent_nobody=60.0, recent_calls_other_numbers=6), crowd)
    assert burst.none > 0.9
    assert "caller rang 6 other numbers within minutes" in str(burst.candidates[0].evidence)
    others = rank(textbook(), call(recent_nobody=60.0), crowd)
    assert "calls from nobody on other numbers within minutes" in str(others.candidates[0].evidence)
    rate = 0.3 / DAY * 2.0**0.5
    rows = {row.name: row.weight for row in burst.candidates[0].evidence}
    assert rows["robocall_burst"] == pytest.approx(-math.log2((rate + 60.0 * 1e-4) / rate))
    assert "robocall_burst" not in {row.name for row in quiet.candidates[0].evidence}


def test_a_burst_speaks_against_a_known_phone_too() -> None:
    history = PhoneHistory(calls=(clear_first_call(LONG_AGO),))
    quiet = rank(textbook(), call(), old_holders(), history)
    burst = rank(textbook(), call(recent_nobody=60.0), old_holders(), history)
    assert burst.none > quiet.none


def test_a_shared_phone_is_no_person() -> None:
    first = clear_first_call(LONG_AGO)
    crowd = [*old_holders(), on_site_now()]
    shared = rank(textbook(), call(), crowd, PhoneHistory(calls=(first,), shared=True))
    assert shared.candidates[0].visitor == "c"
    assert likelihoods(shared) == pytest.approx(likelihoods(rank(textbook(), call(), crowd)))


def test_a_crowd_of_long_gone_holders_counts_together_and_not_one_by_one() -> None:
    crowd = [candidate(f"v{number:03d}", (5.0 + number / 40.0) * DAY) for number in range(400)]
    ranking = rank(textbook(), call(), crowd)
    assert ranking.candidates[0].likelihood < 0.05
    assert 1.0 - ranking.none > 0.2
    assert ranking.best is None


def test_a_number_that_was_learnt_to_ring_without_visits_is_dirty() -> None:
    crowd = [candidate("v", 1_200.0)]
    before = textbook().background
    model = replace(textbook(), background=replace(before, sources={"ads": 1.0}, numbers={"dirty": 3.0, "quiet": -3.0}))
    answers = {name: rank(model, call(number=name, source="ads"), crowd) for name in ("clean", "dirty", "quiet")}
    assert answers["quiet"].none < answers["clean"].none < answers["dirty"].none
    rows = {name: {row.name: row for row in a.candidates[0].evidence} for name, a in answers.items()}
    assert {name: row["number_history"].weight for name, row in rows.items()} == {
        "clean": -1.0,
        "dirty": -4.0,
        "quiet": 2.0,
    }
    assert "4.8 calls a day" in rows["dirty"]["number_history"].value
    plain = rank(model, call(), crowd).candidates[0]
    assert "number_history" not in {row.name for row in plain.evidence}


def test_who_is_shown_another_number_since_is_less_likely() -> None:
    crowd = [candidate("here", 60.0), candidate("moved", 60.0, shown=False), candidate("closed", 60.0, left=True)]
    ranking = rank(textbook(), call(), crowd)
    assert [ranked.visitor for ranked in ranking.candidates] == ["here", "closed", "moved"]
    rows = [{row.name: row for row in ranked.evidence} for ranked in ranking.candidates]
    assert rows[1]["left_page"].value == "the page was closed"
    assert (rows[2]["superseded"].weight, rows[2]["superseded"].value) == (-3.0, "is shown another number since")


def test_a_phone_that_rings_another_number_has_an_owner_who_was_shown_it() -> None:
    """Two visitors fit the first call alike; the second call is on a number that only one of them was ever shown."""
    alike = {"a": 3.0, "b": 3.0}
    first = EarlierCall(at=LONG_AGO, races=alike, number="n1")
    again = EarlierCall(at=LONG_AGO + timedelta(days=2), races={"b": 1.0}, number="n2")
    params = textbook().phones
    weights = {"a": 2.0**3 * params.elsewhere, "b": 2.0**3 * 2.0, None: 1.0}
    expected = {owner: weight / sum(weights.values()) for owner, weight in weights.items()}
    assert owners(PhoneHistory(calls=(first, again)), params) == pytest.approx(expected)
    same = owners(PhoneHistory(calls=(first, replace(again, number="n1"))), params)
    assert same == pytest.approx({"a": 8 / 25, "b": 16 / 25, None: 1 / 25})


def test_ties_go_to_the_last_seen_and_then_to_the_id() -> None:
    alike = [candidate(name, 60.0) for name in ("b", "a", "z")]
    later = replace(alike[2], last_seen_at=AT)
    ranking = rank(textbook(), call(), [*alike[:2], later])
    assert [ranked.visitor for ranked in ranking.candidates] == ["z", "a", "b"]


def test_evidence_is_worded_only_for_whom_it_was_asked() -> None:
    crowd = [candidate(f"v{number:02d}", 60.0 * number) for number in range(30)]
    ranking = rank(textbook(), call(), crowd, evidence_for=3, visitors=("v29",))
    assert [ranked.visitor for ranked in ranking.candidates if ranked.evidence] == ["v00", "v01", "v02", "v29"]
    chosen = explain(textbook(), call(), crowd, "v20")
    assert chosen is not None
    assert chosen.rank == 21
    assert chosen.evidence[0].name == "base_rate"
    assert explain(textbook(), call(), crowd, "stranger") is None


def test_a_visitor_cannot_be_a_candidate_twice() -> None:
    with pytest.raises(ValueError, match="only once"):
        rank(textbook(), call(), [candidate("v", 1.0), candidate("v", 2.0)])
