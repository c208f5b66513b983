"""The way to Twilio's REST API: its own client, time-outs that are always set, refusals as values.

The second home of Twilio's library. What Twilio answers becomes a value of `numberpool.provider`; its codes become
sentences for people. Nothing of this is on the path of a call or a page: only people and jobs wait for it.
"""

import json
import logging
import random
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

from requests.exceptions import RequestException
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from app.telephony.twilio_codes import TOO_MANY, TwilioAnswer, outcome_of
from numberpool.provider import Doubtful, Failed, Refused

log = logging.getLogger("ringtrace.provisioning")

TIMEOUT_SECONDS = 12.0
"""For one request, to connect and between packets."""
TRIES = 4
"""Of a request that Twilio did not even look at (429: always safe to repeat)."""

_NO_ANSWER = "Twilio did not answer in time"

T = TypeVar("T")


class _Http(TwilioHttpClient):  # type: ignore[misc]
    """Twilio's own HTTP client with time-outs that are always set, and able to speak to other hosts.

    `elsewhere`: host of Twilio (such as api.twilio.com) → base address that takes its place.
    """

    def __init__(self, elsewhere: Mapping[str, str], timeout: float) -> None:
        super().__init__(timeout=timeout)
        self._elsewhere = dict(elsewhere)
        # The library's own log would tell numbers and account ids; what matters is logged here.
        self.logger = logging.Logger("twilio, unheard", level=logging.CRITICAL)

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:
        """As the library's, at the address that stands for this host."""
        parts = urlsplit(url)
        base = self._elsewhere.get(parts.hostname or "")
        if base is not None:
            there = urlsplit(base)
            url = urlunsplit((there.scheme, there.netloc, there.path.rstrip("/") + parts.path, parts.query, ""))
        return super().request(method, url, *args, **kwargs)


class TwilioRest:
    """Twilio's REST API with one account's credentials. No token is in its repr, its logs, its errors.

    `elsewhere` sends what is meant for a host of Twilio to another base address (a proxy, an emulator); `wait` sleeps
    for so many seconds between two tries, `timeout` is how long one of them may take (seconds), `tries` how often what
    Twilio did not look at is asked.
    """

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        *,
        elsewhere: Mapping[str, str] | None = None,
        wait: Callable[[float], None] = time.sleep,
        timeout: float = TIMEOUT_SECONDS,
        tries: int = TRIES,
    ) -> None:
        self.client: Any = Client(account_sid, auth_token, http_client=_Http(elsewhere or {}, timeout))
        self._account_sid, self._wait, self._tries = account_sid, wait, tries

    def __repr__(self) -> str:
        return f"TwilioRest({self._account_sid[:6]}…)"

    def ask(self, ask: Callable[[], T]) -> T | Failed:
        """What Twilio answers. Repeats only what Twilio refused to look at, with growing, random pauses."""
        for attempt in range(self._tries):
            try:
                return ask()
            except (TwilioException, RequestException, ValueError, TypeError, AttributeError, KeyError) as error:
                # Twilio's word, or nothing, half an answer, or one in no form the library knows.
                answer = _answer(error)
                outcome = outcome_of(answer) if answer else Doubtful(reason=_NO_ANSWER)
                log.info("Twilio answered %s", answer or type(error).__name__)
                if not isinstance(outcome, Refused) or outcome.code != TOO_MANY or attempt == self._tries - 1:
                    return outcome
            self._wait(random.uniform(0.5, 1.5) * 2**attempt)  # noqa: S311 - spreads tries, keeps no secret
        raise AssertionError("the last try returns")


def _answer(error: Exception) -> TwilioAnswer | None:
    """What Twilio answered, as far as the library tells; None where there was no answer."""
    if isinstance(error, TwilioRestException | TwilioServiceException):
        message = error.msg if isinstance(error, TwilioRestException) else error.title
        return TwilioAnswer(error.status, error.code if isinstance(error.code, int) else None, str(message))
    # Of a page of a list the library hands on the bare response.
    response = next((part for part in error.args if isinstance(part, Response)), None)
    if response is None:
        return None
    try:
        body = json.loads(response.text)
    except ValueError:
        body = {}
    told = body if isinstance(body, dict) else {}
    code = told.get("code")
    return TwilioAnswer(response.status_code, code if isinstance(code, int) else None, str(told.get("message", "")))
