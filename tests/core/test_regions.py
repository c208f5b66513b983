"""Area codes to states: the shipped table says what the geocoder of `phonenumbers` says, and spares its tables."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.area_codes import folded, main, state_of_place
from core.regions import TABLE, region_of_number

Known = Callable[[str], str | None]


@pytest.fixture(scope="module")
def geocoder() -> Known:
    """The state by way of the library's own geocoder, imported here alone: it is large."""
    from phonenumbers.geocoder import description_for_number

    def state(number: str) -> str | None:
        try:
            return state_of_place(description_for_number(phonenumbers.parse(number), "en"))
        except phonenumbers.NumberParseException:
            return None

    return state


def test_every_prefix_the_geocoder_knows_is_in_the_state_it_says(geocoder: Known) -> None:
    from phonenumbers.geodata import GEOCODE_DATA

    numbers = [f"+{(prefix + '5550142')[:11]}" for prefix in GEOCODE_DATA if prefix.startswith("1")]
    found = {number: region_of_number(number) for number in numbers}

    assert {number: (state, geocoder(number)) for number, state in found.items() if state != geocoder(number)} == {}
    assert len(numbers) > 30_000
    assert len(set(found.values()) - {None}) == 51  # fifty states and the capital


@settings(max_examples=3000)
@given(st.integers(2_000_000_000, 9_999_999_999))
def test_any_number_of_ten_digits_is_where_the_geocoder_says(geocoder: Known, national: int) -> None:
    assert region_of_number(f"+1{national}") == geocoder(f"+1{national}")


@settings(max_examples=300)
@given(st.from_regex(r"\+1[0-9 ().;ext#-]{0,16}", fullmatch=True))
def test_odd_spellings_and_lengths_are_read_as_the_geocoder_reads_them(geocoder: Known, text: str) -> None:
    assert region_of_number(text) == geocoder(text)


@pytest.mark.parametrize(
    ("number", "state"),
    [
        ("+12125550142", "US-NY"),
        ("+12015550142", "US-NJ"),
        ("+12016315550", "US-NY"),  # an exchange across the river, inside New Jersey's code
        ("+12025550142", "US-DC"),
        ("+12065550142", "US-WA"),
        ("+14045550142", "US-GA"),
    ],
)
def test_a_number_is_at_home_in_the_state_of_its_area_code(number: str, state: str) -> None:
    assert region_of_number(number) == state


@pytest.mark.parametrize(
    "number",
    [
        None,
        "",
        "+1",
        "2125550142",
        "+14165550142",  # Ontario
        "+18765550142",  # Jamaica
        "+17875550142",  # Puerto Rico
        "+13405550142",  # US Virgin Islands
        "+16716465550",  # Guam
        "+18005550142",  # toll-free
        "+19005550142",  # premium rate
        "+12121550142",  # no exchange begins with 1
        "+121255501",
        "+4930123456",
        "+995322123456",  # Georgia, the country
    ],
)
def test_other_countries_services_and_impossible_numbers_are_at_home_in_no_state(number: str | None) -> None:
    assert region_of_number(number) is None


PLACES = st.dictionaries(
    st.text("12", min_size=1, max_size=5), st.sampled_from(["Ohio", "Akron, OH", "Utah", "Ontario", ""]), max_size=12
)


def longest(table: Mapping[str, Any], number: str) -> Any:
    return next((table[number[:n]] for n in range(len(number), 0, -1) if number[:n] in table), None)


@given(PLACES, st.text("12", min_size=1, max_size=7))
def test_folding_changes_no_answer(places: dict[str, str], number: str) -> None:
    place = longest(places, number)
    assert longest(folded(places), number) == (None if place is None else state_of_place(place))


@given(PLACES)
def test_folding_keeps_nothing_that_says_what_is_said_around_it(places: dict[str, str]) -> None:
    table = folded(places)
    assert list(table) == sorted(table)
    assert all(state != longest(table, prefix[:-1]) for prefix, state in table.items())


def test_the_shipped_table_is_what_its_maker_makes(tmp_path: Path) -> None:
    main(tmp_path / "made.json")
    assert (tmp_path / "made.json").read_bytes() == TABLE.read_bytes()


def test_asking_for_a_region_does_not_load_the_library_s_places() -> None:
    asks = (
        "import sys; from core.regions import region_of_number; print(region_of_number('+12125550142'));"
        "print([m for m in sys.modules if m.startswith(('phonenumbers.geo', 'core.area_codes'))])"
    )
    project = Path(__file__).resolve().parents[2]
    told = subprocess.run([sys.executable, "-c", asks], cwd=project, capture_output=True, text=True, check=True)
    assert told.stdout.split("\n")[:2] == ["US-NY", "[]"]
