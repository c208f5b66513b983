"""Where Twilio keeps the sound of a recording. Pure: addresses of its API are built, never taken over."""

import re
from urllib.parse import urlsplit

API = "api.twilio.com"
MOST_ADDRESS = 2_000

_OWN = re.compile(r"(?:[a-z0-9-]+\.)*twilio\.com")
_ACCOUNT, _RECORDING = re.compile(r"AC[0-9a-fA-F]{32}"), re.compile(r"RE[0-9a-fA-F]{32}")
_BUILT = re.compile(rf"https://{re.escape(API)}/2010-04-01/Accounts/{_ACCOUNT.pattern}/Recordings/{_RECORDING.pattern}")


def recording_address(url: str | None, account_sid: str | None, recording_sid: str | None) -> str | None:
    """Where the sound of a recording can be had, or None where nothing was told that can be asked.

    For an address at Twilio this is the one of its API, made of ids that have the form of ids: credentials go there,
    and whoever wrote the address must not choose what they open. Any other host's is kept as it is.
    """
    text = (url or "").strip()
    host = _host(text)
    if host is None:
        return None
    if not _OWN.fullmatch(host):
        return text
    account, recording = (account_sid or "").strip(), (recording_sid or "").strip()
    if not _ACCOUNT.fullmatch(account) or not _RECORDING.fullmatch(recording):
        return None
    return f"https://{API}/2010-04-01/Accounts/{account}/Recordings/{recording}"


def is_twilios(address: str) -> bool:
    """Whether an address is one that `recording_address` built, so that credentials may go with it."""
    return _BUILT.fullmatch(address) is not None


def sound_of(address: str, channels: int | None) -> str:
    """The address of the sound itself: MP3, with both sides on channels of their own where they were recorded so."""
    return f"{address}.mp3" + ("?RequestedChannels=2" if channels == 2 else "")


def _host(text: str) -> str | None:
    """The host of an http or https address in lower case, or None where it is none that could be kept or asked."""
    if not text or len(text) > MOST_ADDRESS or not text.isascii() or not text.isprintable() or " " in text:
        return None
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or parts.username is not None or parts.password is not None:
        return None
    return parts.hostname.rstrip(".").lower() if parts.hostname else None
