"""Twilio: its signatures, its form fields, its TwiML. The one home of Twilio's library."""

import re
from collections.abc import Iterable, Mapping

from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import Dial as DialVerb
from twilio.twiml.voice_response import VoiceResponse

from app.telephony.base import Answer, Dial, Form, IncomingCall, Plan, RequestHeaders, StatusReport
from app.telephony.progress import STATUSES
from core.phone import caller_of, dialled
from core.text import clean, storable

SIGNATURE = "X-Twilio-Signature"
RING_SECONDS = 30
"""How long the destination rings before the caller is told that nobody answers."""

_SIGNATURE_FORM = re.compile(r"[A-Za-z0-9+/]{27}=")
_WHOLE = re.compile(r"[0-9]{1,7}")
_ID_LENGTH = 128
_ACCOUNT_SID_LENGTH = 64


def signature(token: str, url: str, form: Mapping[str, str]) -> str:
    """What Twilio puts into X-Twilio-Signature: base64 of HMAC-SHA1 over URL and sorted fields."""
    return str(RequestValidator(token).compute_signature(url, form))


class TwilioProvider:
    """Twilio as a member of the provider seam."""

    @property
    def name(self) -> str:
        """`twilio`."""
        return "twilio"

    def verify(self, *, tokens: Iterable[str], url: str, form: Form, headers: RequestHeaders) -> bool:
        """Whether one of `tokens` signed this request, the URL's port written out or left out. Never raises."""
        try:
            given = headers.get(SIGNATURE)
            # A signature is 20 bytes in base64. Anything else is refused before the library meets it: it raises on
            # a missing one, and hashing a large form for nothing helps only who sent it.
            if not isinstance(given, str) or not _SIGNATURE_FORM.fullmatch(given):
                return False
            return any(token and RequestValidator(token).validate(url, form, given) for token in tokens)
        except Exception:
            # The library raises on URLs, ports and texts it cannot read. What cannot be verified is not genuine.
            return False

    def parse_call(self, form: Form) -> IncomingCall:
        """The call in a voice webhook's fields; of a repeated field the first counts."""
        status = form.get("CallStatus", "").strip().lower()
        return IncomingCall(
            call_id=_identifier(form.get("CallSid"), _ID_LENGTH),
            parent_call_id=_identifier(form.get("ParentCallSid"), _ID_LENGTH),
            account_sid=_identifier(form.get("AccountSid"), _ACCOUNT_SID_LENGTH),
            number=dialled(form.get("To")),
            caller=caller_of(form.get("From")),
            caller_name=clean(form.get("CallerName"), 200),
            status=status if status in STATUSES else None,
        )

    def parse_status(self, form: Form) -> StatusReport:
        """The report in a status callback's fields."""
        duration = form.get("CallDuration", "").strip()
        return StatusReport(
            call=self.parse_call(form),
            duration_seconds=int(duration) if _WHOLE.fullmatch(duration) else None,
        )

    def answer(self, plan: Plan) -> Answer:
        """TwiML. The caller hears the destination's own ringing, and an unanswered call stays unanswered."""
        response = VoiceResponse()
        if isinstance(plan, Dial):
            dial = DialVerb(answer_on_bridge=True, timeout=RING_SECONDS)
            dial.number(plan.destination)
            response.append(dial)
        else:
            response.say(plan.sentence)
            response.hangup()
        return Answer(body=str(response), content_type="text/xml")


def _identifier(text: str | None, limit: int) -> str | None:
    """An id of the provider's, or None for one that no provider gives and no database could keep."""
    found = (text or "").strip()
    return found if found and len(found) <= limit and storable(found) else None
