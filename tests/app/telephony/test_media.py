"""Getting a sound over HTTP: whole, of an allowed size and type, from where it may be got."""

import io
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.outgoing import Address
from app.telephony.media import EXTENSIONS, Downloads, NotFetched
from app.telephony.twilio_media import is_twilios, recording_address, sound_of
from tests.support.sounds import SOUND, Sounds, sounds

AC, RE = "AC" + "0a" * 16, "RE" + "1b" * 16
BUILT = f"https://api.twilio.com/2010-04-01/Accounts/{AC}/Recordings/{RE}"


def loopback(address: Address) -> bool:
    return address.is_loopback


@pytest.fixture
def there() -> Iterator[Sounds]:
    with sounds() as made:
        yield made


def fetched(url: str, most_bytes: int = 1_000_000, **more: float) -> tuple[bytes, str]:
    into = io.BytesIO()
    sound = Downloads(allowed=loopback, most_bytes=most_bytes, **more).get(url, into)
    assert sound.size_bytes == len(into.getvalue())
    return into.getvalue(), sound.media_type


def test_a_sound_is_got_whole(there: Sounds) -> None:
    assert fetched(f"{there.url}/a.mp3?x=1") == (SOUND, "audio/mpeg")
    [(path, headers)] = there.asked
    assert path == "/a.mp3?x=1"
    assert "authorization" not in headers


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("audio/mpeg; charset=binary", "audio/mpeg"),
        ("AUDIO/X-WAV", "audio/wav"),
        ("audio/ogg", "audio/ogg"),
        ("audio/mp4", "audio/mp4"),
    ],
)
def test_sounds_of_these_types_are_taken(there: Sounds, told: str, kept: str) -> None:
    there.headers = {"Content-Type": told}
    assert fetched(there.url)[1] == kept
    assert kept in EXTENSIONS


@pytest.mark.parametrize("told", ["text/html", "application/octet-stream", "audio/../../x", "image/svg+xml"])
def test_what_is_no_sound_is_not_taken(there: Sounds, told: str) -> None:
    there.headers = {"Content-Type": told}
    with pytest.raises(NotFetched, match="no sound we know"):
        fetched(there.url)


def test_a_sound_is_taken_up_to_the_limit_and_no_further(there: Sounds) -> None:
    assert fetched(there.url, most_bytes=len(SOUND))[0] == SOUND
    with pytest.raises(NotFetched, match="are allowed"):
        fetched(there.url, most_bytes=len(SOUND) - 1)
    there.length = -1
    with pytest.raises(NotFetched, match="sent more than"):
        fetched(there.url, most_bytes=len(SOUND) - 1)


@pytest.mark.parametrize("length", [len(SOUND) + 1, 10**6 - 1])
def test_half_a_sound_is_none(there: Sounds, length: int) -> None:
    there.length = length
    with pytest.raises(NotFetched, match=r"sent .* bytes of|did not answer"):
        fetched(there.url)


def test_nothing_is_no_sound(there: Sounds) -> None:
    there.body = b""
    with pytest.raises(NotFetched, match="0 bytes"):
        fetched(there.url)


@pytest.mark.parametrize("status", [404, 401, 500, 204, 206])
def test_other_answers_say_what_they_were(there: Sounds, status: int) -> None:
    there.status, there.body = status, b""
    with pytest.raises(NotFetched, match=f"answered {status}"):
        fetched(there.url)


def test_a_redirect_is_followed_without_what_proves_who_asks(there: Sounds) -> None:
    with sounds() as first:
        first.status, first.headers = 307, {"Location": f"{there.url}/there"}
        into = io.BytesIO()
        Downloads(allowed=loopback).get(f"{first.url}/here", into, headers={"Authorization": "Basic c2VjcmV0"})
        assert into.getvalue() == SOUND
        assert first.asked[0][1]["authorization"] == "Basic c2VjcmV0"
        [(path, headers)] = there.asked
        assert (path, "authorization" in headers) == ("/there", False)


def test_a_redirect_leads_nowhere_that_may_not_be_asked(there: Sounds) -> None:
    def of_first(address: Address) -> bool:
        return str(address) == "127.0.0.1"

    port = there.url.rpartition(":")[2]
    for location in (
        f"http://127.0.0.2:{port}/",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "gopher://x/",
        "",
    ):
        there.status, there.headers = 302, {"Location": location}
        with pytest.raises(NotFetched):
            Downloads(allowed=of_first).get(there.url, io.BytesIO())
    there.headers = {"Location": "/again"}
    with pytest.raises(NotFetched, match="too often"):
        Downloads(allowed=of_first).get(there.url, io.BytesIO())


def test_a_private_address_is_never_asked(there: Sounds) -> None:
    for url in (there.url, there.url.replace("127.0.0.1", "localhost"), "http://[::1]:1/", "ftp://example.com/a.mp3"):
        with pytest.raises(NotFetched):
            Downloads().get(url, io.BytesIO())
    assert there.asked == []


def test_whoever_takes_too_long_is_left(there: Sounds) -> None:
    let_go = threading.Event()
    there.before = let_go.wait  # type: ignore[assignment]
    try:
        with pytest.raises(NotFetched, match="took too long"):
            fetched(there.url, longest=0.1)
    finally:
        let_go.set()


def test_a_server_that_stops_ends_what_it_gets(there: Sounds) -> None:
    with pytest.raises(NotFetched, match="stopped"):
        Downloads(allowed=loopback).get(there.url, io.BytesIO(), should_stop=lambda: True)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        (f"https://api.twilio.com/2010-04-01/Accounts/{AC}/Recordings/{RE}", BUILT),
        ("http://api.ie1.twilio.com./anything?x=1", BUILT),
        ("https://API.TWILIO.COM/2010-04-01/Accounts/../Balance", BUILT),
        ("https://example.com/a.wav?x=1", "https://example.com/a.wav?x=1"),
        ("https://api.twilio.com.example.com/x", "https://api.twilio.com.example.com/x"),
        ("https://user:pass@example.com/x", None),
        ("ftp://example.com/x", None),
        ("https://exa mple.com/x", None),
        ("https://example.com/\tx", None),
        ("https://example.com/" + "x" * 2000, None),
        ("https://example.com:port/", None),
        ("", None),
        (None, None),
    ],
)
def test_an_address_at_twilio_is_built_and_never_taken_over(url: str | None, address: str | None) -> None:
    assert recording_address(url, AC, RE) == address


@given(st.text(max_size=60), st.text(max_size=60))
def test_credentials_go_to_no_address_but_one_of_its_recordings(account: str, recording: str) -> None:
    address = recording_address("https://api.twilio.com/x", account, recording)
    assert address is None or address == BUILT.replace(AC, account.strip()).replace(RE, recording.strip())
    assert address is None or is_twilios(address)
    for foreign in (
        f"https://api.twilio.com/2010-04-01/Accounts/{account}",
        f"{BUILT}/../{recording}",
        f"{BUILT}?{account}",
    ):
        assert not is_twilios(foreign) or foreign == BUILT


def test_both_sides_are_asked_for_where_they_were_recorded_apart() -> None:
    assert sound_of(BUILT, 2) == f"{BUILT}.mp3?RequestedChannels=2"
    assert sound_of(BUILT, 1) == sound_of(BUILT, None) == f"{BUILT}.mp3"
