"""What a provider told us, exactly as it came: plain values that can be kept, put into a file and read again."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, cast

from werkzeug.datastructures import MultiDict

from app.telephony.base import Form
from core.errors import RingtraceError
from core.phone import dialled
from core.text import storable
from core.time import parse_time

Kind = Literal["voice", "status", "recording", "sms", "sweep"]
"""The webhook that was called, or `sweep`: the provider's list told of it."""

KINDS: Final = ("voice", "status", "recording", "sms", "sweep")
TWILIO: Final = "twilio"

# Whose event it is: a leg's is its call's, a recording's is its call's, a text's is its own.
_CALL_NAMES = ("ParentCallSid", "CallSid", "RecordingSid")
_TEXT_NAMES = ("MessageSid", "SmsMessageSid", "SmsSid")
_SID_LENGTH = 128
_ESCAPED = re.compile("[%\x00\ud800-\udfff]")
_ESCAPE = re.compile("%([0-9a-f]{4})")


class NotYet(Exception):
    """What this event tells of cannot be taken in yet (its call is not known); the text says what is waited for."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """A webhook as it came at `at` (aware UTC): the form's names and values in their order."""

    provider: str = TWILIO
    kind: Kind
    fields: tuple[tuple[str, str], ...]
    at: datetime

    @classmethod
    def of(cls, kind: Kind, form: Form, *, at: datetime) -> "Told":
        """What a form told at `at`."""
        return cls(kind=kind, fields=tuple(form.items(multi=True)), at=at)

    @property
    def key(self) -> bytes:
        """What makes it this event: SHA-256 over the kind and what the provider signs of the form (32 bytes).

        Names are sorted, so are the different values of a name, and nothing stands between a name and its value: this
        is how Twilio signs (twilio.com/docs/usage/security). Whoever copied a signed request and moves the borders of
        its fields still has a request that is signed, and with this key no other event than the one that was copied.
        """
        values: dict[str, set[str]] = {}
        for name, value in self.fields:
            values.setdefault(name, set()).add(value)
        signed = "".join(name + value for name in sorted(values) for value in sorted(values[name]))
        return hashlib.sha256(f"{self.kind}\0{signed}".encode("utf-8", "surrogatepass")).digest()

    @property
    def form(self) -> Form:
        """The fields as a form, which knows repeated names."""
        return MultiDict(self.fields)

    @property
    def sid(self) -> str | None:
        """The provider's id of the call it tells of (of a leg: of the call it belongs to), or of the text."""
        form = self.form
        for name in _TEXT_NAMES if self.kind == "sms" else _CALL_NAMES:
            found = form.get(name, "").strip()
            if found and len(found) <= _SID_LENGTH and storable(found):
                return found
        return None

    @property
    def number(self) -> str | None:
        """The number that was called or written to (E.164)."""
        return dialled(self.form.get("To"))

    def stored_fields(self) -> list[list[str]]:
        """The fields as JSON that every database takes: what none can hold (NUL, halves of characters) is escaped."""
        return [[_escape(name), _escape(value)] for name, value in self.fields]

    def as_json(self) -> dict[str, Any]:
        """All of it as plain values for `json.dumps`."""
        return {
            "provider": self.provider,
            "kind": self.kind,
            "fields": self.stored_fields(),
            "at": self.at.isoformat(),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Told":
        """What `as_json` gave. Raises ValueError for anything else."""
        try:
            provider, kind, at = value["provider"], value["kind"], parse_time(value["at"])
            fields = fields_from_stored(value["fields"])
        except (KeyError, TypeError, RingtraceError) as error:
            raise ValueError("this is no webhook as we keep them") from error
        if kind not in KINDS or not isinstance(provider, str):
            raise ValueError("this is no webhook as we keep them")
        return cls(provider=provider, kind=cast(Kind, kind), fields=fields, at=at)


def fields_from_stored(stored: Iterable[Iterable[str]]) -> tuple[tuple[str, str], ...]:
    """The fields as they came. Raises ValueError or TypeError for what `stored_fields` never gives."""
    return tuple((_restore(name), _restore(value)) for name, value in stored)


def _escape(text: str) -> str:
    return _ESCAPED.sub(lambda found: f"%{ord(found[0]):04x}", text)


def _restore(text: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
