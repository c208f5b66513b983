"""Hosts in the form browsers send."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.hosts import MAX_HOST, ascii_host


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("Example.COM", "example.com"),
        ("müller.example", "xn--mller-kva.example"),
        ("MÜLLER.example", "xn--mller-kva.example"),
        ("faß.example", "xn--fa-hia.example"),
        ("xn--mller-kva.example", "xn--mller-kva.example"),
        ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
        ("a" * (MAX_HOST + 1) + "é", None),
        ("\u2603\ufe0f.example", None),
    ],
)
def test_a_host_has_one_form(written: str, sent: str | None) -> None:
    assert ascii_host(written) == sent


@given(host=st.text(max_size=300))
def test_any_text_has_such_a_form_or_none(host: str) -> None:
    found = ascii_host(host)
    assert found is None or (found.isascii() and ascii_host(found) == found)
