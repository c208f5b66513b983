"""Requests of ours to addresses that other people name: never into a private network, never where a redirect leads.

The name is resolved once, every address it has is checked, and the connection goes to a checked address: a name that
resolves differently a moment later (DNS rebinding) gains nothing. TLS is verified for the name.
"""

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse
from urllib.parse import SplitResult, urlsplit

TIMEOUT_SECONDS = 5.0
"""For the whole exchange, beside resolving the name."""
MOST_URL = 2000

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_TRANSLATED = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
"""NAT64 (RFC 6052, RFC 8215): an IPv4 address in disguise."""


class PostFailed(Exception):
    """The request was not made, or not taken; the message says why."""


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public internet, whatever it is wrapped in."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address.sixtofour is not None or address.teredo is not None or any(address in net for net in _TRANSLATED):
            return False
    return address.is_global and not address.is_multicast


def read_url(url: str) -> SplitResult:
    """The parts of an address that may be posted to. Raises ValueError, in words, for one that may not."""
    parts = urlsplit(url) if len(url) <= MOST_URL and url.isascii() and url.isprintable() and " " not in url else None
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("an http or https address is allowed, such as https://example.com/alarms")
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address without user and password is allowed")
    _ = parts.port  # raises ValueError where it is no port
    return parts


class Outgoing:
    """Posts to addresses. `allowed` says which network addresses may be connected to."""

    def __init__(self, *, allowed: Callable[[Address], bool] = is_public, timeout: float = TIMEOUT_SECONDS) -> None:
        self._allowed, self._timeout = allowed, timeout

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Posts and returns the status, which is 2xx. Raises PostFailed for everything else."""
        try:
            parts = read_url(url)
        except ValueError as error:
            raise PostFailed(str(error)) from None
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        connection = HTTPConnection(host, port, timeout=self._timeout)
        held = [self._connect(host, port)]
        # Whoever answers a byte a second would hold us for hours.
        late = threading.Event()
        watch = threading.Timer(self._timeout, lambda: _cut(held[0], late))
        watch.start()
        try:
            if parts.scheme == "https":
                context = ssl.create_default_context()
                secured = context.wrap_socket(held[0], server_hostname=host, do_handshake_on_connect=False)
                held[0] = secured
                secured.do_handshake()
            connection.sock = held[0]
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", path, body=body, headers=dict(headers))
            answer: HTTPResponse = connection.getresponse()
            status = answer.status
        except (OSError, HTTPException) as error:
            if late.is_set():
                raise PostFailed(f"{host} took too long") from None
            raise PostFailed(f"{host} did not answer as expected ({type(error).__name__})") from None
        finally:
            watch.cancel()
            connection.close()
            held[0].close()
        if late.is_set():
            raise PostFailed(f"{host} took too long")
        if 300 <= status < 400:
            raise PostFailed(f"{host} answered {status}; redirects are not followed")
        if not 200 <= status < 300:
            raise PostFailed(f"{host} answered {status}")
        return status

    def _connect(self, host: str, port: int) -> socket.socket:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise PostFailed(f"{host} has no address") from None
        addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
        if not all(self._allowed(ipaddress.ip_address(address.partition("%")[0])) for address in addresses):
            raise PostFailed(f"{host} is not on the public internet")
        trouble: OSError | None = None
        for address in addresses:
            try:
                return socket.create_connection((address, port), timeout=self._timeout)
            except OSError as error:
                trouble = error
        raise PostFailed(f"{host} could not be reached ({type(trouble).__name__})")


def _cut(sock: socket.socket, late: threading.Event) -> None:
    late.set()
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
