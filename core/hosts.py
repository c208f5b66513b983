"""Host names in one form: the one home of IDNA."""

from functools import lru_cache

import idna

MAX_HOST = 253
"""Longest host name DNS allows, in characters (RFC 1035)."""


def ascii_host(host: str) -> str | None:
    """A host in lower case and in the ASCII form browsers send (IDNA 2008 after UTS 46); None where it has none."""
    return host.lower() if host.isascii() else _to_ascii(host)


@lru_cache(maxsize=1024)
def _to_ascii(host: str) -> str | None:
    if len(host) > MAX_HOST:
        return None
    try:
        return idna.encode(host, uts46=True).decode("ascii").lower()
    except UnicodeError:  # what idna raises derives from it
        return None
