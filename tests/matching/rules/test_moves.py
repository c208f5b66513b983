"""What is said to have changed between two models."""

from dataclasses import replace

import pytest

from matching.rules.model import LikelihoodModel, prior
from matching.rules.moves import rate_moves, weight_moves

NAMES = list(prior().as_json()["weights"])


def changed(**by: float) -> LikelihoodModel:
    weights = tuple(w + by.get(name, 0.0) for name, w in zip(NAMES, prior().weights, strict=True))
    return replace(prior(), weights=weights)


def test_nothing_moved_between_a_model_and_itself() -> None:
    assert weight_moves(prior(), prior()) == rate_moves(prior(), prior()) == ()


def test_the_largest_move_comes_first_whatever_its_sign_and_rounding_is_none() -> None:
    first, second, third = NAMES[0], NAMES[3], NAMES[5]
    moves = weight_moves(prior(), changed(**{first: 0.4, second: -1.5, third: 0.001}))
    assert [(m.name, round(m.by, 6)) for m in moves] == [(second, -1.5), (first, 0.4)]
    before = prior().weights[3]
    assert (moves[0].before, moves[0].after) == (before, before - 1.5)


def test_rates_move_by_their_ratio() -> None:
    data = prior().as_json()
    name = next(k for k, v in data["background"].items() if isinstance(v, float) and v > 0)
    data["background"][name] *= 4
    after = LikelihoodModel.from_json(data)
    [move] = rate_moves(prior(), after)
    assert move.name == f"background {name.replace('_', ' ')}"
    assert move.by == pytest.approx(2)
    [back] = rate_moves(after, prior())
    assert back.by == pytest.approx(-2)
