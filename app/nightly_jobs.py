"""The night's work beside the training: what other pool sizes would mean, and both sides' numbers held together."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from app.alarms import note
from app.provisioning.nightly import reconcile_all
from app.settings import Settings
from app.training_process import Outcome, run_in_process
from reports.alarms import Changes, clear_alarm, open_alarms, raise_alarm
from store.alarms import Alarm
from store.sessions import Database

CURVES, RECONCILE = "curves", "reconcile"
MISSING = "number_missing_at_provider"
"""The kind of the alarm about a number of ours that its provider does not have any more."""


@dataclass(frozen=True, kw_only=True)
class Night:
    """Whose night it is, and what its work needs."""

    database: Database
    settings: Settings
    account_id: str
    at: datetime
    stopping: Callable[[], bool]


def curves(night: Night) -> Outcome:
    """Plays past weeks with other pool sizes, in a process of its own."""
    words = ("app.pool_curves", "make", "--account", night.account_id, "--json", "--nightly")
    return run_in_process(night.settings, words, night.stopping)


def reconcile(night: Night) -> Outcome:
    """Holds our numbers against the provider's; one that is gone there is an alarm."""
    done = reconcile_all(night.database, night.settings, night.account_id, night.at)
    if done.problem is None:
        with night.database.write() as work:
            session = work.account(night.account_id)
            opened: list[Alarm] = []
            for number in done.missing:
                text = f"{number} is a tracking number here, but its provider does not have it any more."
                row = raise_alarm(session, MISSING, number, site_id=None, facts={"text": text}, at=night.at)
                opened += [row] if row else []
            over = [a for a in open_alarms(session) if a.kind == MISSING and a.subject not in done.missing]
            closed = [row for a in over if (row := clear_alarm(session, MISSING, a.subject, at=night.at))]
            note(session, Changes(opened=tuple(opened), closed=tuple(closed)), night.at)
    return Outcome(said=done.sentence(), failed=done.problem is not None)


NIGHTLY: dict[str, Callable[[Night], Outcome]] = {CURVES: curves, RECONCILE: reconcile}
