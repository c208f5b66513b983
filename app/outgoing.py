"""Requests of ours to addresses that other people name: never into a private network, never where a redirect leads.

The name is resolved once, every address it has is checked, and the connection goes to a checked address: a name that
resolves differently a moment later (DNS rebinding) gains nothing. TLS is verified for the name.
"""

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from http.client import HTTPConnection, HTTPException
from urllib.parse import SplitResult, urlsplit

TIMEOUT_SECONDS = 5.0
"""For the whole exchange, connecting included, beside resolving the name."""
MOST_URL = 2000

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Allowed = Callable[[Address], bool]
_UNICAST = ipaddress.ip_network("2000::/3")
"""All of the public IPv6 internet (RFC 4291, 2.4); what lies outside is local, reserved or a disguise."""


class PostFailed(Exception):
    """The request was not made, or not taken; the message says why, `status` is what was answered, if anything."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public internet, whatever it is wrapped in."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address.sixtofour is not None or address.teredo is not None or address not in _UNICAST:
            return False
    return address.is_global and not address.is_multicast


def public_or_in(networks: Iterable[Network]) -> Allowed:
    """Allows the public internet and these networks besides; an IPv4 address mapped into IPv6 is that address."""
    besides = tuple(networks)

    def allowed(address: Address) -> bool:
        bare = getattr(address, "ipv4_mapped", None) or address
        return is_public(bare) or any(bare in network for network in besides)

    return allowed


def read_url(url: str) -> SplitResult:
    """The parts of an address that may be posted to. Raises ValueError, in words, for one that may not."""
    parts = urlsplit(url) if len(url) <= MOST_URL and url.isascii() and url.isprintable() and " " not in url else None
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname or "\\" in url:
        raise ValueError("an http or https address is allowed, such as https://example.com/alarms")
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address without user and password is allowed")
    _ = parts.port  # raises ValueError where it is no port
    return parts


def require_reachable(url: str, allowed: Allowed = is_public) -> None:
    """Raises ValueError, in words, for an address that may not be posted to or is written as one that is not allowed.

    A name is let through: where it leads is looked at with every request.
    """
    address = written_address(read_url(url).hostname or "")
    if address is not None and not allowed(address):
        raise ValueError("is not on the public internet")


def written_address(host: str) -> Address | None:
    """The address that a host is written as, in any form the system would take it in; None for a name.

    Besides the usual forms those of `inet_aton`: 2130706433, 0x7f.1 and 0177.0.0.1 are all 127.0.0.1.
    """
    bare = host.partition("%")[0].rstrip(".")
    try:
        return ipaddress.ip_address(bare)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(bare))
    except (OSError, UnicodeError):
        return None


class Outgoing:
    """Posts to addresses. `allowed` says which network addresses may be connected to; `timeout` in seconds."""

    def __init__(self, *, allowed: Allowed = is_public, timeout: float = TIMEOUT_SECONDS) -> None:
        self._allowed, self._timeout = allowed, timeout

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Posts and returns the status, which is 2xx. Raises PostFailed for everything else."""
        try:
            parts = read_url(url)
        except ValueError as error:
            raise PostFailed(str(error)) from None
        host = parts.hostname
        with self.exchange(parts, until=time.monotonic() + self._timeout, timeout=self._timeout) as (connection, _):
            connection.request("POST", path_of(parts), body=body, headers=dict(headers))
            with connection.getresponse() as answer:
                status = answer.status
        if 300 <= status < 400:
            raise PostFailed(f"{host} answered {status}; redirects are not followed", status)
        if not 200 <= status < 300:
            raise PostFailed(f"{host} answered {status}", status)
        return status

    @contextmanager
    def exchange(
        self, parts: SplitResult, *, until: float, timeout: float
    ) -> Iterator[tuple[HTTPConnection, threading.Event]]:
        """A connection to an allowed address of the host, and whether it was cut off because it took too long.

        It is cut at `until` (monotonic seconds), whatever goes on; `timeout` seconds may pass between two packets.
        Raises PostFailed, also for what goes wrong with the connection inside the block.
        """
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        connection = HTTPConnection(host, port, timeout=timeout)
        held = [self._connect(host, port)]
        # Whoever answers a byte a second would hold us for hours.
        late = threading.Event()
        watch = threading.Timer(max(until - time.monotonic(), 0.01), lambda: _cut(held, late))
        watch.daemon = True  # a server that stops does not wait for it
        watch.start()
        try:
            held[0].settimeout(timeout)
            if parts.scheme == "https":
                secured = _tls().wrap_socket(held[0], server_hostname=host, do_handshake_on_connect=False)
                held[0] = secured
                secured.do_handshake()
            connection.sock = held[0]
            yield connection, late
        except (OSError, HTTPException, ValueError) as error:
            if late.is_set():
                raise PostFailed(f"{host} took too long") from None
            raise PostFailed(f"{host} did not answer as expected ({type(error).__name__})") from None
        finally:
            watch.cancel()
            connection.close()
            held[0].close()
        if late.is_set():
            raise PostFailed(f"{host} took too long")

    def _connect(self, host: str, port: int) -> socket.socket:
        """A connection to an allowed address of the host: each gets its share of the time."""
        addresses = self._addresses(host, port)
        trouble: OSError | None = None
        end = time.monotonic() + self._timeout
        for place, address in enumerate(addresses):
            left = max(end - time.monotonic(), 0.01) / (len(addresses) - place)
            try:
                return socket.create_connection((address, port), timeout=left)
            except OSError as error:
                trouble = error
        raise PostFailed(f"{host} could not be reached ({type(trouble).__name__})")

    def _addresses(self, host: str, port: int) -> list[str]:
        """The addresses of a host, every one of them allowed."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
            fine = all(self._allowed(ipaddress.ip_address(address.partition("%")[0])) for address in addresses)
        except (OSError, UnicodeError, ValueError):
            raise PostFailed(f"{host} has no address") from None
        if not fine or not addresses:
            raise PostFailed(f"{host} is not on the public internet")
        return addresses


def path_of(parts: SplitResult) -> str:
    """What of an address its server is asked for."""
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _cut(held: Sequence[socket.socket], late: threading.Event) -> None:
    late.set()
    with suppress(OSError):
        held[0].shutdown(socket.SHUT_RDWR)
