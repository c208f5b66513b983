"""A message is at most 20 kB, and says what was left out of it."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.telling.fit import CANDIDATES_LEFT, MOST_BYTES, fitted


def call(candidates: int, evidence: int, notes: int = 0) -> dict[str, Any]:
    return {
        "id": "c1",
        "match": {"visit": "v0", "visitor": "p0"},
        "candidates": [
            {
                "visitor": f"p{n}",
                "rank": n + 1,
                "evidence": [{"name": "tel_click", "value": "4 s before the call", "weight": 7.9}] * evidence,
            }
            for n in range(candidates)
        ],
        "history": [{"at": "2026-04-15T15:00:00.000Z", "by": "model"}],
        "notes": [{"text": "é" * 500} for _ in range(notes)],
        "answers": [{"candidates": [{"visitor": "p1", "evidence": [{"name": "x"}] * 40}]}],
    }


def message(data: dict[str, Any]) -> dict[str, Any]:
    return {"type": "call.matched", "timestamp": "2026-04-15T15:00:00.000Z", "sequence": 7, "data": data}


def test_what_fits_is_left_as_it_is() -> None:
    whole = message(call(5, 5))
    assert json.loads(fitted(whole, "c1")) == whole


def test_the_evidence_of_those_who_were_not_matched_goes_first() -> None:
    data = call(20, 20)
    told = json.loads(fitted(message(data), "c1"))
    assert told["left_out"] == ["candidates.evidence"]
    first, *others = told["data"]["candidates"]
    assert first == data["candidates"][0]
    assert [set(one) for one in others] == [{"visitor", "rank"}] * 19
    assert {name: told["data"][name] for name in ("history", "notes", "answers", "match")} == {
        name: data[name] for name in ("history", "notes", "answers", "match")
    }


def test_of_very_many_the_likeliest_stay() -> None:
    told = json.loads(fitted(message(call(1000, 1)), "c1"))
    assert told["left_out"] == ["candidates.evidence", "match.evidence", "answers", "history", "candidates"]
    assert [one["rank"] for one in told["data"]["candidates"]] == list(range(1, CANDIDATES_LEFT + 1))
    assert (told["type"], told["sequence"], told["data"]["id"]) == ("call.matched", 7, "c1")


def test_at_last_the_id_stays() -> None:
    told = json.loads(fitted(message({"id": "m1", "body": "😀" * 20_000}), "m1"))
    assert (told["data"], told["left_out"]) == ({"id": "m1"}, ["data"])


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=2000),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=10), inner, max_size=20),
    max_leaves=60,
)


@given(
    st.dictionaries(st.sampled_from(["body", "notes", "history", "answers", "x"]), _JSON),
    st.lists(st.fixed_dictionaries({"visitor": st.text(), "evidence": st.lists(_JSON, max_size=5)}), max_size=30),
)
def test_whatever_is_told_fits_and_keeps_its_head(data: dict[str, Any], candidates: list[Any]) -> None:
    text = fitted(message({**data, "candidates": candidates}), "s1")
    assert len(text.encode("utf-8", "surrogatepass")) <= MOST_BYTES
    told = json.loads(text)
    assert (told["type"], told["sequence"]) == ("call.matched", 7)
    # Whatever is not as it was is named.
    same = told["data"] == json.loads(json.dumps({**data, "candidates": candidates}))
    assert same == ("left_out" not in told)
