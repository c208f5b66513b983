"""The calls that Twilio lists: what its account knows of them, whatever our webhooks heard."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from app.telephony.call_list import CallPage, ListedCall
from app.telephony.twilio_rest import TwilioRest
from numberpool.provider import Doubtful, Failed, Refused

TIMEOUT_SECONDS = 5.0
"""For one page, to connect and between packets: whoever stops the server does not wait for Twilio."""
TRIES = 2
PAGE_SIZE = 500


class TwilioCalls:
    """Twilio's list of calls with one account's credentials; the arguments are those of `TwilioRest`."""

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        *,
        elsewhere: Mapping[str, str] | None = None,
        wait: Callable[[float], None] = time.sleep,
        timeout: float = TIMEOUT_SECONDS,
        page_size: int = PAGE_SIZE,
    ) -> None:
        self._rest = TwilioRest(account_sid, auth_token, elsewhere=elsewhere, wait=wait, timeout=timeout, tries=TRIES)
        self._account_sid, self._page_size = account_sid, page_size

    def __repr__(self) -> str:
        return f"TwilioCalls({self._account_sid[:6]}…)"

    @property
    def account_sid(self) -> str:
        """The AccountSid."""
        return self._account_sid

    def page(self, *, since: datetime, before: datetime, following: str | None = None) -> CallPage | Failed:
        """A page of the list, legs and outgoing calls among them.

        Twilio documents its filter by day and takes times too; what it lists beyond `since` and `before` is left out
        here, so that either will do.
        """
        calls = self._rest.client.calls

        def ask() -> CallPage:
            page = (
                calls.get_page(following)
                if following
                else calls.page(start_time_after=since, start_time_before=before, page_size=self._page_size)
            )
            listed = tuple(call for item in page if _within(call := _listed(item), since, before))
            return CallPage(calls=listed, following=page.next_page_url)

        found = self._rest.ask(ask)
        return found if isinstance(found, Refused | Doubtful | CallPage) else Doubtful(reason="an odd answer")


def _within(call: ListedCall, since: datetime, before: datetime) -> bool:
    """Calls that have not begun are waiting to be dialled, which is none of ours."""
    return call.started_at is not None and since <= call.started_at < before


def _listed(item: Any) -> ListedCall:
    """A call as Twilio tells of it."""
    duration = str(item.duration or "")
    return ListedCall(
        sid=str(item.sid),
        parent_sid=item.parent_call_sid or None,
        account_sid=str(item.account_sid or ""),
        # `from` is a word of Python's, so the library gives the name an underscore.
        caller=str(item._from or ""),
        number=str(item.to or ""),
        status=str(item.status or ""),
        direction=str(item.direction or ""),
        started_at=_moment(item.start_time),
        ended_at=_moment(item.end_time),
        duration_seconds=int(duration) if duration.isascii() and duration.isdigit() and len(duration) < 8 else None,
        caller_name=item.caller_name or None,
    )


def _moment(value: object) -> datetime | None:
    return value if isinstance(value, datetime) and value.tzinfo is not None else None
