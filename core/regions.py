"""The region a telephone number is at home in, as far as its area code tells."""

from functools import lru_cache

import phonenumbers
from phonenumbers import geocoder

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


@lru_cache(maxsize=20_000)
def region_of_number(number: str | None) -> str | None:
    """The US state (ISO 3166-2, such as US-NY) of an E.164 number; None for other countries and where nobody knows.

    Where the telephone comes from, not where the caller is: mobiles keep their number when people move.
    """
    if number is None or not number.startswith("+1"):
        return None
    try:
        where = geocoder.description_for_number(phonenumbers.parse(number), "en")
    except phonenumbers.NumberParseException:
        return None
    state = where.rpartition(", ")[2]
    part = _STATES.get(state) or (state if state in _STATES.values() else None)
    return f"US-{part}" if part else None
