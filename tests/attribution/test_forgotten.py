import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.rules.forgotten import REMOVED, forget_person
from attribution.rules.landing import Landing, read_landing

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "cases" / "landings.json").read_text(encoding="utf-8")
)
OWN = ["acme.example"]


def _said(landing: Landing) -> tuple[object, ...]:
    return (
        landing.source,
        landing.medium,
        landing.campaign,
        dict(landing.utm),
        landing.channel,
        landing.preset,
        landing.keeps,
        landing.click_ids.keys(),
        landing.landing_path,
    )


@pytest.mark.parametrize("case", CASES, ids=[case["why"] for case in CASES])
def test_what_is_left_says_the_same_of_the_campaign(case: dict[str, Any]):
    url, referrer = forget_person(case["url"], case["referrer"])
    before = read_landing(case["url"], case["referrer"], own_hosts=OWN)
    after = read_landing(url, referrer, own_hosts=OWN)
    assert _said(after) == _said(before)
    assert set(after.click_ids.values()) <= {REMOVED}
    assert forget_person(url, referrer) == (url, referrer), "forgetting twice is forgetting once"


@given(
    st.text(alphabet="abcxyz0189", min_size=12, max_size=40),
    st.sampled_from(["gclid", "fbclid", "msclkid", "session", "email", "name"]),
)
def test_nothing_that_names_somebody_is_left(secret: str, name: str):
    url, referrer = forget_person(
        f"https://acme.example/a?{name}={secret}&utm_source=news#{secret}",
        f"https://mail.example/u/{secret}?q={secret}",
    )
    assert secret not in url
    assert referrer == "https://mail.example/"
    assert "utm_source=news" in url


def test_there_may_be_nothing():
    assert forget_person("", None) == ("", None)
    assert forget_person("/path", "") == ("/path", "")
    assert forget_person("https://acme.example", "not an address at all")[0] == "https://acme.example"
