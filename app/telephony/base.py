"""The seam between us and telephony providers: what they tell us, what we answer, in nobody's dialect.

A provider reads its own form fields into `IncomingCall` and `StatusReport`, proves who sent them, and writes an
answer plan in its own language. Nothing beyond a provider's module knows a field name of its forms.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from werkzeug.datastructures import Headers, MultiDict

Form = MultiDict[str, str]
RequestHeaders = Headers | Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class IncomingCall:
    """A call as the provider tells of it. What is missing or cannot be read is None.

    `number` is the one that rings (E.164). `caller` is E.164, or None for withheld callers and everything that is no
    telephone number. `status` is one of `progress.STATUSES`.
    """

    call_id: str | None
    parent_call_id: str | None
    account_sid: str | None
    number: str | None
    caller: str | None
    caller_name: str | None
    status: str | None


@dataclass(frozen=True, kw_only=True)
class StatusReport:
    """How a call stands, or that it ended; `duration_seconds` is the whole call's and comes with its end."""

    call: IncomingCall
    duration_seconds: int | None


@dataclass(frozen=True, kw_only=True)
class IncomingText:
    """A text as the provider tells of it. What is missing or cannot be read is None.

    `number` is the one that was written to, `from_number` who wrote (both E.164); `sender` is who wrote where that is
    no telephone number: a short code, a company's name. `body` is "" where there is none. `media` counts what came with
    it. A withheld sender has neither `from_number` nor `sender`.
    """

    text_id: str | None
    number: str | None
    from_number: str | None
    sender: str | None
    body: str
    media: int


@dataclass(frozen=True, kw_only=True)
class RecordingReport:
    """How a recording of a call stands. What is missing or cannot be read is None.

    `call_ids` are the calls it may be of, the likeliest first (a leg, its call). `status` is one of
    `progress.RECORDING_STATUSES`, `address` an http or https address from which the sound can be had.
    """

    recording_id: str | None
    call_ids: tuple[str, ...]
    status: str | None
    duration_seconds: int | None
    channels: int | None
    address: str | None


@dataclass(frozen=True, kw_only=True)
class Dial:
    """Answer plan: connect the caller to `destination` (E.164).

    `report_to`: the address that is told of each attempt to reach it. `record_to`: the call is recorded, and this
    address is told of it; then `notice` is what the caller hears first, for nobody may be recorded without knowing.
    Raises ValueError for a recording without notice.
    """

    destination: str
    report_to: str | None = None
    notice: str | None = None
    record_to: str | None = None

    def __post_init__(self) -> None:
        """Refuses to record anybody who was not told."""
        if self.record_to is not None and not self.notice:
            raise ValueError("a call is recorded only after its caller was told")


@dataclass(frozen=True, kw_only=True)
class Tell:
    """Answer plan: say `sentence` to the caller and hang up."""

    sentence: str


Plan = Dial | Tell


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer plan in the provider's language."""

    body: str
    content_type: str


class Provider(Protocol):
    """A telephony provider: proves, reads, answers. None of these methods raises, whatever arrives."""

    @property
    def name(self) -> str:
        """The provider's name, as credentials and calls keep it."""

    def verify(self, *, tokens: Iterable[str], url: str, form: Form, headers: RequestHeaders) -> bool:
        """Whether one of `tokens` signed this request to `url` (as the provider calls it, query included)."""

    def parse_call(self, form: Form) -> IncomingCall:
        """The call that comes in."""

    def parse_status(self, form: Form) -> StatusReport:
        """How a call stands."""

    def parse_text(self, form: Form) -> IncomingText:
        """The text that comes in."""

    def parse_recording(self, form: Form) -> RecordingReport:
        """How a recording stands."""

    def answer(self, plan: Plan) -> Answer:
        """The plan in the provider's language: the same bytes for the same plan."""
