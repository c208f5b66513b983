"""`ringtrace train`: refits an account's likelihood model, keeps the version, and uses it where it is better."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from app.audit import note
from core.errors import NotFound
from matching.models import in_use, keep, use, version_name
from matching.rules.moves import Move, rate_moves, weight_moves
from store.sessions import Database
from store.sites import Account

TOO_LITTLE = "there is too little to learn from yet"
MOST_MOVES = 8
"""Weights, and rates, that are told of."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What a training came to. `version` and `model_id` are None where there was too little to learn from.

    `before` is the version it started from; `training` holds the model's own figures (period, counts, held out).
    """

    account_id: str
    before: str
    version: str | None = None
    model_id: str | None = None
    better: bool = False
    used: bool = False
    reason: str = TOO_LITTLE
    training: Mapping[str, Any]
    weights: tuple[Move, ...] = ()
    rates: tuple[Move, ...] = ()

    def said(self) -> str:
        """The outcome in a sentence."""
        if self.version is None:
            return f"{self.reason}; version {self.before} stays in use"
        state = "is in use now" if self.used else "is kept, not used"
        return f"version {self.version} {state}: {self.reason}"

    def told(self) -> dict[str, Any]:
        """As one JSON object."""
        return {
            "account_id": self.account_id,
            "before": self.before,
            "version": self.version,
            "model_id": self.model_id,
            "better": self.better,
            "used": self.used,
            "reason": self.reason,
            "said": self.said(),
            "training": dict(self.training),
            "weights": [_row(m) for m in self.weights],
            "rates": [_row(m) for m in self.rates],
        }

    def lines(self) -> list[str]:
        """For people."""
        said = self.said()
        lines = [f"{said[0].upper()}{said[1:]}."]
        if self.version is None:
            return lines
        lines += figures_in_words(self.training)
        if self.weights:
            lines.append("Weights that moved most (log2; +1 doubles a candidate's odds):")
            lines += [f"  {_named(m)}  {m.before:+.2f} -> {m.after:+.2f}" for m in self.weights[:MOST_MOVES]]
        if self.rates:
            lines.append("Rates that moved most:")
            lines += [f"  {_named(m)}  {m.before:.3g} -> {m.after:.3g}" for m in self.rates[:MOST_MOVES]]
        if not self.weights and not self.rates:
            lines.append("Hardly anything moved.")
        return lines


def figures_in_words(training: Mapping[str, Any]) -> list[str]:
    """What a version was learnt from, and how it did on calls that were held out; what is not known is left out."""
    said = []
    counted = [
        f"{training[name]:,} {name}" for name in ("calls", "overrides") if isinstance(training.get(name), int | float)
    ]
    if counted:
        period = ""
        if training.get("from") and training.get("to"):
            period = f" from {str(training['from'])[:10]} to {str(training['to'])[:10]}"
        said.append(f"Learnt from {' and '.join(counted)}{period}.")
    held = held_out(training)
    if held is not None:
        calls, before, after = held
        said.append(f"Log-loss on {calls:,} held-out calls: {before:.3f} before, {after:.3f} after (less is better).")
    return said


def held_out(training: Mapping[str, Any]) -> tuple[int, float, float] | None:
    """(calls held out, log-loss before, log-loss after) in nats per call, or None where that is not known."""
    held = training.get("held_out")
    if not isinstance(held, Mapping):
        return None
    values = held.get("calls"), held.get("before"), held.get("after")
    if not all(isinstance(v, int | float) for v in values):
        return None
    return int(values[0] or 0), float(values[1] or 0), float(values[2] or 0)


def train(
    database: Database,
    account_id: str,
    *,
    at: datetime,
    days: int,
    by: Literal["nightly", "command"],
    progress: Callable[[float], None] | None = None,
) -> Trained:
    """Learns from the account's history as of `at` (aware UTC) and takes a better model into use.

    `days`: how far back candidates are looked for. `progress` hears the share done (0 to 1). Learning reads only;
    what came of it is written in one short transaction. Raises NotFound where there is no such account.
    """
    with database.read() as work:
        session = work.account(account_id)
        if session.get(Account, account_id) is None:
            raise NotFound(f"there is no account {account_id}")
        from matching.learn import refit  # the learning library takes a second to load

        current, name = in_use(session), version_name(session, at)
        fitted = refit(session, current=current.model, at=at, version=name, days=days, progress=progress)
    if fitted is None:
        return Trained(account_id=account_id, before=current.model.version, training={})
    with database.write() as work:
        session = work.account(account_id)
        row = keep(session, fitted, at=at, by=by)
        same = in_use(session).model_id == current.model_id
        if fitted.better and same:
            use(session, row.model_id, at=at, user_id=None, reason=fitted.reason)
            note(
                session,
                "model.use",
                row.version,
                by="system",
                user_id=None,
                at=at,
                details={"before": current.model.version},
            )
        version, model_id = row.version, row.model_id
    reason = fitted.reason if same else f"{fitted.reason}; but another version was put to use meanwhile"
    return Trained(
        account_id=account_id,
        before=current.model.version,
        version=version,
        model_id=model_id,
        better=fitted.better,
        used=fitted.better and same,
        reason=reason,
        training=dict(fitted.model.training),
        weights=weight_moves(current.model, fitted.model),
        rates=rate_moves(current.model, fitted.model),
    )


def _named(move: Move) -> str:
    return move.name.replace("_", " ").ljust(24)


def _row(move: Move) -> dict[str, Any]:
    return {"name": move.name, "before": move.before, "after": move.after, "by_log2": move.by}
