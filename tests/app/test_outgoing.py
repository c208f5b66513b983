"""Requests to addresses that others name: to the public internet only, without following anybody."""

import ipaddress
import socket
import threading

import pytest

from app.outgoing import Address, Outgoing, PostFailed, is_public, read_url
from tests.support.post import receiver


def loopback(address: Address) -> bool:
    return address.is_loopback


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.20.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", False),
    ],
)
def test_what_is_public(address: str, public: bool) -> None:
    assert is_public(ipaddress.ip_address(address)) is public


def test_a_private_address_is_never_connected_to() -> None:
    with receiver() as there:
        for url in (
            there.url,
            there.url.replace("127.0.0.1", "localhost"),
            there.url.replace("127.0.0.1", "2130706433"),
        ):
            with pytest.raises(PostFailed, match=r"not on the public internet|has no address"):
                Outgoing().post(url, b"{}", {})
        assert there.posts == []


def test_a_name_with_one_private_address_is_refused_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolves(host: str, port: int, **_: object) -> list[object]:
        return [(2, 1, 6, "", ("8.8.8.8", port)), (2, 1, 6, "", ("10.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolves)
    with pytest.raises(PostFailed, match="not on the public internet"):
        Outgoing().post("https://two.example/", b"{}", {})


def test_the_checked_address_is_the_one_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    real, asked = socket.getaddrinfo, []

    def resolves(host: str, *more: object, **named: object) -> object:
        asked.append(host)
        return real("127.0.0.1" if host == "rebinds.example" else host, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", resolves)
    with receiver() as there:
        port = there.url.rpartition(":")[2]
        assert Outgoing(allowed=loopback).post(f"http://rebinds.example:{port}/a?b=c", b"{}", {"X-Id": "1"}) == 204
    [(path, headers, body)] = there.posts
    assert (path, headers["host"], headers["x-id"], body) == ("/a?b=c", f"rebinds.example:{port}", "1", b"{}")
    assert asked.count("rebinds.example") == 1, "the name is asked for once"


def test_redirects_and_refusals_are_failures() -> None:
    with receiver() as there, receiver() as elsewhere:
        there.status, there.headers = 302, {"Location": elsewhere.url}
        with pytest.raises(PostFailed, match="answered 302; redirects are not followed"):
            Outgoing(allowed=loopback).post(there.url, b"{}", {})
        there.status = 500
        with pytest.raises(PostFailed, match="answered 500"):
            Outgoing(allowed=loopback).post(there.url, b"{}", {})
        assert elsewhere.posts == []


def test_whoever_answers_drop_by_drop_is_cut_off() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = threading.Event()

        def drip() -> None:
            peer, _ = server.accept()
            with peer:
                peer.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                while not done.wait(0.05):
                    try:
                        peer.sendall(b"x")
                    except OSError:
                        return

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        with pytest.raises(PostFailed, match="took too long"):
            Outgoing(allowed=loopback, timeout=0.5).post(f"http://127.0.0.1:{server.getsockname()[1]}", b"{}", {})
        done.set()
        thread.join(5)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com",
        "https://",
        "https://user:x@example.com",
        "https://example.com:99999",
        "https://ex ample.com",
    ],
)
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_url(url)
    with pytest.raises(PostFailed):
        Outgoing().post(url, b"", {})
