"""Calls of a trace, and what staff said about them, kept as live ones are: matched, decided, answered again."""

import hashlib
from collections import Counter
from datetime import timedelta

from sqlalchemy import select

from app.telephony.record import line_of
from core.errors import InvalidInput
from core.ids import new_id
from core.phone import caller_of
from core.time import local_day
from matching.later import Reason, answer_again, other_calls_of_phone
from matching.match import match_call
from matching.models import model_at
from matching.override import override
from numberpool.rules.allocation import POLICIES
from reports.backtest import lines
from reports.backtest.site import Pools
from store.calls import Call, CallCandidate
from store.sessions import AccountSession
from store.sites import Site
from store.visits import Visit

PROVIDER = "import"
REASON = "imported"
COMPLETED = "completed"


def provider_call_id(site_id: str, call: str) -> str:
    """By which a call of a trace is known: the same call of the same site always has the same."""
    return f"import-{hashlib.sha256(f'{site_id} {call}'.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


class Calls:
    """The calls of one site's trace inside one transaction. `days`: how long ago a candidate may have been seen."""

    def __init__(
        self, session: AccountSession, site: Site, trace: lines.TraceSite, *, days: int, counts: Counter[str]
    ) -> None:
        self._session, self._site, self._days, self._counts = session, site, days, counts
        self._pools = Pools(trace, next(iter(POLICIES)))

    def rings(self, call: lines.Call, shown: str | None) -> str | None:
        """The number (E.164) that rings; `shown` is the one shown to the visitor who dials, None for the page's own."""
        dials = call.dials
        if dials.visitor is not None:
            return shown
        if dials.number is not None:
            return dials.number
        return self._pools.slot(dials.pool or "", call.id if dials.key is None else dials.key)

    def keep(self, line: lines.Call, number: str | None, order: int) -> None:
        """A call rang `number` and ended; it is matched as of its beginning. `order`: its place among the lines.

        A call that rang none of the site's numbers leaves no trace, for no provider would tell of it.
        """
        spot = line_of(self._session, number)
        if spot is None or spot.site_id != self._site.site_id:
            self._counts["calls_elsewhere"] += 1
            return
        if self._find(line.id) is not None:
            self._counts["calls_known"] += 1
            return
        call = Call(
            call_id=new_id(line.at, order),
            provider=PROVIDER,
            provider_call_id=provider_call_id(self._site.site_id, line.id),
            site_id=spot.site_id,
            source_id=spot.source_id,
            number=spot.number,
            destination=spot.destination,
            from_number=caller_of(line.caller),
            started_at=line.at,
            local_day=local_day(line.at, spot.time_zone),
            status=COMPLETED,
            duration_seconds=round(line.duration_s),
            updated_at=line.at + timedelta(seconds=line.duration_s),
        )
        self._session.add(call)
        self._session.flush()
        match_call(self._session, call, at=line.at, model=model_at(self._session, line.at), days=self._days)
        self._counts["calls"] += 1

    def decide(self, line: lines.Override, visitor_id: str | None) -> None:
        """Staff decided a call: for this visitor of ours, or (None) for nobody. Other calls of its phone may learn."""
        call = self._find(line.call)
        if call is None:
            self._counts["unknown_calls"] += 1
            return
        visit_id = None if visitor_id is None else self._visit(call, visitor_id)
        if visitor_id is not None and visit_id is None:
            self._counts["unknown_visitors"] += 1
            return
        try:
            override(self._session, call_id=call.call_id, visit_id=visit_id, user_id=None, reason=REASON, at=line.at)
        except InvalidInput:
            # Their first visit began with the call and rang another number: no candidate, and not before the call.
            self._counts["unknown_visitors"] += 1
            return
        self._counts["overrides"] += 1
        for other in other_calls_of_phone(self._session, call.call_id):
            self.answer_again(other, line, "override")

    def answer_again(self, call_id: str, learnt: lines.Line, reason: Reason) -> None:
        """A call is answered again with what is known at the moment of this line."""
        if answer_again(self._session, call_id, at=learnt.at, reason=reason, days=self._days) is not None:
            self._counts["later_answers"] += 1

    def _find(self, name: str) -> Call | None:
        return self._session.scalar(
            select(Call).where(Call.provider_call_id == provider_call_id(self._site.site_id, name))
        )

    def _visit(self, call: Call, visitor_id: str) -> str | None:
        """The visit that stands for this visitor: the candidate's, else the latest begun before the call."""
        candidate = self._session.scalar(
            select(CallCandidate.visit_id).where(
                CallCandidate.call_id == call.call_id, CallCandidate.visitor_id == visitor_id
            )
        )
        return candidate or self._session.scalar(
            select(Visit.visit_id)
            .where(Visit.visitor_id == visitor_id, Visit.started_at <= call.started_at)
            .order_by(Visit.started_at.desc())
            .limit(1)
        )
