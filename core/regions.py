"""The region a telephone number is at home in, as far as its area code tells."""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import phonenumbers
from phonenumbers.phonenumberutil import is_number_geographical

TABLE = Path(__file__).with_name("area_codes.json")
"""The state by prefix, as `core.area_codes` makes it."""


@lru_cache(maxsize=20_000)
def region_of_number(number: str | None) -> str | None:
    """The US state (ISO 3166-2, such as US-NY) of an E.164 number; None for other countries and where nobody knows.

    Where the telephone comes from, not where the caller is: mobiles keep their number when people move. The answer is
    that of the geocoder of `phonenumbers`, from the table `core.area_codes` makes of it.
    """
    if number is None or not number.startswith("+1"):
        return None
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return None
    # Numbers nobody can have, and those of a service (toll-free, premium, personal), are at home nowhere.
    if not is_number_geographical(parsed):
        return None
    digits = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)[1:]
    states, longest = _area_codes()
    # The longest prefix decides, also where it says None: a place in no state inside a stretch that is in one.
    return next((states[digits[:n]] for n in range(longest, 0, -1) if digits[:n] in states), None)


@lru_cache(maxsize=1)
def _area_codes() -> tuple[Mapping[str, str | None], int]:
    """The state by prefix (digits of E.164 without the `+`), and how long the longest prefix is."""
    states: dict[str, str | None] = json.loads(TABLE.read_text(encoding="ascii"))
    return states, max(map(len, states))
