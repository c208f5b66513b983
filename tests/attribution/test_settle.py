"""Which source serves a landing once those without numbers have passed it on."""

from hypothesis import given
from hypothesis import strategies as st

from attribution.rules.landing import read_landing
from attribution.rules.settle import settle, settle_visit, stand_in
from attribution.rules.sources import PRESETS, SourceRule, pick_source

AD = read_landing("https://example.com/?gclid=abc", None, own_hosts=["example.com"])
PLAIN = read_landing("https://example.com/", None, own_hosts=["example.com"])


def rule(slug: str, preset: str | None = None, *, catch_all: bool = False, kind: str = "online") -> SourceRule:
    return SourceRule(id=slug, slug=slug, kind=kind, preset=preset, rule=None, position=1, catch_all=catch_all)


SOURCES = st.lists(
    st.builds(
        rule,
        st.sampled_from("abcdefgh"),
        st.none() | st.sampled_from(PRESETS),
        catch_all=st.booleans(),
        kind=st.sampled_from(["online", "offline"]),
    ),
    unique_by=lambda s: s.id,
)


@given(SOURCES, st.sets(st.sampled_from("abcdefgh")))
def test_whoever_serves_has_numbers_unless_nobody_could(sources: list[SourceRule], stocked: set[str]) -> None:
    chosen = settle(AD, sources, stocked)
    fits = pick_source(AD, sources)
    able = [s for s in sources if s.kind == "online" and s.catch_all and s.id in stocked]
    if fits is not None and fits.id in stocked:
        assert chosen == fits
    elif able:
        assert chosen in able
    else:
        assert chosen == fits


def test_an_offline_source_stands_in_for_nobody() -> None:
    board = rule("board", catch_all=True, kind="offline")
    assert stand_in(None, [board], {"board"}) is None


def test_a_visit_without_a_source_of_its_own_keeps_the_known_one() -> None:
    ads, direct = rule("ads", "google_ads"), rule("direct", "direct")
    settled = settle_visit(PLAIN, ads, [ads, direct], {"ads", "direct"})
    assert (settled.source, settled.kept, settled.known) == (ads, True, ads)
    assert settle_visit(PLAIN, None, [ads, direct], {"ads", "direct"}).source == direct
    assert settle_visit(AD, direct, [ads, direct], {"ads", "direct"}).known == ads


def test_a_kept_source_without_numbers_is_stood_in_for_and_stays_the_known_one() -> None:
    ads, spare = rule("ads", "google_ads"), rule("spare", "referral", catch_all=True)
    settled = settle_visit(PLAIN, ads, [ads, spare], {"spare"})
    assert (settled.source, settled.kept, settled.known) == (spare, True, ads)


def test_a_visit_that_nothing_fits_leaves_the_known_source() -> None:
    mail = rule("mail", "email")
    settled = settle_visit(AD, mail, [mail], {"mail"})
    assert (settled.source, settled.kept, settled.known) == (None, False, mail)
