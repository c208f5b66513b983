"""Calls whose answer a person would know, one story each."""

from dataclasses import replace
from datetime import timedelta

import pytest

from matching.rules.facts import CandidateFacts, EarlierCall, FormPhone, PhoneHistory, StaffDecision
from matching.rules.model import prior
from matching.rules.phones import owners
from matching.rules.rank import explain, rank
from tests.matching.rules.scenes import AT, DAY, call, candidate, clear_first_call, earlier, likelihoods

LONG_AGO = AT - timedelta(days=21)


def on_site_now(visitor: str = "c") -> CandidateFacts:
    return candidate(visitor, 5.0, page_open=True, last_page_path="/contact", device="phone")


def old_holders() -> list[CandidateFacts]:
    return [candidate("a", 21 * DAY), candidate("b", 21 * DAY + 3_000.0)]


def test_no_candidates_means_nobody() -> None:
    ranking = rank(prior(), call(), [])
    assert (ranking.none, ranking.candidates, ranking.best) == (1.0, (), None)


def test_a_click_seconds_before_the_call_settles_it() -> None:
    crowd = [candidate("clicked", 6.0, page_open=True, tel_click_seconds=4.0), candidate("other", 2.0, page_open=True)]
    best = rank(prior(), call(), crowd).candidates[0]
    assert best.visitor == "clicked"
    assert best.likelihood > 0.95
    rows = {row.name: row for row in best.evidence}
    assert rows["tel_click"].value == "4 s before the call"
    assert rows["tel_click"].weight == pytest.approx(7.9, abs=1.0)
    assert rows["page_open"].value == "page open when the call came"


def test_evidence_is_in_plain_words() -> None:
    crowd = [candidate("v", 2_400.0, last_page_path="/contact", device="phone", page_views=4, visits=2, region="US-NY")]
    ranked = rank(prior(), call(caller_region="US-CA", region_share=0.1), crowd).candidates[0]
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
    ranking = rank(prior(), call(caller_region="US-CA", region_share=0.3), crowd)
    assert [ranked.visitor for ranked in ranking.candidates] == ["ca", "unknown", "ny"]


def test_a_redial_weeks_later_outranks_who_is_on_the_site_now() -> None:
    history = PhoneHistory(calls=(clear_first_call(LONG_AGO),))
    crowd = [*old_holders(), on_site_now()]
    assert rank(prior(), call(), crowd).candidates[0].visitor == "c"
    ranking = rank(prior(), call(), crowd, history)
    assert ranking.candidates[0].visitor == "a"
    assert ranking.candidates[0].likelihood > 0.9
    known = [row for row in ranking.candidates[0].evidence if row.name == "known_phone"]
    assert [row.value for row in known] == ["1 earlier call, last matched to this visitor"]


def test_after_an_override_the_redial_goes_to_whom_staff_chose() -> None:
    first = clear_first_call(LONG_AGO)
    decided = EarlierCall(at=first.at, races=first.races, decision=StaffDecision(visitor="b"))
    ranking = rank(prior(), call(), [*old_holders(), on_site_now()], PhoneHistory(calls=(decided,)))
    assert ranking.candidates[0].visitor == "b"
    assert ranking.candidates[0].likelihood > 0.9
    assert "credited by staff to this visitor" in str(ranking.candidates[0].evidence)


def test_staff_are_strong_but_not_infallible() -> None:
    first = clear_first_call(LONG_AGO)
    decided = EarlierCall(at=first.at, races=first.races, decision=StaffDecision(visitor=None))
    posterior = owners(PhoneHistory(calls=(decided,)), prior().phones)
    assert posterior[None] == pytest.approx(0.97)
    ranking = rank(prior(), call(), old_holders(), PhoneHistory(calls=(decided,)))
    assert ranking.best is None
    assert ranking.candidates[0].visitor == "a"
    assert ranking.candidates[0].likelihood > 0.01


def test_the_latest_decision_outranks_an_earlier_one() -> None:
    calls = tuple(
        EarlierCall(at=LONG_AGO + timedelta(days=day), races={"a": 5.0}, decision=StaffDecision(visitor=visitor))
        for day, visitor in enumerate(["a", "a", "b"])
    )
    assert owners(PhoneHistory(calls=calls), prior().phones)["b"] >= 0.97


def test_a_phone_left_in_a_form_is_nearly_decisive() -> None:
    history = PhoneHistory(forms=(FormPhone(at=AT - timedelta(days=9), visitor="a"),))
    crowd = [candidate("a", 9 * DAY), on_site_now()]
    ranking = rank(prior(), call(), crowd, history)
    assert ranking.candidates[0].visitor == "a"
    assert ranking.candidates[0].likelihood > 0.9
    assert "phone left in this visitor's form" in str(ranking.candidates[0].evidence)


