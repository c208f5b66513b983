"""The policy of an account: days that visits, calls, texts, recordings, raw events and the audit log are kept."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta

from app.audit import By, note
from core.errors import InvalidInput, shown
from store.keeping import RetentionPolicy
from store.sessions import AccountSession

MOST_DAYS = 3650
TOLD_AGAIN_DAYS = 30
"""For so long a provider may tell of a call or text again: its list is looked at, a webhook is repeated."""
_LEAST = {"calls_days": TOLD_AGAIN_DAYS, "messages_days": TOLD_AGAIN_DAYS, "events_days": TOLD_AGAIN_DAYS}
RUNS_DAYS = 90
"""Records of what jobs did are kept so long; they hold nobody's data."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Days that each is kept, None for ever."""

    visits_days: int | None = 760
    calls_days: int | None = None
    messages_days: int | None = None
    recordings_days: int | None = 90
    events_days: int | None = 90
    audit_days: int | None = 760

    def before(self, name: str, at: datetime) -> datetime | None:
        """What is older than this is to go (`name` is a field of this class); None: nothing is."""
        days: int | None = getattr(self, name)
        return None if days is None else at - timedelta(days=days)


NAMES = tuple(field.name for field in fields(Policy))


def policy_of(session: AccountSession) -> Policy:
    """What holds for this account."""
    row = session.get(RetentionPolicy, session.account_id)
    return Policy(**{name: getattr(row, name) for name in NAMES}) if row else Policy()


def policy_with(session: AccountSession, wanted: Mapping[str, int | None], candidate_days: int) -> Policy:
    """The account's policy with the days that are named; the others as they are. Keeps nothing.

    Raises InvalidInput for days that are not allowed: 1 to MOST_DAYS; for visits at least `candidate_days`, for as long
    as a visit may still become the caller of a new call; for calls, texts and events at least TOLD_AGAIN_DAYS.
    """
    at_least = {**_LEAST, "visits_days": candidate_days}
    problems = {
        name: f"{shown(days)} is not allowed; allowed is none, or from {least} to {MOST_DAYS} days"
        for name, days in wanted.items()
        for least in [at_least.get(name, 1)]
        if days is not None and not least <= days <= MOST_DAYS
    }
    if problems:
        raise InvalidInput(problems)
    return Policy(**{**asdict(policy_of(session)), **wanted})


def set_policy(
    session: AccountSession,
    wanted: Mapping[str, int | None],
    *,
    candidate_days: int,
    by: By,
    user_id: str | None,
    at: datetime,
) -> Policy:
    """Sets the days that are named; the others stay. Flushes. Raises InvalidInput as `policy_with` does."""
    before, policy = policy_of(session), policy_with(session, wanted, candidate_days)
    row = session.get(RetentionPolicy, session.account_id) or RetentionPolicy()
    for name in NAMES:
        setattr(row, name, getattr(policy, name))
    row.updated_at = at
    session.add(row)
    if policy != before:
        changed = {name: getattr(policy, name) for name in NAMES if getattr(policy, name) != getattr(before, name)}
        note(session, "retention.change", None, by=by, user_id=user_id, at=at, details=changed)
    session.flush()
    return policy
