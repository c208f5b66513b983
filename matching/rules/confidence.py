"""One word for a likelihood, for people in a hurry. The numbers stay beside it."""

from enum import StrEnum


class Confidence(StrEnum):
    """How sure the best answer is, in a word."""

    SURE = "sure"
    LIKELY = "likely"
    UNSURE = "unsure"
    NOBODY = "nobody"


def confidence(best: float, none: float, *, sure: float = 0.9, likely: float = 0.6) -> Confidence:
    """Return the word for a call whose best candidate has likelihood ``best`` and nobody has ``none``.

    ``best`` is 0 where there is no candidate. NOBODY where ``none`` is likelier than the best candidate, the
    same rule by which a match is null. Raises ValueError where the thresholds are not 0 <= likely <= sure <=
    1.
    """
    if not 0.0 <= likely <= sure <= 1.0:
        raise ValueError(f"thresholds must satisfy 0 <= likely <= sure <= 1, got likely={likely}, sure={sure}")
    if none > best:
        return Confidence.NOBODY
    if best >= sure:
        return Confidence.SURE
    return Confidence.LIKELY if best >= likely else Confidence.UNSURE