def test_one_person_under_two_cookies_keeps_the_form_phone_for_both() -> None:
    forms = tuple(FormPhone(at=AT - timedelta(days=9), visitor=visitor) for visitor in ("a", "b"))
    crowd = [candidate("a", 9 * DAY), candidate("b", 30.0, page_open=True)]
    ranking = rank(prior(), call(), crowd, PhoneHistory(forms=forms))
    assert ranking.candidates[0].visitor == "b"
    assert ranking.candidates[0].likelihood > 0.9


def test_a_visitor_whose_own_phone_is_another_is_less_likely() -> None:
    crowd = [candidate("plain", 60.0), candidate("other", 60.0, other_phone=0.95)]
    ranking = rank(prior(), call(), crowd)
    assert [ranked.visitor for ranked in ranking.candidates] == ["plain", "other"]
    assert "other_phone" in {row.name for row in ranking.candidates[1].evidence}


def test_several_calls_by_one_person_are_one_piece_of_evidence() -> None:
    first = clear_first_call(LONG_AGO)
    again = EarlierCall(at=LONG_AGO + timedelta(minutes=3), races={})
    once = owners(PhoneHistory(calls=(first,)), prior().phones)
    assert owners(PhoneHistory(calls=(first, again)), prior().phones) == pytest.approx(once)
    # Ringing again long after everybody left says nothing new about who it is.
    later = rank(prior(), call(), old_holders(), PhoneHistory(calls=(first,)))
    twice = PhoneHistory(calls=(first, earlier(later, AT)))
    assert owners(twice, prior().phones)["a"] == pytest.approx(once["a"], abs=0.01)


def test_earlier_callers_who_are_no_candidates_now_belong_to_nobody() -> None:
    history = PhoneHistory(calls=(clear_first_call(LONG_AGO),))
    posterior = owners(history, prior().phones)
    assert posterior["a"] > 0.9
    ranking = rank(prior(), call(), [on_site_now()], history)
    assert ranking.none > 0.9
    assert ranking.best is None


def test_a_robocall_burst_is_nobody() -> None:
    crowd = [candidate("c", 60.0, page_open=True)]
    assert rank(prior(), call(), crowd).best is not None
    burst = rank(prior(), call(recent_calls_other_numbers=6), crowd)
    assert burst.none > 0.9
    assert "caller rang 6 other numbers within minutes" in str(burst.candidates[0].evidence)


def test_a_shared_phone_is_no_person() -> None:
    first = clear_first_call(LONG_AGO)
    crowd = [*old_holders(), on_site_now()]
    shared = rank(prior(), call(), crowd, PhoneHistory(calls=(first,), shared=True))
    assert shared.candidates[0].visitor == "c"
    assert likelihoods(shared) == pytest.approx(likelihoods(rank(prior(), call(), crowd)))


def test_a_crowd_of_long_gone_holders_counts_together_and_not_one_by_one() -> None:
    crowd = [candidate(f"v{number:03d}", (5.0 + number / 40.0) * DAY) for number in range(400)]
    ranking = rank(prior(), call(), crowd)
    assert ranking.candidates[0].likelihood < 0.05
    assert 1.0 - ranking.none > 0.2
    assert ranking.best is None


def test_a_number_that_rings_without_visits_is_dirty() -> None:
    crowd = [candidate("v", 1_200.0)]
    clean = rank(prior(), call(), crowd)
    dirty = rank(prior(), call(number_none_calls=300.0, number_seconds=30 * DAY), crowd)
    assert dirty.none > clean.none
    quiet = rank(prior(), call(number_none_calls=0.0, number_seconds=365 * DAY), crowd)
    assert quiet.none < clean.none
    assert "number_history" not in {row.name for row in clean.candidates[0].evidence}


def test_ties_go_to_the_last_seen_and_then_to_the_id() -> None:
    alike = [candidate(name, 60.0) for name in ("b", "a", "z")]
    later = replace(alike[2], last_seen_at=AT)
    ranking = rank(prior(), call(), [*alike[:2], later])
    assert [ranked.visitor for ranked in ranking.candidates] == ["z", "a", "b"]


def test_evidence_is_worded_only_for_whom_it_was_asked() -> None:
    crowd = [candidate(f"v{number:02d}", 60.0 * number) for number in range(30)]
    ranking = rank(prior(), call(), crowd, evidence_for=3, visitors=("v29",))
    assert [ranked.visitor for ranked in ranking.candidates if ranked.evidence] == ["v00", "v01", "v02", "v29"]
    chosen = explain(prior(), call(), crowd, "v20")
    assert chosen is not None
    assert chosen.rank == 21
    assert chosen.evidence[0].name == "base_rate"
    assert explain(prior(), call(), crowd, "stranger") is None


def test_a_visitor_cannot_be_a_candidate_twice() -> None:
    with pytest.raises(ValueError, match="only once"):
        rank(prior(), call(), [candidate("v", 1.0), candidate("v", 2.0)])
