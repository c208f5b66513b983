"""Words for likelihoods."""

import pytest

from matching.rules.confidence import Confidence, confidence


@pytest.mark.parametrize(
    ("best", "none", "word"),
    [
        (0.9, 0.05, Confidence.SURE),
        (0.8999, 0.05, Confidence.LIKELY),
        (0.6, 0.4, Confidence.LIKELY),
        (0.5999, 0.4, Confidence.UNSURE),
        (0.3, 0.3, Confidence.UNSURE),
        (0.3, 0.31, Confidence.NOBODY),
        (0.0, 1.0, Confidence.NOBODY),
    ],
)
def test_each_word_has_its_range(best: float, none: float, word: Confidence) -> None:
    assert confidence(best, none) is word


def test_thresholds_can_be_moved() -> None:
    assert confidence(0.7, 0.1, sure=0.7) is Confidence.SURE
    assert confidence(0.3, 0.1, likely=0.2) is Confidence.LIKELY


@pytest.mark.parametrize(("sure", "likely"), [(0.5, 0.6), (1.1, 0.6), (0.9, -0.1)])
def test_thresholds_out_of_order_are_refused(sure: float, likely: float) -> None:
    with pytest.raises(ValueError, match="thresholds"):
        confidence(0.5, 0.1, sure=sure, likely=likely)
