"""Twilio's signatures: accepted when genuine, refused otherwise, and never an exception."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator
from werkzeug.datastructures import MultiDict

from app.telephony.twilio import SIGNATURE, TwilioProvider, signature

# The worked example of Twilio's documentation of webhook security, and of its libraries' own tests.
TOKEN = "12345"
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
FIELDS = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+14158675309",
    "Digits": "1234",
    "From": "+14158675309",
    "To": "+18005551212",
}
SIGNED = "RSOYDt4T1cUTdK1PDd93/VVr8B8="

provider = TwilioProvider()


def _verify(given_signature: object, url: str = URL, form: object = None, tokens: object = (TOKEN,)) -> bool:
    headers = {} if given_signature is None else {SIGNATURE: given_signature}
    return provider.verify(
        tokens=tokens,  # type: ignore[arg-type]
        url=url,
        form=MultiDict(FIELDS) if form is None else form,  # type: ignore[arg-type]
        headers=headers,  # type: ignore[arg-type]
    )


def test_the_documented_example_is_genuine() -> None:
    assert signature(TOKEN, URL, FIELDS) == SIGNED
    assert _verify(SIGNED)


def test_repeated_fields_are_signed_once_and_sorted() -> None:
    form = MultiDict(
        [("Sid", "CA123"), ("SidAccount", "AC123"), ("Digits", "5678"), ("Digits", "1234"), ("Digits", "1234")]
    )
    assert _verify("IK+Dwps556ElfBT0I3Rgjkr1wJU=", form=form)


@pytest.mark.parametrize(
    ("signed", "called"),
    [
        ("https://mycompany.com/v", "https://mycompany.com:443/v"),
        ("https://mycompany.com:443/v", "https://mycompany.com/v"),
        ("http://mycompany.com:80/v", "http://mycompany.com/v"),
        ("https://mycompany.com/v", "https://mycompany.com:8443/v"),
        ("https://mycompany.com:8443/v", "https://mycompany.com:8443/v"),
        ("http://[::1]:8000/v", "http://[::1]:8000/v"),
    ],
)
def test_the_port_may_be_signed_or_left_out(signed: str, called: str) -> None:
    assert _verify(RequestValidator(TOKEN).compute_signature(signed, FIELDS), url=called)


def test_any_token_of_several_will_do_and_an_empty_one_never() -> None:
    assert _verify(SIGNED, tokens=("other", TOKEN))
    assert not _verify(SIGNED, tokens=("other",))
    assert not _verify(SIGNED, tokens=())
    assert not _verify(signature("", URL, FIELDS), tokens=("",))


def test_a_thousand_mutated_signatures_are_refused() -> None:
    rng = random.Random(16)
    alphabet = [chr(c) for c in range(32, 127)] + list("é\u0000\u2028😀\udc80")
    for _ in range(1000):
        text = list(SIGNED)
        for _ in range(rng.randint(1, 3)):
            kind, where = rng.randrange(3), rng.randrange(len(text)) if text else 0
            if kind == 0 and text:
                text[where] = rng.choice([c for c in alphabet if c != text[where]])
            elif kind == 1 and text:
                del text[where]
            else:
                text.insert(where, rng.choice(alphabet))
        mutated = "".join(text)
        assert _verify(mutated) == (mutated == SIGNED)


@pytest.mark.parametrize("odd", [None, "", b"", SIGNED.encode(), 7, [], "é" * 28, SIGNED * 40_000, SIGNED + "\n"])
def test_what_is_no_signature_is_refused(odd: object) -> None:
    assert not _verify(odd)


@pytest.mark.parametrize(
    "url", ["", "http://mycompany.com:port/", "http://[::1/", "\udc80", "http://h:99999/", "x" * 99999]
)
def test_a_url_that_cannot_be_read_is_refused(url: str) -> None:
    assert not _verify(SIGNED, url=url)


@pytest.mark.parametrize("put_in", ["\t", "\n", "\r", " ", "\x00", "\x1f", "\x7f", "#"])
def test_bytes_that_no_request_line_holds_are_refused_though_the_library_reads_past_them(put_in: str) -> None:
    for where in (len("https://mycompany.com/"), len(URL) - 3, len(URL)):
        assert not _verify(SIGNED, url=URL[:where] + put_in + URL[where:])


@pytest.mark.parametrize(
    "form", [b"{}", "{}", 7, {"a": None}, {"a": b"b"}, MultiDict({"\udc80": "x"}), MultiDict({"a": "\udc80"})]
)
def test_a_form_that_cannot_be_signed_is_refused(form: object) -> None:
    assert not _verify(SIGNED, form=form)


def test_a_token_that_is_no_text_is_refused() -> None:
    assert not _verify(SIGNED, tokens=(b"12345", 7, "\udc80"))


@given(st.text() | st.binary() | st.none(), st.text(), st.dictionaries(st.text(), st.text()), st.lists(st.text()))
def test_nothing_makes_the_check_raise(
    given_signature: object, url: str, fields: dict[str, str], tokens: list[str]
) -> None:
    assert _verify(given_signature, url=url, form=MultiDict(fields), tokens=tokens) is False
