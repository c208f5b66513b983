"""Mail of ours, through the owner's mail server."""

import ipaddress
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import unquote, urlsplit

from core.text import clean

TIMEOUT_SECONDS = 10.0
PORTS = {"smtp": 25, "smtps": 465}


class MailFailed(Exception):
    """The mail was not taken; the message says why, without any secret."""


@dataclass(frozen=True, kw_only=True)
class MailServer:
    """Where mail is handed in. `tls`: encrypted from the first byte on; else as soon as the server offers it."""

    host: str
    port: int
    tls: bool
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, url: str) -> "MailServer":
        """`smtp://USER:PASSWORD@HOST:PORT` or `smtps://…`, with or without user and port. Raises ValueError."""
        parts = urlsplit(url)
        if parts.scheme not in PORTS or not parts.hostname or parts.path not in {"", "/"} or parts.query:
            raise ValueError("smtp://HOST:PORT or smtps://HOST:PORT is allowed")
        if (parts.username is None) != (parts.password is None):
            raise ValueError("a user and a password are allowed, or neither")
        return cls(
            host=parts.hostname,
            port=parts.port or PORTS[parts.scheme],
            tls=parts.scheme == "smtps",
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
        )


@dataclass(frozen=True, kw_only=True)
class Mail:
    """A plain text to some people. `message_id` is the same in every try, so that a repeat can be told."""

    to: Sequence[str]
    subject: str
    text: str
    message_id: str
    at: datetime


def send(server: MailServer, sender: str, mail: Mail) -> None:
    """Hands the mail in. Raises MailFailed; a password is only sent encrypted, or to this very machine."""
    message = EmailMessage()
    message["From"], message["To"] = sender, ", ".join(mail.to)
    # Names that people gave are in it; a header has one line.
    message["Subject"] = clean(" ".join(mail.subject.split()), 200) or "Ringtrace"
    message["Date"], message["Message-ID"] = format_datetime(mail.at), f"<{mail.message_id}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: out-of-office mail need not answer
    message.set_content(mail.text)
    try:
        with _connect(server) as smtp:
            if server.user is not None and server.password is not None:
                smtp.login(server.user, server.password)
            refused = smtp.send_message(message)
    except smtplib.SMTPAuthenticationError:
        raise MailFailed("the mail server does not take the user and password") from None
    except smtplib.SMTPRecipientsRefused:
        raise MailFailed("the mail server takes none of the addresses") from None
    except (OSError, smtplib.SMTPException) as error:
        raise MailFailed(f"the mail server could not be used ({type(error).__name__})") from None
    if refused:
        raise MailFailed(f"the mail server does not take {', '.join(sorted(refused))}")


def _connect(server: MailServer) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if server.tls:
        return smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_SECONDS, context=context)
    smtp = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_SECONDS)
    try:
        smtp.ehlo_or_helo_if_needed()
        if smtp.has_extn("starttls"):
            smtp.starttls(context=context)
            smtp.ehlo()
        elif server.password is not None and not _is_here(server.host):
            raise MailFailed("the mail server offers no encryption, so the password was not sent")
    except BaseException:
        smtp.close()
        raise
    return smtp


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
