"""Makes the table of area codes: ``python -m core.area_codes`` writes `core/area_codes.json`.

The places `phonenumbers` knows, folded to US states. Its own tables name every town of the world and cost each process
that imports them about 100 MB; the states of the United States fit into 30 KB. The same version of the library
gives the same bytes.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from core.regions import TABLE

# Names of US states as `phonenumbers` writes them, and their ISO 3166-2 parts.
_STATES = {
    "Alabama": "AL", "Alaska": "AK", "Arizona": "AZ", "Arkansas": "AR", "California": "CA", "Colorado": "CO",
    "Connecticut": "CT", "Delaware": "DE", "Washington D.C.": "DC", "Florida": "FL", "Georgia": "GA", "Hawaii": "HI",
    "Idaho": "ID", "Illinois": "IL", "Indiana": "IN", "Iowa": "IA", "Kansas": "KS", "Kentucky": "KY",
    "Louisiana": "LA", "Maine": "ME", "Maryland": "MD", "Massachusetts": "MA", "Michigan": "MI", "Minnesota": "MN",
    "Mississippi": "MS", "Missouri": "MO", "Montana": "MT", "Nebraska": "NE", "Nevada": "NV", "New Hampshire": "NH",
    "New Jersey": "NJ", "New Mexico": "NM", "New York": "NY", "North Carolina": "NC", "North Dakota": "ND",
    "Ohio": "OH", "Oklahoma": "OK", "Oregon": "OR", "Pennsylvania": "PA", "Rhode Island": "RI",
    "South Carolina": "SC", "South Dakota": "SD", "Tennessee": "TN", "Texas": "TX", "Utah": "UT", "Vermont": "VT",
    "Virginia": "VA", "Washington": "WA", "Washington State": "WA", "West Virginia": "WV", "Wisconsin": "WI",
    "Wyoming": "WY",
}  # fmt: skip
_PARTS = frozenset(_STATES.values())


def state_of_place(place: str) -> str | None:
    """The US state (ISO 3166-2, such as US-NY) of a place as `phonenumbers` names it; None where it is in none.

    Such a name is a state's ("New York"), a town with the state's letters ("Fishkill, NY"), or a place elsewhere.
    """
    last = place.rpartition(", ")[2]
    part = _STATES.get(last) or (last if last in _PARTS else None)
    return f"US-{part}" if part else None


def folded(places: Mapping[str, str]) -> dict[str, str | None]:
    """The fewest of these prefixes that tell of every number the same state, sorted; `places` names a place by prefix.

    Prefixes are the digits of E.164 without the `+`, and the longest that fits a number decides. None marks a hole: a
    place in no state, inside a longer stretch that is in one.
    """
    kept: dict[str, str | None] = {}
    for prefix in sorted(places):  # a prefix comes before all that begin with it
        state = state_of_place(places[prefix])
        around = next((kept[prefix[:n]] for n in range(len(prefix) - 1, 0, -1) if prefix[:n] in kept), None)
        if state != around:
            kept[prefix] = state
    return kept


def made() -> str:
    """The table as JSON text, one prefix a line, from the installed version of `phonenumbers`."""
    from phonenumbers.geodata import GEOCODE_DATA  # here alone: importing it is what the table is there to avoid

    places = {prefix: names["en"] for prefix, names in GEOCODE_DATA.items() if prefix[0] == "1" and "en" in names}
    return json.dumps(folded(places), indent=0) + "\n"


def main(table: Path = TABLE) -> None:
    """Write the table that ships, or to another file."""
    table.write_text(made(), encoding="ascii", newline="\n")


if __name__ == "__main__":
    main()
