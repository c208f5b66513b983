"""What came in on a number and is to be matched: a call or a text, as far as matching asks about it."""

from dataclasses import dataclass
from typing import Literal

from store.calls import Call


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """A call or a text: on which number (E.164) of which source and site, and from whom (E.164; None: withheld).

    `id` is its own, sortable by time, so that of two at one moment one came first. `spam`: staff marked it so.
    """

    id: str
    what: Literal["call", "text"]
    site_id: str
    source_id: str
    number: str
    from_number: str | None
    spam: bool = False


def of_call(call: Call) -> Incoming:
    """A call as it stands."""
    return Incoming(
        id=call.call_id,
        what="call",
        site_id=call.site_id,
        source_id=call.source_id,
        number=call.number,
        from_number=call.from_number,
        spam=bool(call.spam),
    )
