"""Twilio: its signatures, its form fields, its TwiML. The one home of Twilio's library."""

import re
from collections.abc import Iterable, Mapping

from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import Dial as DialVerb
from twilio.twiml.voice_response import VoiceResponse

from app.telephony.base import (
    Answer,
    Dial,
    Form,
    IncomingCall,
    IncomingText,
    Plan,
    RecordingReport,
    RequestHeaders,
    StatusReport,
)
from app.telephony.progress import RECORDING_STATUSES, STATUSES
from app.telephony.twilio_media import recording_address
from core.phone import caller_of, dialled, is_withheld
from core.text import clean, storable

SIGNATURE = "X-Twilio-Signature"
RING_SECONDS = 30
"""How long the destination rings before the caller is told that nobody answers."""

_SIGNATURE_FORM = re.compile(r"[A-Za-z0-9+/]{27}=")
# Python reads URLs without these (the standard's "remove all tab and newline"), so a signature would not show them.
_UNSENT = re.compile(r"[\x00-\x20\x7f#]")
_WHOLE = re.compile(r"[0-9]{1,7}")
_CHANNELS = re.compile(r"[1-9]")
# What the events of a leg are called, where they are called otherwise than what they lead to.
_EVENTS = {"initiated": "queued", "answered": "in-progress"}
_PLACES = [who + what for who in ("From", "To", "Caller", "Called") for what in ("City", "State", "Zip", "Country")]
_NAMES = """AccountSid AddOns ApiVersion Body CallDuration CallSid CallStatus CallToken CallbackSource Called Caller
    CallerName Direction Duration ForwardedFrom From MessageSid MessageStatus MessagingServiceSid NumMedia NumSegments
    ParentCallSid RecordingChannels RecordingDuration RecordingSid RecordingSource RecordingStartTime RecordingStatus
    RecordingTrack RecordingUrl SequenceNumber SipCallId SipDomain SipSourceIp SmsMessageSid SmsSid SmsStatus
    StirPassportToken StirVerstat Timestamp To"""
_KNOWN = frozenset([*_NAMES.split(), *_PLACES])
_BEGINS_KNOWN = re.compile("|".join(sorted(_KNOWN, key=len, reverse=True)))
_VALUE = re.compile(r"(?=.*[^A-Za-z0-9]).{6,}", re.DOTALL)
_CUT_SHORT = {name[:length]: name for name in sorted(_KNOWN) for length in range(3, len(name))}
_ID_LENGTH = 128
_ACCOUNT_SID_LENGTH = 64
_BODY_LENGTH, _SENDER_LENGTH = 10_000, 40


def signature(token: str, url: str, form: Mapping[str, str]) -> str:
    """What Twilio puts into X-Twilio-Signature: base64 of HMAC-SHA1 over URL and sorted fields."""
    return str(RequestValidator(token).compute_signature(url, form))


