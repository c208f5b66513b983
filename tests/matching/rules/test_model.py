"""The model file: readable, versioned, refused with a reason where it does not fit."""

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from matching.rules.features import FEATURES
from matching.rules.model import LikelihoodModel, ModelFileError, prior
from tests.matching.rules.scenes import call, candidate


def shipped() -> dict[str, Any]:
    return json.loads(prior().dumps())  # type: ignore[no-any-return]


def test_a_round_trip_through_a_file_gives_the_same_model(tmp_path: Path) -> None:
    prior().save(tmp_path / "model.json")
    again = LikelihoodModel.load(tmp_path / "model.json")
    assert again == prior()
    assert again.dumps() == prior().dumps()


def test_the_file_names_format_version_features_and_weights() -> None:
    data = shipped()
    assert data["format"] == 1
    assert data["version"] == prior().version
    assert data["features"] == list(data["weights"]) == list(FEATURES)


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        (["format"], 2, "format 2 is not 1"),
        (["features"], ["base_rate", "moon_phase"], "moon_phase"),
        (["features"], None, "list of features"),
        (["features"], [*FEATURES[1:], FEATURES[0]], "another order"),
        (["weights", "visits"], "much", "cannot be used"),
        (["weights", "visits"], float("nan"), "finite"),
        (["weights", "moon"], 1.0, "exactly the features"),
        (["phones", "rho"], 1.0, "rho"),
        (["phones", "regions", "US-NY"], 0.0, "regions.US-NY"),
        (["basis", "delay", "floor"], 0.0, "floor"),
        (["basis", "delay", "heights"], [1.0], "as many heights"),
        (["basis", "hours", "sunday"], [1.0], "24 values"),
        (["background", "calls_per_day"], {"pool": 1.0}, "other"),
        (["background"], 3, "cannot be used"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_with_the_reason(path: list[str], value: Any, complaint: str) -> None:
    data = copy.deepcopy(shipped())
    place = data
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(ModelFileError, match=complaint):
        LikelihoodModel.from_json(data)


@pytest.mark.parametrize("missing", ["version", "weights", "basis", "background", "phones"])
def test_a_missing_part_is_named(missing: str) -> None:
    data = shipped()
    del data[missing]
    with pytest.raises(ModelFileError, match=missing):
        LikelihoodModel.from_json(data)


@pytest.mark.parametrize("text", ["", "[1]", "{]", "3"])
def test_what_is_no_model_at_all_is_refused(text: str) -> None:
    with pytest.raises(ModelFileError):
        LikelihoodModel.loads(text)


def test_intensity_is_the_sum_of_contributions() -> None:
    model = prior()
    features = model.featurize(call(), [candidate("a", 10.0, page_open=True), candidate("b", 4_000.0, visits=3)])
    assert features.shape == (2, len(FEATURES))
    assert model.contributions(features).shape == features.shape
    assert model.log2_intensity(features).tolist() == pytest.approx(model.contributions(features).sum(axis=1).tolist())


def test_the_intensity_of_a_visitor_is_that_of_the_delay_curve() -> None:
    model = prior()
    features = model.featurize(call(local_hour_of_week=34), [candidate("a", 0.0)])
    fast, *slow = model.basis.delay.heights
    at_ten = fast + (sum(slow) + model.basis.delay.floor) * 2.0 ** model.basis.hours[34]
    assert 2.0 ** model.log2_intensity(features)[0] == pytest.approx(at_ten)


def test_pages_are_told_by_the_words_in_their_path() -> None:
    crowd = [
        candidate(path, 9.0, last_page_path=path)
        for path in ("/contact-us", "/en/Kontakt", "/pricing", "/recall", "/", "/contact/pricing")
    ]
    features = prior().featurize(call(), crowd)
    contact, pricing = FEATURES.index("contact_page"), FEATURES.index("pricing_page")
    assert features[:, contact].tolist() == [1.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    assert features[:, pricing].tolist() == [0.0, 0.0, 1.0, 0.0, 0.0, 0.0]


def test_scoring_imports_numpy_and_no_training_library() -> None:
    script = "import sys, matching.rules.rank, matching.rules.model as m; m.prior(); print('sklearn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
