"""What holds for every landing, however it is written."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

import attribution.rules.reference as reference
from attribution.rules.channel import CHANNELS
from attribution.rules.landing import Landing, read_landing
from attribution.rules.presets import PRESETS
from attribution.rules.query import MAX_CLICK_ID, MAX_PATH, MAX_QUERY, MAX_VALUE
from attribution.rules.reference import RULES_VERSION, service_of_host, service_of_name

OWN = ("acme.example",)
DATA = Path(reference.__file__).parent / "data"
SERVICES = json.loads((DATA / "services.json").read_text(encoding="utf-8"))["services"]
HOSTS = [host for service in SERVICES for host in service.get("hosts", ())]
NAMES = {name for service in SERVICES for name in (*service.get("names", ()), service["name"]) if name}
FIELDS = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
words = st.sampled_from(["google", "cpc", "email", "facebook", "Spring Sale", "büro", "shop", "a&b", "x=y", "100%"])
parameters = st.dictionaries(
    st.sampled_from(
        [*FIELDS, "utm_id", "gclid", "fbclid", "msclkid", "gad_source", "srsltid", "utmsource", "mc_cid", "page", "q"]
    ),
    words.map(str),
    max_size=8,
)
pieces = st.sampled_from(
    ["https://", "//", "?", "&", "=", "#", "%", "%00", "%FF", "utm_source", "gclid", "@", "[", "]", ":", "\\", "\0",
     "\ud800", "android-app://", "google.com", ".", "..", "xn--", "utm_source%3D", "+", ";", "&amp;", "%25", "{", "}",
     "__", "gad_source=1", "srsltid=", "cdn.ampproject.org", "--"]
)  # fmt: skip
hostile = st.one_of(st.text(), st.lists(st.one_of(pieces, st.text(max_size=5)), max_size=30).map("".join))
labels = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
REGISTERED = ["google.com", "google.co.uk", "facebook.com", "bing.com", "chatgpt.com", "paypal.com", "youtube.com"]
registered = st.sampled_from(REGISTERED)
hosts = st.sampled_from([*REGISTERED, "mail.google.com", "search.yahoo.com"])


def read(query: str = "", referrer: str | None = None, fragment: str = "") -> Landing:
    url = "https://acme.example/p" + ("?" + query if query else "") + ("#" + fragment if fragment else "")
    return read_landing(url, referrer, own_hosts=OWN)


@given(url=hostile, referrer=st.none() | hostile, own=st.lists(st.text(max_size=12), max_size=3))
def test_any_text_is_read_and_bounded(url: str, referrer: str | None, own: list[str]) -> None:
    landing = read_landing(url, referrer, own_hosts=own)
    assert landing.channel in CHANNELS
    assert landing.preset in PRESETS
    assert not landing.keeps or (landing.preset == "direct" and landing.campaign_key is None)
    kept = [landing.landing_path, landing.landing_query, *landing.utm.values(), *landing.click_ids.values()]
    for text in [*kept, landing.source or "", landing.referrer_host or ""]:
        text.encode("utf-8")
        assert "\0" not in text
    assert len(landing.landing_path) <= MAX_PATH
    assert len(landing.landing_query) <= MAX_QUERY


@given(length=st.integers(1, 9000), name=st.sampled_from([*FIELDS, "gclid", "ttclid"]))
def test_long_values_are_cut_and_long_click_ids_refused(length: int, name: str) -> None:
    landing = read(f"{name}={'x' * length}")
    assert all(len(value) <= MAX_VALUE for value in landing.utm.values())
    assert bool(landing.click_ids) == (not name.startswith("utm") and length <= MAX_CLICK_ID)


@given(pairs=parameters, data=st.data())
def test_the_order_of_parameters_does_not_matter(pairs: dict[str, str], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(list(pairs.items())))
    one, other = read(urlencode(pairs)), read(urlencode(shuffled))
    assert (one.source, one.medium, one.channel, one.preset) == (
        other.source,
        other.medium,
        other.channel,
        other.preset,
    )
    assert one.campaign_key == other.campaign_key
    assert one.click_ids == other.click_ids


@given(pairs=parameters, fragment=st.from_regex(r"[a-z0-9/!-]{0,20}", fullmatch=True))
def test_a_fragment_without_tags_changes_nothing(pairs: dict[str, str], fragment: str) -> None:
    assert read(urlencode(pairs), fragment=fragment) == read(urlencode(pairs))


@given(source=words, medium=words, fragment_source=words)
def test_tags_in_the_fragment_count_unless_the_query_has_them(source: str, medium: str, fragment_source: str) -> None:
    landing = read(
        f"utm_source={quote(source)}", fragment=f"utm_source={quote(fragment_source)}&utm_medium={quote(medium)}"
    )
    assert (landing.source, landing.medium) == (source, medium)


@given(pairs=parameters)
def test_the_campaign_key_tells_tagged_from_untagged(pairs: dict[str, str]) -> None:
    landing = read(urlencode(pairs))
    tagged = bool(landing.utm or landing.click_ids or landing.utm_more or landing.marks)
    assert (landing.campaign_key is not None) == tagged


@given(one=parameters, other=parameters)
def test_equal_keys_mean_equal_tags(one: dict[str, str], other: dict[str, str]) -> None:
    left, right = read(urlencode(one)), read(urlencode(other))
    tags = [(seen.utm, seen.click_ids, seen.utm_more, seen.marks) for seen in (left, right)]
    same = tags[0] == tags[1]
    assert (left.campaign_key == right.campaign_key) == same


@given(host=registered, label=labels)
def test_a_name_glued_to_a_known_host_is_a_stranger(host: str, label: str) -> None:
    for other in (label + host, f"{host}.{label}.example", f"{host}-{label}.example"):
        landing = read(referrer=f"https://{other}/")
        assert (landing.channel, landing.preset, landing.source) == ("Referral", "referral", other)


every_host = st.sampled_from(sorted({host.replace(".*", ".com") for host in HOSTS}))


@given(host=every_host, label=labels, tail=labels)
def test_no_listed_host_is_found_in_a_part_of_another(host: str, label: str, tail: str) -> None:
    head, _, rest = host.partition(".")
    for other in (f"{label}{tail}-{host}", f"{host}.{label}.example", f"{head}-{tail}.{rest}.{label}.example"):
        assert service_of_host(other) in (None, service_of_host(other.split(".", 1)[1])), other
    assert read(referrer=f"https://{host}.{label}.example/").referrer_host == f"{host}.{label}.example"


@given(name=st.sampled_from(sorted(NAMES)), label=labels)
def test_no_listed_name_is_found_in_a_part_of_another(name: str, label: str) -> None:
    for other in (f"not-{name}{label}x", f"{label}q-{name}"):
        assert service_of_name(other) is None or other in NAMES


@given(host=hosts, label=labels)
def test_a_subdomain_belongs_to_its_service(host: str, label: str) -> None:
    # The x keeps the label from being one that has a service of its own, such as mail.
    landing = read(referrer=f"https://{label}x.{host}/")
    plain = read(referrer=f"https://{host}/")
    assert (landing.channel, landing.preset, landing.keeps) == (plain.channel, plain.preset, plain.keeps)


@given(host=st.sampled_from(["acme.example", "www.acme.example", "a.b.acme.example"]), port=st.integers(1, 65535))
def test_own_pages_keep_what_was_there(host: str, port: int) -> None:
    assert read(referrer=f"https://{host}:{port}/x?utm_source=ignored").keeps


@pytest.mark.parametrize("own", [["www.acme.example"], ["acme.example"], ["ACME.example."]])
def test_www_makes_no_difference_to_own_pages(own: list[str]) -> None:
    assert read_landing("https://other.example/", "https://www.acme.example/", own_hosts=own).keeps
    assert read_landing("https://other.example/", "https://acme.example/", own_hosts=own).keeps


def test_the_rules_have_a_version() -> None:
    assert RULES_VERSION.count(".") == 2
