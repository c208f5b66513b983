"""What goes into a play and what comes out: who reads user agents, answers and hears, and the values told."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from matching.rules.rank import Ranking


class AgentLike(Protocol):
    """What a user agent says: a bot or not, and the device (`phone`, `tablet`, `desktop`, `other`)."""

    @property
    def bot(self) -> bool:
        """Whether no person is behind it."""

    @property
    def device(self) -> str:
        """The kind of device."""


class Learns(Protocol):
    """What answers the calls, learning as it goes; times are epoch seconds."""

    def tick(self, at: float) -> None:
        """Time has come to `at`."""

    def shown(self, visitor: str, at: float, number: str, source: str) -> None:
        """This number is shown to this visitor from now on."""

    def arrived(
        self, visitor: str, at: float, *, source: str | None, device: str, region: str | None, visit: str | None = None
    ) -> None:
        """A visit begins."""

    def viewed(self, visitor: str, at: float, path: str) -> None:
        """A page view."""

    def alive(self, visitor: str, at: float) -> None:
        """A heartbeat."""

    def clicked(self, visitor: str, at: float, number: str) -> None:
        """A `tel:` click on this number."""

    def filled(self, visitor: str, at: float, phone: str | None) -> None:
        """A form."""

    def called(self, call: str, at: float, number: str, caller: str | None, *, source: str) -> Ranking:
        """The answer to a call."""

    def decided(self, call: str, at: float, visitor: str | None) -> None:
        """Staff have spoken."""


class Assigned(NamedTuple):
    """A visitor is first shown a number, or another one than before."""

    at: datetime
    visitor: str
    number: str
    pool: str


class Answer(NamedTuple):
    """A call and its answer in short. `naive` is the holder last seen on the number; `day` the site's local day.

    `number` and `source` are None for a call that rang no pool number. `likelihood` is the best candidate's (0 for
    none), `none` the probability of nobody from the site.
    """

    call: str
    at: datetime
    day: str
    number: str | None
    source: str | None
    visitor: str | None
    likelihood: float
    none: float
    candidates: int
    naive: str | None


class Hears(Protocol):
    """Who is told what the play comes to."""

    def assigned(self, told: Assigned) -> None:
        """A number is shown."""

    def answered(self, told: Answer, ranking: Ranking) -> None:
        """A call is answered."""


@dataclass(kw_only=True)
class Counts:
    """What came up. `days_visitors`: per source the distinct visitors of each local day, summed."""

    page_views: int = 0
    visits: int = 0
    visitors: int = 0
    calls: int = 0
    overrides: int = 0
    bot_page_views: int = 0
    foreign_pages: int = 0
    unknown_visitors: int = 0
    unknown_calls: int = 0
    source_visits: dict[str, int] = field(default_factory=dict)
    days_visitors: dict[str, int] = field(default_factory=dict)
    visitors_by_day: dict[str, int] = field(default_factory=dict)
