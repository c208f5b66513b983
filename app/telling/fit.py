"""A message that fits: receivers of Standard Webhooks may refuse what is larger than 20 kB. Pure."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

MOST_BYTES = 20_000
"""Of a message, in UTF-8."""
CANDIDATES_LEFT = 5


def fitted(message: Mapping[str, Any], subject: str) -> str:
    """The message as JSON of at most `MOST_BYTES` bytes.

    What does not fit is left out piece by piece, the least telling first, and `left_out` names it: the evidence of
    candidates who were not matched, then of all, then older answers, history, notes, all but the likeliest candidates;
    at last everything but the `id` (`subject`), by which the REST API tells the whole.
    """
    text = _json(message)
    if _fits(text):
        return text
    data, left_out = dict(message["data"]), []
    for name, cut in _CUTS:
        if cut(data):
            left_out.append(name)
            text = _json({**message, "data": data, "left_out": left_out})
            if _fits(text):
                return text
    return _json({**message, "data": {"id": subject}, "left_out": ["data"]})


def _json(message: Mapping[str, Any]) -> str:
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))


def _fits(text: str) -> bool:
    return len(text.encode()) <= MOST_BYTES


def _drop(name: str) -> Callable[[dict[str, Any]], bool]:
    def drop(data: dict[str, Any]) -> bool:
        return bool(data.pop(name, None))

    return drop


def _evidence(*, keep_matched: bool) -> Callable[[dict[str, Any]], bool]:
    def drop(data: dict[str, Any]) -> bool:
        visitor = (data.get("match") or {}).get("visitor") if keep_matched else None
        candidates = list(_candidates(data))
        kept = [
            one if one.get("visitor") == visitor and visitor else {k: v for k, v in one.items() if k != "evidence"}
            for one in candidates
        ]
        if kept == candidates:
            return False
        data["candidates"] = kept
        return True

    return drop


def _all_but_the_likeliest(data: dict[str, Any]) -> bool:
    candidates = list(_candidates(data))
    data["candidates"] = candidates[:CANDIDATES_LEFT]
    return len(candidates) > CANDIDATES_LEFT


def _candidates(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    return iter(data.get("candidates") or ())


_CUTS: tuple[tuple[str, Callable[[dict[str, Any]], bool]], ...] = (
    ("candidates.evidence", _evidence(keep_matched=True)),
    ("match.evidence", _evidence(keep_matched=False)),
    ("answers", _drop("answers")),
    ("history", _drop("history")),
    ("notes", _drop("notes")),
    ("candidates", _all_but_the_likeliest),
)
