"""Hosts and networks as owners write them, brought into the one form that requests are compared with."""

import ipaddress
import re

from core.errors import InvalidInput, shown
from core.hosts import MAX_HOST, ascii_host

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_ALLOWED = "a host is allowed, such as example.com, without scheme, port or path"


def require_host(text: str, field: str) -> str:
    """A host in lower case, in ASCII (IDNA 2008 after UTS 46), or an IP address in its short form.

    `localhost` and addresses are hosts too. Raises InvalidInput naming `field`.
    """
    host = text.strip().removesuffix(".")
    try:
        return str(ipaddress.ip_address(host.removeprefix("[").removesuffix("]")))
    except ValueError:
        pass
    plain = ascii_host(host) or ""
    labels = plain.split(".")
    # What ends in a number is an IPv4 address to a browser (WHATWG URL), and this one is none.
    if len(plain) > MAX_HOST or labels[-1].isdigit() or not all(_LABEL.fullmatch(label) for label in labels):
        raise InvalidInput({field: f"{shown(text)} is no host; {_ALLOWED}"})
    return plain


def require_network(text: str, field: str) -> str:
    """A network, or a single address, in its canonical form. Raises InvalidInput naming `field`."""
    try:
        return str(ipaddress.ip_network(text.strip(), strict=False))
    except ValueError:
        allowed = "an address or a network is allowed, such as 203.0.113.0/24"
        raise InvalidInput({field: f"{shown(text)} is no network; {allowed}"}) from None
