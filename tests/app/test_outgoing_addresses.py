"""Sixty ways to have a request sent inside: none connects."""

import socket
from typing import Any

import pytest

from app.outgoing import Outgoing, PostFailed, public_or_in, require_reachable, written_address
from app.settings import Settings
from tests.support.post import receiver
from tests.support.serving import environ

HOSTS = {
    # loopback, in every form that a resolver takes
    "127.0.0.1": "loopback",
    "127.1": "loopback, short",
    "127.0.1": "loopback, short",
    "127.255.255.254": "the end of the loopback network",
    "2130706433": "loopback, decimal",
    "0x7f000001": "loopback, hexadecimal",
    "0x7f.0x0.0x0.0x1": "loopback, hexadecimal by parts",
    "0X7F.1": "loopback, hexadecimal, short",
    "017700000001": "loopback, octal",
    "0177.0.0.01": "loopback, octal by parts",
    "0177.0x0.1": "loopback, octal and hexadecimal",
    "127.0.0.1.": "loopback with a dot at its end",
    "localhost": "its name",
    "LOCALHOST": "its name in capitals",
    "localhost.": "its name with a dot at its end",
    # nowhere
    "0.0.0.0": "this host",
    "0": "this host, short",
    "0.1.2.3": "this network",
    "255.255.255.255": "everybody",
    "224.0.0.1": "a group",
    "240.0.0.1": "reserved",
    # private networks and what clouds answer on
    "10.0.0.1": "private",
    "10.1": "private, short",
    "167772161": "private, decimal",
    "012.0.0.1": "private, octal",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.168.0.1": "private",
    "0xc0a80001": "private, hexadecimal",
    "100.64.0.1": "a carrier's",
    "169.254.169.254": "a cloud's metadata",
    "2852039166": "a cloud's metadata, decimal",
    "0xa9fea9fe": "a cloud's metadata, hexadecimal",
    "0251.0376.0251.0376": "a cloud's metadata, octal",
    "169.254.1.1": "of this link",
    "192.0.0.1": "of the protocols",
    "192.0.2.1": "of examples",
    "198.18.0.1": "of benchmarks",
    # the same in IPv6
    "[::1]": "loopback",
    "[0:0:0:0:0:0:0:1]": "loopback, written out",
    "[::]": "this host",
    "[::ffff:127.0.0.1]": "loopback, mapped",
    "[::ffff:7f00:1]": "loopback, mapped, hexadecimal",
    "[::ffff:10.0.0.1]": "private, mapped",
    "[::ffff:169.254.169.254]": "a cloud's metadata, mapped",
    "[::127.0.0.1]": "loopback, compatible",
    "[fc00::1]": "private",
    "[fd12:3456::1]": "private",
    "[fd00:ec2::254]": "a cloud's metadata",
    "[fe80::1]": "of this link",
    "[fec0::1]": "of this site",
    "[ff02::1]": "a group",
    "[64:ff9b::7f00:1]": "loopback by NAT64",
    "[64:ff9b::a9fe:a9fe]": "a cloud's metadata by NAT64",
    "[64:ff9b:1::a00:1]": "private by a local NAT64",
    "[2002:7f00:1::]": "loopback by 6to4",
    "[2001:0:4136:e378:8000:63bf:3fff:fdd2]": "by Teredo",
    "[2001:db8::1]": "of examples",
    "[100::1]": "thrown away",
}
"""By its host, each one that is no address of the public internet."""
UNREADABLE = (
    "http://user:x@127.0.0.1/",
    "http://example.com@127.0.0.1/",
    "http://127.0.0.1:99999/",
    "http://127。0。0。1/",
    "http://①②⑦.0.0.1/",
    "http://loc\u00adalhost/",
    "http:///127.0.0.1/",
    "http://127.0.0.1\\@example.com/",
    "http://example.com\t.evil/",
    "gopher://127.0.0.1/",
    "file:///etc/passwd",
    "//127.0.0.1/",
)


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every address somebody tried to connect to; none is connected to."""
    tried: list[Any] = []

    def connect(address: Any, *_: Any, **__: Any) -> socket.socket:
        tried.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    return tried


@pytest.mark.parametrize("host", HOSTS, ids=[f"{host} {what}" for host, what in HOSTS.items()])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_nothing_inside_is_connected_to(connections: list[Any], host: str, scheme: str) -> None:
    with pytest.raises(PostFailed, match=r"is not on the public internet|has no address"):
        Outgoing(timeout=1).post(f"{scheme}://{host}:8080/latest/meta-data/?x=1", b"{}", {})
    assert connections == []


@pytest.mark.parametrize("host", [host for host in HOSTS if not host.lower().startswith("localhost")])
def test_one_that_is_written_as_an_address_is_seen_at_once(host: str) -> None:
    with pytest.raises(ValueError, match=r"is not on the public internet"):
        require_reachable(f"https://{host}/")


@pytest.mark.parametrize("url", UNREADABLE)
def test_what_parsers_disagree_about_is_refused(connections: list[Any], url: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        require_reachable(url)
    with pytest.raises(PostFailed):
        Outgoing(timeout=1).post(url, b"{}", {})
    assert connections == []


@pytest.mark.parametrize("host", ["example.com", "hooks.example.com.", "8.8.8.8", "[2606:4700::1111]", "134744072"])
def test_what_is_public_is_let_through(host: str) -> None:
    require_reachable(f"https://{host}:8443/x?y=z")


def test_a_name_that_changes_its_mind_is_asked_once(monkeypatch: pytest.MonkeyPatch, connections: list[Any]) -> None:
    answers = [("93.184.216.34", 80), ("127.0.0.1", 80)]

    def resolves(*_: Any, **__: Any) -> list[Any]:
        return [(2, 1, 6, "", answers.pop(0))]

    monkeypatch.setattr(socket, "getaddrinfo", resolves)
    with pytest.raises(PostFailed, match="could not be reached"):
        Outgoing(timeout=1).post("http://rebinds.example/", b"{}", {})
    assert connections == [("93.184.216.34", 80)]


@pytest.mark.parametrize("inside", ["127.0.0.1", "::1", "::ffff:10.0.0.1", "fe80::1%eth0"])
def test_a_name_with_an_address_inside_is_refused_whole(
    monkeypatch: pytest.MonkeyPatch, connections: list[Any], inside: str
) -> None:
    def resolves(_host: str, port: int, **__: Any) -> list[Any]:
        return [(2, 1, 6, "", ("93.184.216.34", port)), (10, 1, 6, "", (inside, port, 0, 2))]

    monkeypatch.setattr(socket, "getaddrinfo", resolves)
    with pytest.raises(PostFailed, match="is not on the public internet"):
        Outgoing(timeout=1).post("https://mixed.example/", b"{}", {})
    assert connections == []


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_no_redirect_leads_inside(status: int) -> None:
    with receiver() as there, receiver() as inside:
        there.status, there.headers = status, {"Location": inside.url}
        with pytest.raises(PostFailed, match="redirects are not followed") as failed:
            Outgoing(allowed=lambda address: address.is_loopback).post(there.url, b"{}", {})
        assert (failed.value.status, inside.posts) == (status, [])


def test_networks_of_the_owner_are_allowed_and_no_others(database_url: str) -> None:
    settings = Settings.from_env(environ(database_url, RINGTRACE_WEBHOOK_NETWORKS="127.0.0.0/8, fd00::/8"))
    allowed = public_or_in(settings.webhook_networks)
    for host in ("127.0.0.1", "::ffff:127.0.0.1", "fd12::1", "8.8.8.8", "::ffff:8.8.8.8"):
        address = written_address(host)
        assert address is not None
        assert allowed(address), host
    for host in ("10.0.0.1", "::1", "fc00::1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "::127.0.0.1"):
        address = written_address(host)
        assert address is not None
        assert not allowed(address), host
    with receiver() as there:
        assert Outgoing(allowed=allowed).post(there.url, b"{}", {}) == 204
