"""What is known when a call comes in: plain frozen values, gathered by the use cases, read by the rules.

Everything here must have been known strictly before the call. Durations are seconds, phone numbers E.164,
regions ISO 3166-2 (``US-NY``), times aware UTC datetimes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Device = Literal["phone", "tablet", "desktop", "other"]
NumberKind = Literal["pool", "offline", "other"]


@dataclass(frozen=True, kw_only=True, slots=True)
class CandidateFacts:
    """A visitor who may have made the call, because the dialled number was shown to them.

    ``visit`` is their latest visit begun before the call. ``seconds_since_seen`` runs from the last life sign
    (page view, heartbeat, click), ``seconds_since_view`` from the last page view (None: unknown). ``page_open``
    means no leave event and a recent life sign, ``left`` that a leave event was the last that was heard; ``shown``
    is False where the visitor has since been shown another source's number; ``page_views`` (of the latest visit)
    and ``visits`` count everything up to the call. ``tel_click_seconds`` and ``form_seconds`` run from the last
    click on this number and the last form. ``other_phone`` is the probability that this visitor's own phone is
    known and is not the one calling. ``machine``: log2 of the probability that they are a person and
    no machine's making (``core.crowds``); 0 where nothing speaks for a machine.
    """

    visitor: str
    visit: str
    source: str | None
    last_seen_at: datetime
    seconds_since_seen: float
    seconds_since_view: float | None = None
    page_open: bool = False
    left: bool = False
    shown: bool = True
    last_page_path: str | None = None
    page_views: int = 1
    visits: int = 1
    tel_click_seconds: float | None = None
    form_seconds: float | None = None
    device: Device | None = None
    region: str | None = None
    other_phone: float = 0.0
    machine: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class CallFacts:
    """The call itself (or the text: `what`), and what is known of the number it rang.

    ``caller`` is None for withheld callers. ``number`` and ``source`` are the keys by which a model may have
    learnt this number and its source. ``local_hour_of_week`` counts from Monday 00:00 in the site's time zone
    (0 to 167). ``caller_region`` is the region of the caller's area code; ``region_share`` the share of the
    number's holders who are in that region (None: unknown). ``recent_nobody``: calls on the site's other
    numbers within the last minutes, each counted with its probability of being nobody's and fading
    (``background.recent``). ``recent_calls_other_numbers`` counts the other numbers of the site that the same
    caller rang within those minutes.
    """

    at: datetime
    caller: str | None
    local_hour_of_week: int
    number: str = ""
    source: str = ""
    number_kind: NumberKind = "pool"
    caller_region: str | None = None
    region_share: float | None = None
    recent_nobody: float = 0.0
    recent_calls_other_numbers: int = 0
    what: Literal["call", "text"] = "call"


@dataclass(frozen=True, kw_only=True, slots=True)
class StaffDecision:
    """Staff credited a call to ``visitor``; None means to nobody from the site."""

    visitor: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class EarlierCall:
    """An earlier call by the same phone, on ``number`` ("" where that is not known).

    ``races`` holds each candidate's ``Ranked.race`` as it was given for that call (log2 against nobody, the
    owner posterior left out). Candidates far below all others may be left out. ``decision`` is what staff
    said about it by now.
    """

    at: datetime
    races: Mapping[str, float]
    number: str = ""
    decision: StaffDecision | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FormPhone:
    """A visitor left this phone number in a form."""

    at: datetime
    visitor: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PhoneHistory:
    """What is known of the calling phone before this call.

    ``shared`` marks a phone of many people (a switchboard, a dialler) and ``withheld`` a class of callers:
    neither says anything about one person, so their calls and forms are never used.
    """

    calls: tuple[EarlierCall, ...] = ()
    forms: tuple[FormPhone, ...] = ()
    shared: bool = False
    withheld: bool = False

    @property
    def known(self) -> bool:
        """Whether this phone is one person's and was met before."""
        return not self.shared and not self.withheld and bool(self.calls or self.forms)


NEW_PHONE = PhoneHistory()
