"""The built-in provider: places calls without a telephone, through the same webhooks over HTTP, signed alike.

It speaks Twilio's dialect, so a demo, a trial installation and an end-to-end test go through the very door that real
calls do. It knows no database: who signs for a number is handed in.
"""

import uuid
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from xml.etree import ElementTree

import requests

from app.telephony.twilio import SIGNATURE, TwilioProvider, signature

_REMEMBERED = 10_000
_ACCOUNT_SID = "AC" + "0" * 32
_WITHHELD = "anonymous"


class WebhookRefused(Exception):
    """Our own webhook did not take what the demo provider sent; the message says what it answered."""


@dataclass(frozen=True, kw_only=True)
class Ringing:
    """A call that was placed: its id, and the number that rings now (E.164), or None and what the caller is told."""

    sid: str
    destination: str | None
    sentence: str | None


class DemoProvider(TwilioProvider):
    """Rings numbers at `base_url` (what signatures are made over, path included).

    `sign_for` gives the token that signs for a number (E.164). `connect_to` is where the server is reached, where that
    is not `base_url` (behind a proxy the public address may not be reachable from inside).
    """

    def __init__(
        self,
        base_url: str,
        sign_for: Callable[[str], str],
        *,
        connect_to: str | None = None,
        timeout_seconds: float = 15.0,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._connect_to = (connect_to or base_url).rstrip("/")
        self._sign_for = sign_for
        self._timeout = timeout_seconds
        self._placed: OrderedDict[str, dict[str, str]] = OrderedDict()

    @property
    def name(self) -> str:
        """`demo`."""
        return "demo"

    def ring(self, number: str, caller: str | None, caller_name: str | None = None, sid: str | None = None) -> Ringing:
        """Calls `number` from `caller` (E.164; None withholds it). The same `sid` again is the same call redelivered.

        Raises WebhookRefused where the answer is not 200, requests.RequestException where there is none.
        """
        fields = {
            "CallSid": sid or f"CA{uuid.uuid4().hex}",
            "AccountSid": _ACCOUNT_SID,
            "From": caller or _WITHHELD,
            "To": number,
            "Direction": "inbound",
            "ApiVersion": "2010-04-01",
        }
        if caller_name:
            fields["CallerName"] = caller_name
        body = self._post("voice", {**fields, "CallStatus": "ringing"})
        self._placed[fields["CallSid"]] = fields
        while len(self._placed) > _REMEMBERED:
            self._placed.popitem(last=False)
        return _ringing(fields["CallSid"], body)

    def hang_up(self, sid: str, duration: int | None, status: str = "completed") -> None:
        """Reports that the call placed as `sid` ended after `duration` seconds, as `status`.

        Raises KeyError for a call this provider did not place (or placed too long ago), and as `ring`.
        """
        fields = {**self._placed[sid], "CallStatus": status}
        if duration is not None:
            fields["CallDuration"] = str(duration)
        self._post("status", fields)

    def _post(self, kind: str, fields: dict[str, str]) -> str:
        path = f"/webhooks/twilio/{kind}"
        signed = signature(self._sign_for(fields["To"]), self._base_url + path, fields)
        answer = requests.post(self._connect_to + path, data=fields, headers={SIGNATURE: signed}, timeout=self._timeout)
        if not answer.ok:
            raise WebhookRefused(f"{path} answered {answer.status_code}")
        return answer.text


def _ringing(sid: str, body: str) -> Ringing:
    response = ElementTree.fromstring(body)  # noqa: S314 - TwiML of our own server, not of a stranger
    return Ringing(sid=sid, destination=response.findtext("Dial/Number"), sentence=response.findtext("Say"))
