"""The model file: readable, versioned, refused with a reason where it does not fit."""

import copy
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from matching.rules.curves import HOURS
from matching.rules.exposed import WEEK
from matching.rules.features import CONTACT, DELAY, FEATURES, HOME, OTHER_PAGE, PRICING
from matching.rules.model import FORMAT, INTENSITY_ROWS, LIMIT, LikelihoodModel, ModelFileError, prior
from tests.matching.rules.scenes import call, candidate, textbook


def shipped() -> dict[str, Any]:
    return json.loads(prior().dumps())  # type: ignore[no-any-return]


def test_a_round_trip_through_a_file_gives_the_same_model(tmp_path: Path) -> None:
    prior().save(tmp_path / "model.json")
    again = LikelihoodModel.load(tmp_path / "model.json")
    assert again == prior()
    assert again.dumps() == prior().dumps()


def test_the_file_names_format_version_features_and_weights() -> None:
    data = shipped()
    assert data["format"] == FORMAT
    assert data["version"] == prior().version
    assert data["features"] == list(data["weights"]) == list(FEATURES)


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        (["format"], FORMAT + 1, f"format {FORMAT + 1} is not {FORMAT}"),
        (["format"], None, "format None"),
        (["features"], ["base_rate", "moon_phase"], "moon_phase"),
        (["features"], None, "list of features"),
        (["features"], [*FEATURES[1:], FEATURES[0]], "another order"),
        (["weights", "visits"], "much", "cannot be used"),
        (["weights", "visits"], float("nan"), "finite"),
        (["weights", "moon"], 1.0, "exactly the features"),
        (["phones", "rho"], 1.0, "rho"),
        (["phones", "regions", "US-NY"], 0.0, "regions.US-NY"),
        (["phones", "redial_visitor", "floor"], 0.0, "floor"),
        (["phones", "redial_visitor", "heights"], [1.0], "as many heights"),
        (["phones", "redial_nobody", "scale_seconds", 0], 0.0, "positive scales"),
        (["hours"], [1.0], f"{HOURS} finite values"),
        (["hours", 3], float("inf"), f"{HOURS} finite values"),
        (["sources"], {"ads": float("nan")}, "finite"),
        (["pages"], {"contact": []}, "pricing"),
        (["background", "hours"], [0.0] * 24, f"{HOURS} finite values"),
        (["background", "burst"], -1.0, "burst"),
        (["background", "burst"], float("inf"), "burst"),
        (["background", "numbers"], {"n": float("nan")}, "finite"),
        (["background", "sources"], {"ads": float("inf")}, "finite"),
        (["background", "calls_per_day", "pool"], float("inf"), "calls_per_day"),
        (["background", "calls_per_day", "pool"], 0.0, "calls_per_day"),
        (["background", "calls_per_day"], {"pool": 1.0}, "other"),
        (["background"], 3, "cannot be used"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_with_the_reason(path: list[Any], value: Any, complaint: str) -> None:
    data = copy.deepcopy(shipped())
    place = data
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(ModelFileError, match=complaint):
        LikelihoodModel.from_json(data)


@pytest.mark.parametrize("missing", ["version", "weights", "hours", "sources", "pages", "background", "phones"])
def test_a_missing_part_is_named(missing: str) -> None:
    data = shipped()
    del data[missing]
    with pytest.raises(ModelFileError, match=missing):
        LikelihoodModel.from_json(data)


@pytest.mark.parametrize("text", ["", "[1]", "{]", "3"])
def test_what_is_no_model_at_all_is_refused(text: str) -> None:
    with pytest.raises(ModelFileError):
        LikelihoodModel.loads(text)


def test_the_contributions_are_the_weights_of_the_columns_hour_and_source() -> None:
    model = replace(textbook(), sources={"ads": 0.7})
    crowd = [candidate("a", 10.0, page_open=True), candidate("b", 4_000.0, visits=3, tel_click_seconds=90.0)]
    features = model.featurize(crowd)
    assert features.shape == (2, len(FEATURES))
    parts = model.contributions(features, call(source="ads", local_hour_of_week=5 * 24 + 9))
    assert parts.shape == (2, len(INTENSITY_ROWS))
    expected = features @ np.asarray(model.weights) + 0.5 + 0.7
    assert parts.sum(axis=1).tolist() == pytest.approx(expected.tolist(), abs=1e-9)
    assert set(parts[:, INTENSITY_ROWS.index("hour_of_week")]) == {0.5}
    assert set(parts[:, INTENSITY_ROWS.index("source")]) == {0.7}


@pytest.mark.parametrize("seconds", [0.0, 7.0, 90.0, 5_000.0, 20 * 86_400.0, 1e9])
def test_base_rate_and_last_seen_together_are_the_delay_curve(seconds: float) -> None:
    model = textbook()
    parts = model.contributions(model.featurize([candidate("a", seconds)]), call())[0]
    at = np.log2(np.asarray(DELAY.seconds) + DELAY.offset)
    curve = np.interp(np.log2(seconds + DELAY.offset), at, np.asarray(model.weights[: len(at)]))
    assert parts[0] == model.weights[0]
    assert parts[0] + parts[1] == pytest.approx(float(curve), abs=1e-9)


def test_no_single_piece_of_evidence_outweighs_the_limit() -> None:
    model = replace(textbook(), weights=(1e9,) * len(FEATURES), sources={"ads": -1e9}, hours=(1e9,) * HOURS)
    parts = model.contributions(model.featurize([candidate("a", 5.0, tel_click_seconds=1.0)]), call(source="ads"))
    assert np.abs(parts[:, 1:]).max() == LIMIT
    assert np.isfinite(parts).all()


def test_pages_are_told_by_the_words_in_their_path() -> None:
    pages = textbook().pages
    kinds = {path: pages.kind(path) for path in ("/contact-us", "/en/Kontakt", "/pricing", "/recall", "/", "", None)}
    assert list(kinds.values()) == [CONTACT, CONTACT, PRICING, OTHER_PAGE, HOME, OTHER_PAGE, OTHER_PAGE]
    assert pages.kind("/contact/pricing") == CONTACT
    features = textbook().featurize([candidate("a", 9.0, last_page_path="/contact/pricing")])
    assert features[0, FEATURES.index("contact_page")] == 1.0
    assert features[0, FEATURES.index("pricing_page")] == 0.0


def test_the_shipped_model_is_sensible() -> None:
    """What any prior must say, whatever business it was learnt from."""
    model, names = prior(), dict(zip(FEATURES, prior().weights, strict=True))
    assert model.weights[0] > names["delay_3600"] > names["delay_691200"]
    assert names["click_2"] > names["click_240"]
    assert names["click_2"] > 3.0
    assert names["left_page"] < 0.0
    assert names["superseded"] < 0.0
    assert 0.9 < sum(WEEK * np.exp2(np.asarray(model.hours))) < 1.1
    assert model.sources == model.background.sources == model.background.numbers == {}
    assert model.phones.decision >= 0.9
    assert model.phones.rho > 0.8
    assert model.phones.same_region > model.phones.other_region


def test_scoring_imports_numpy_and_no_training_library() -> None:
    script = "import sys, matching.rules.rank, matching.rules.model as m; m.prior(); print('sklearn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