class TwilioProvider:
    """Twilio as a member of the provider seam."""

    @property
    def name(self) -> str:
        """`twilio`."""
        return "twilio"

    def looks_signed(self, headers: RequestHeaders) -> bool:
        """Whether a request carries what could be a signature. Never raises."""
        given = headers.get(SIGNATURE)
        # A signature is 20 bytes in base64.
        return isinstance(given, str) and _SIGNATURE_FORM.fullmatch(given) is not None

    def verify(self, *, tokens: Iterable[str], url: str, form: Form, headers: RequestHeaders) -> bool:
        """Whether one of `tokens` signed this request, the URL's port written out or left out. Never raises."""
        try:
            given = headers.get(SIGNATURE)
            # Anything else is refused before the library meets it: it raises on a missing one, and hashing a large form
            # for nothing helps only who sent it.
            if not self.looks_signed(headers) or _UNSENT.search(url) or _borders_moved(form):
                return False
            return any(token and RequestValidator(token).validate(url, form, given) for token in tokens)
        except Exception:
            # The library raises on URLs, ports and texts it cannot read. What cannot be verified is not genuine.
            return False

    def parse_call(self, form: Form) -> IncomingCall:
        """The call in a voice webhook's fields; of a repeated field the first counts."""
        status = form.get("CallStatus", "").strip().lower()
        status = _EVENTS.get(status, status)
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

    def parse_text(self, form: Form) -> IncomingText:
        """The text in a message webhook's fields; it has one id under three names."""
        ids = (_identifier(form.get(name), _ID_LENGTH) for name in ("MessageSid", "SmsMessageSid", "SmsSid"))
        sender = form.get("From")
        number = caller_of(sender)
        media = form.get("NumMedia", "").strip()
        return IncomingText(
            text_id=next((found for found in ids if found), None),
            number=dialled(form.get("To")),
            from_number=number,
            sender=None if number or is_withheld(sender) else clean(sender, _SENDER_LENGTH),
            body=clean(form.get("Body"), _BODY_LENGTH) or "",
            media=int(media) if _WHOLE.fullmatch(media) else 0,
        )

    def parse_recording(self, form: Form) -> RecordingReport:
        """The report in a recording callback's fields."""
        status = form.get("RecordingStatus", "").strip().lower()
        duration, channels = form.get("RecordingDuration", "").strip(), form.get("RecordingChannels", "").strip()
        recording_id = _identifier(form.get("RecordingSid"), _ID_LENGTH)
        calls = (_identifier(form.get(name), _ID_LENGTH) for name in ("CallSid", "ParentCallSid"))
        return RecordingReport(
            recording_id=recording_id,
            call_ids=tuple(call for call in calls if call),
            status=status if status in RECORDING_STATUSES else None,
            duration_seconds=int(duration) if _WHOLE.fullmatch(duration) else None,
            channels=int(channels) if _CHANNELS.fullmatch(channels) else None,
            address=recording_address(form.get("RecordingUrl"), form.get("AccountSid"), recording_id),
        )

    def answer(self, plan: Plan) -> Answer:
        """TwiML. The caller hears the destination's own ringing, and an unanswered call stays unanswered."""
        response = VoiceResponse()
        if isinstance(plan, Dial):
            if plan.notice is not None:
                response.say(plan.notice)
            dial = DialVerb(answer_on_bridge=True, timeout=RING_SECONDS, **_recording(plan))
            dial.number(plan.destination, **_reports(plan))
            response.append(dial)
        else:
            response.say(plan.sentence)
            response.hangup()
        return Answer(body=str(response), content_type="text/xml")


def _recording(plan: Dial) -> dict[str, str]:
    """What makes Twilio record, both sides on channels of their own, from the moment somebody answers."""
    if plan.record_to is None:
        return {}
    return {
        "record": "record-from-answer-dual",
        "recording_status_callback": plan.record_to,
        "recording_status_callback_event": "in-progress completed absent",
    }


def _reports(plan: Dial) -> dict[str, str]:
    """What makes Twilio tell of the attempt to reach the destination."""
    if plan.report_to is None:
        return {}
    return {
        "status_callback": plan.report_to,
        "status_callback_event": "initiated ringing answered completed",
    }


def _borders_moved(form: Form) -> bool:
    """Whether a name swallowed its value, lost its end, or a value lost its name: `CallSidCA12=` for `CallSid=CA12`.

    Nothing stands between names and values in what Twilio signs, so such a form may bear a signature that was made for
    another one. Twilio itself sends no name without value that begins like one of its own, which is then missing. What
    of this kind cannot be told here is the same event as the one it was copied from (`Told.key`).
    """
    before = ""
    for name in sorted(form):
        if name not in _KNOWN and not any(form.getlist(name)):
            begins = _BEGINS_KNOWN.match(name)
            meant = (begins[0] if begins else None, _CUT_SHORT.get(name))
            if any(known is not None and known not in form for known in meant):
                return True
            if before in _KNOWN and not any(form.getlist(before)) and _VALUE.fullmatch(name):
                return True
        before = name
    return False


def _identifier(text: str | None, limit: int) -> str | None:
    """An id of the provider's, or None for one that no provider gives and no database could keep."""
    found = (text or "").strip()
    return found if found and len(found) <= limit and storable(found) else None
