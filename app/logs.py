"""The log of every process: one form for all lines, the request each belongs to, and nothing in it that is a secret.

What is written passes through a formatter that takes out phone numbers, tokens and passwords, wherever they come from,
tracebacks included, and that lets no text from outside begin a line of its own.
"""

import logging
import re
import sys
from contextvars import ContextVar
from typing import Any, TextIO

from pythonjsonlogger.json import JsonFormatter

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request this thread is answering."""

HIDDEN = "[hidden]"
PHONE = "[phone]"
_TEXT = "%(asctime)s %(levelname)s %(name)s [%(request)s] %(message)s"
_CONTINUED = "\n    | "

# Dates and IP addresses are runs of digits too.
_NOT_A_DATE = r"(?!\d{4}-\d\d-\d\d(?!\d))(?!\d{1,3}(?:\.\d{1,3}){3}(?!\d))"
_PHONES = re.compile(
    r"(?:%2B|\+)\d(?:[\s().\-/]{0,2}\d){6,14}"  # E.164 and as people write it
    rf"|(?<![\w.:\-]){_NOT_A_DATE}\(?\d(?:[\s().\-/]{{0,2}}\d){{8,14}}(?![\w])"  # national, nine digits and more
    r"|(?<![\w.:\-])\d{3}-\d{4}(?![\w\-])"  # local
)
_NAMED = re.compile(
    r"(?i)((?:password|passwd|auth_?token|api_?key|secret(?:_?key)?|csrf_token|signature|authorization|cookie)"
    r"[\"']?\s*[:=]\s*(?:b?[\"'])?(?:bearer\s+|basic\s+)?)[^\s\"',&;)}\]]+"
)
_TOKENS = re.compile(
    r"\brt_[\w\-]{8,}|\bwhsec_[\w+/=\-]{8,}|(?i:\bbearer)\s+[\w.~+/=\-]{8,}|\bgAAAA[\w\-=]{20,}"
    r"|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"  # user and password of an address
)
_HEX = re.compile(r"\b[0-9a-f]{32}\b")
# Ids of ours are 32 hexadecimal digits too, UUIDs of version 7; the provider's tokens are random.
_OWN_ID = re.compile(r"0[0-9a-f]{11}7[0-9a-f]{3}[89ab][0-9a-f]{15}")
_RANDOM = re.compile(r"(?<![\w/])(?=[\w\-]*[A-Z])(?=[\w\-]*[a-z])(?:(?=[\w\-]*\d)[\w\-]{24,}|[\w\-]{32,})")


def redacted(text: str) -> str:
    """The text without phone numbers, tokens, passwords and random secrets."""
    text = _NAMED.sub(rf"\1{HIDDEN}", text)
    text = _TOKENS.sub(HIDDEN, text)
    text = _HEX.sub(lambda found: found[0] if _OWN_ID.fullmatch(found[0]) else HIDDEN, text)
    text = _RANDOM.sub(HIDDEN, text)
    return _PHONES.sub(PHONE, text)


class _OneLine(logging.Formatter):
    """Lines for people: a message is one line; a traceback's lines are set off, so that none looks like another."""

    def __init__(self) -> None:
        super().__init__(_TEXT)

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The first line, from what cannot break it."""
        record.message = _in_line(redacted(record.message))
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        """The line with what belongs to it."""
        record.request = request_id.get() or "-"
        first, *rest = super().format(record).splitlines()
        return _CONTINUED.join([first, *(_in_line(redacted(line)) for line in rest)])


class _Json(JsonFormatter):
    """One JSON object per line."""

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        """Adds the request, takes out what must not be in a log."""
        if found := request_id.get():
            log_data["request"] = found
        return {
            key: redacted(value) if isinstance(value, str) and key != "time" else value
            for key, value in log_data.items()
        }


def _in_line(text: str) -> str:
    """Without anything that a terminal or a collector of logs takes for the end of a line or a command."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text)


def formatter(form: str) -> logging.Formatter:
    """What writes lines in the form `text` or `json`."""
    if form == "text":
        return _OneLine()
    return _Json(
        "{asctime}{levelname}{name}{message}",
        style="{",
        rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
        datefmt="%Y-%m-%dT%H:%M:%S%z",
    )


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to whatever standard error is at that moment."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        """The process's standard error."""
        return sys.stderr


def set_up_logs(level: str, form: str) -> None:
    """Every line of this process goes to standard error in this form. Where somebody else collects lines, they do."""
    root = logging.getLogger()
    for handler in [h for h in root.handlers if isinstance(h, _Stderr)]:
        root.removeHandler(handler)
    if not root.handlers:
        handler = _Stderr()
        handler.setFormatter(formatter(form))
        root.addHandler(handler)
        root.setLevel(level)
