"""A business as plain facts: everything that decides who visits, who calls, when, and from which telephone.

Times are seconds unless a name says otherwise, rates are per day, chances 0 to 1. Hour-of-week profiles have 168
factors, Monday 0 o'clock local time first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.demo.simulator.delays import Delays

Profile = tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Source:
    """One way to the site. ``preset``: the tracking source's preset; ``numbers``: its pool, 0 for a source without.

    ``daily``: new visitors on an average day. ``calling``: factor on how much its visitors call. ``mobile``: share
    that comes with a phone. ``saved``: calls a day to its numbers by people who have the number from elsewhere.
    """

    preset: str
    numbers: int
    daily: float
    calling: float
    mobile: float
    saved: float


@dataclass(frozen=True, kw_only=True)
class Rush:
    """Many new visitors at once: a spot on television, a mailing. ``source``: place in the business's sources.

    ``weekly``: times a week; ``hours``: local hours of the week it may begin in; ``visitors``: on average, varying by
    the log-normal ``spread``; each arrives after ``arrive`` (mixture).
    """

    source: int
    weekly: float
    hours: tuple[int, ...]
    visitors: float
    spread: float
    arrive: Delays


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """When: IANA ``time_zone``, first local day ``start`` (ISO), ``days``; hour-of-week profiles.

    ``arrivals`` of visitors, ``saved`` calls by others and ``spam`` calls have mean 1; ``calls`` by visitors has mean 1
    over the hours of their arrival.
    """

    time_zone: str
    start: str
    days: int
    arrivals: Profile
    calls: Profile
    saved: Profile
    spam: Profile


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page: its path, how often it is opened, and factors on calling, on `tel:` clicks and on forms."""

    path: str
    weight: float
    calling: float
    clicking: float
    forms: float


@dataclass(frozen=True, kw_only=True)
class Browsing:
    """How visitors move. ``pages``: mean per visit; ``dwell``: on a page; ``returns``: mean further visits.

    ``return_gap``: between visits; ``return_direct``: share of returns without a source of their own (the others come
    through another pool). ``heartbeat_s``: interval, 0 for none; ``idle_beats``: beats go on while the page is left
    open (for about ``left_open_s``, by a share ``leaving_open`` of the visits), else they end a minute after the last
    activity. ``bots``: share of visitors that are robots (they open one page, and never call).
    """

    pages: float
    dwell: Delays
    returns: float
    return_gap: Delays
    return_direct: float
    heartbeat_s: float
    idle_beats: bool
    leaving_open: float
    left_open_s: float
    bots: float


@dataclass(frozen=True, kw_only=True)
class Calling:
    """How visitors come to call. At ``x`` seconds after its clock began the intensity is ``share`` × factors × delay.

    ``clock``: begun anew by every page view, or (``seen``) by every page view and heartbeat. ``per_page`` and
    ``per_visit``: factor for each further page of the visit and each further visit; ``mobile``, ``home`` (visitor of
    the home state), ``after_form``, ``after_call`` (the visitor's own earlier call): factors. ``click_mobile``,
    ``click_desktop``: chance of a `tel:` click per page; ``click_calls``: chance that a call follows a click, after
    ``click_delay``.
    """

    share: float
    clock: Literal["page", "seen"]
    delays: Delays
    per_page: float
    per_visit: float
    mobile: float
    home: float
    after_form: float
    after_call: float
    click_mobile: float
    click_desktop: float
    click_calls: float
    click_delay: Delays


@dataclass(frozen=True, kw_only=True)
class Forms:
    """Forms: chance per page view; a person leaves their ``own`` phone, ``another`` one or none; ``email`` share."""

    rate: float
    own: float
    another: float
    email: float


@dataclass(frozen=True, kw_only=True)
class Regions:
    """Where people are. ``visitors``: share by state of what an address tells; ``elsewhere``: of phones from anywhere.

    ``home``: index of the business's state. ``local_mobile``, ``local_desktop``: chance that the phone of a visitor
    is of the state the address tells. ``unknown``: share of visitors whose address tells nothing. ``saved_home``:
    chance that the phone of somebody who is no visitor is of the home state; ``spam_home``: the same for spam.
    """

    home: int
    visitors: tuple[float, ...]
    elsewhere: tuple[float, ...]
    local_mobile: float
    local_desktop: float
    unknown: float
    saved_home: float
    spam_home: float


@dataclass(frozen=True, kw_only=True)
class Phones:
    """Whose caller id tells little. ``withheld`` …: share of visitors, others and spam that never show theirs.

    ``switchboards``: how many shared lines there are; ``behind``: share of visitors who call from one of them;
    ``switchboard_saved``: calls a day from shared lines by people who are no visitors, all lines together.
    """

    withheld: float
    withheld_saved: float
    withheld_spam: float
    switchboards: int
    behind: float
    switchboard_saved: float


@dataclass(frozen=True, kw_only=True)
class Repeats:
    """Who calls again: mean further calls each call brings, and after how long; visitors and others."""

    visitors: float
    visitor_delays: Delays
    saved: float
    saved_delays: Delays


@dataclass(frozen=True, kw_only=True)
class Spam:
    """Calls nobody wants. ``daily``: from ids used once, over the numbers by ``dirt`` (share per number).

    ``dialers``: how many ids call again and again, each ``dialer_daily`` times, any number. ``bursts``: robocalls a
    week that begin one; after its first call every number gets ``burst_reach`` more on average within about
    ``burst_spread_s``, under the same id or (``rotating`` share of bursts) a new one each time.
    """

    daily: float
    dirt: tuple[float, ...]
    dialers: int
    dialer_daily: float
    bursts: float
    burst_reach: float
    burst_spread_s: float
    rotating: float


@dataclass(frozen=True, kw_only=True)
class Staff:
    """Who corrects: ``share`` of calls, after about ``delay_h`` hours, ``mistakes`` among them.

    ``doubtful``: they prefer calls without an obvious caller, else they pick at random.
    """

    share: float
    delay_h: float
    mistakes: float
    doubtful: bool


@dataclass(frozen=True, kw_only=True)
class Drift:
    """A change half-way. ``day`` it happens (from the start); factors from then on, and the new calling delays."""

    day: float
    arrivals: float
    share: float
    saved: float
    spam: float
    delays: Delays


@dataclass(frozen=True, kw_only=True)
class Business:
    """All facts of one business. ``kind``: what it was drawn from; ``domain``: of its site."""

    kind: str
    domain: str
    calendar: Calendar
    sources: tuple[Source, ...]
    rushes: tuple[Rush, ...]
    pages: tuple[Page, ...]
    browsing: Browsing
    calling: Calling
    forms: Forms
    regions: Regions
    phones: Phones
    repeats: Repeats
    spam: Spam
    staff: Staff
    drift: Drift | None
    untracked_daily: float
    """Calls a day to the number on the page itself: they ring no pool."""

    @property
    def exact(self) -> bool:
        """Whether the best answer is the posterior itself, up to callers with two telephones in doubt at once.

        Rotating robocalls, withheld callers who call again and shared lines are summed by expectation instead of over
        every history (see ``best``).
        """
        unclear = max(self.phones.withheld, self.phones.withheld_saved) > 0.1
        return self.phones.switchboards == 0 and not unclear and (self.spam.bursts == 0 or self.spam.rotating == 0)


__all__ = [
    "Browsing",
    "Business",
    "Calendar",
    "Calling",
    "Drift",
    "Forms",
    "Page",
    "Phones",
    "Profile",
    "Regions",
    "Repeats",
    "Rush",
    "Source",
    "Spam",
    "Staff",
]
