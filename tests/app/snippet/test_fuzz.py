"""Whatever a page sends, the answer is one of the documented ones, in the documented form."""

import json
from typing import Any

import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.office import BROWSER, OWN, Office

TEXT = st.text(max_size=60) | st.sampled_from(["\x00", "\ud800", "‮", "<script>", "' OR 1=1 --", "x" * 3000, "%00"])
SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
JSON = st.recursive(SCALAR, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4))
URL = st.sampled_from(
    [
        "https://example.com/?gclid=abc",
        "https://www.example.com:8443/a?utm_source=%00&utm_medium=\x00",
        "https://example.com/?" + "utm_source=x&" * 200,
        "http://[::1",
        "//example.com",
    ]
) | TEXT.map(lambda t: f"https://example.com/{t}")
EVENT = st.fixed_dictionaries(
    {"type": st.sampled_from(["pageview", "heartbeat", "tel_click", "form", "leave", "own_thing"]) | JSON},
    optional={
        "url": URL | JSON,
        "number": st.just(OWN) | JSON,
        "age_ms": st.integers(-5, 10**9) | JSON,
        "phone": JSON,
        "email": JSON,
        "more": JSON,
    },
)
STATUSES = {200, 202, 400, 403, 413, 422}


def sound(answer: requests.Response) -> None:
    """A documented answer: JSON in the error form, or what was asked for."""
    assert answer.status_code in STATUSES, (answer.status_code, answer.text)
    if answer.status_code >= 400:
        assert set(answer.json()["error"]) == {"code", "message", "fields"}


def test_any_body_of_a_page_is_answered(lite_office: Office) -> None:
    site = lite_office.site()
    lite_office.source(site)
    swapped = lite_office.swap(site).json()
    http, headers = requests.Session(), {"User-Agent": BROWSER}

    def send(path: str, body: Any) -> None:
        raw = json.dumps(body, ensure_ascii=True).encode()
        sound(http.post(f"{lite_office.url}{path}", data=raw, headers=headers, timeout=30))

    quick = settings(
        max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
    )

    @quick
    @given(
        st.fixed_dictionaries(
            {"site": st.just(site["key"]) | JSON, "url": URL | JSON},
            optional={
                "visitor": st.just(swapped["visitor"]) | JSON,
                "referrer": URL | JSON,
                "title": JSON,
                "numbers": st.lists(st.just(OWN) | TEXT, max_size=5) | JSON,
                "consent": st.sampled_from(["full", "source", "none"]) | JSON,
            },
        )
        | JSON
    )
    def swaps(body: Any) -> None:
        send("/v1/swap", body)

    @quick
    @given(
        st.fixed_dictionaries(
            {
                "site": st.just(site["key"]) | JSON,
                "events": st.lists(EVENT, max_size=4) | JSON,
                "visitor": st.just(swapped["visitor"]) | JSON,
                "visit": st.just(swapped["visit"]) | JSON,
            }
        )
    )
    def events(body: Any) -> None:
        send("/v1/events", body)

    @quick
    @given(st.binary(max_size=200))
    def bytes_of_any_kind(raw: bytes) -> None:
        for path in ("/v1/swap", "/v1/events"):
            sound(http.post(f"{lite_office.url}{path}", data=raw, headers=headers, timeout=30))

    swaps()
    events()
    bytes_of_any_kind()
