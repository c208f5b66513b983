"""The night's work beside the training: pool sizes tried out, both sides' numbers held together, old rows removed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from app.alarms import note
from app.provisioning.nightly import reconcile_all
from app.retention.nightly import Retention
from app.settings import Settings
from app.telling.keep import forget_deliveries
from app.training_process import Outcome, run_in_process
from reports.alarms import Changes, clear_alarm, open_alarms, raise_alarm
from store.alarms import Alarm
from store.sessions import Database

CURVES, RECONCILE, WEBHOOKS, RETENTION = "curves", "reconcile", "webhooks", "retention"
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


def webhooks(night: Night) -> Outcome:
    """Removes messages of webhooks that were delivered, or given up, long ago."""
    removed = forget_deliveries(night.database, night.account_id, at=night.at, should_stop=night.stopping)
    return Outcome(said=f"{removed} old {'message' if removed == 1 else 'messages'} removed", failed=False)


def retention(night: Night) -> Outcome:
    """Removes what the account does not keep any longer."""
    done = Retention(night.database, night.settings, night.account_id, night.at, night.stopping).run()
    return Outcome(said=done.sentence(), stopped=done.stopped)


NIGHTLY: dict[str, Callable[[Night], Outcome]] = {
    CURVES: curves,
    RECONCILE: reconcile,
    WEBHOOKS: webhooks,
    RETENTION: retention,
}
