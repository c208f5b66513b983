"""Phone numbers: E.164 inside, the reader's form outside. The one home of `phonenumbers`."""

import re
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumberFormat as Form

from core.errors import InvalidInput, shown

# Carriers and providers spell a withheld caller in words or in the keypad digits of such a word.
_WITHHELD_WORDS = frozenset(
    [
        "anonymous",
        "restricted",
        "unavailable",
        "unknown",
        "private",
        "blocked",
        "withheld",
        "266696687",
        "7378742833",
        "2562533",
        "8656696",
        "86282452253",
    ]
)
_E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_FORMATTING = re.compile(r"[\s().\-\u2010-\u2015]+")
_ZEROS = re.compile(r"\+[0-9]{1,3}0{7,}")


@lru_cache(maxsize=8192)
def e164(text: str, country: str | None = None) -> str | None:
    """`text`, as people write numbers, in E.164, or None where it is no possible number.

    `country` (ISO 3166-1 alpha-2) is where a number without `+` is at home. Possible, not assigned: numbers
    of ranges kept for fiction or tests are numbers all the same.
    """
    if len(text) > 60:
        return None
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    form = phonenumbers.format_number(number, Form.E164)
    # Of a run of zeros the library takes one away at each reading: what does not read the same again is no number.
    stable = _E164.fullmatch(form) and phonenumbers.format_number(phonenumbers.parse(form), Form.E164) == form
    return form if stable else None


def require_e164(value: object, field: str, country: str | None = None) -> str:
    """`value` in E.164. Raises InvalidInput naming `field`."""
    found = e164(value.strip(), country) if isinstance(value, str) else None
    if found is None:
        raise InvalidInput({field: f"{shown(value)} is no phone number; E.164 is allowed, such as +12125550142"})
    return found


def caller_of(value: str | None) -> str | None:
    """The caller's number in E.164, or None where it was withheld, in whatever spelling, or is no number.

    Withheld callers are one kind, not one person: none of their spellings may become an identity. Addresses
    (`sip:`, `client:`), short codes and numbers that are nothing but zeros name no telephone either.
    """
    if is_withheld(value):
        return None
    number = dialled(_FORMATTING.sub("", value or ""))
    return None if number is None or _ZEROS.fullmatch(number) else number


def is_withheld(value: str | None) -> bool:
    """Whether this is one of the spellings of a withheld caller; nothing at all is one."""
    text = _FORMATTING.sub("", value or "").lstrip("+").lower()
    return not text or text in _WITHHELD_WORDS


def dialled(value: str | None) -> str | None:
    """A number in international form as a provider sends it, in E.164, or None where it is none.

    The `+` may be missing: carriers leave it out, and a raw one in a form or query is decoded as a space.
    """
    text = (value or "").strip()
    if not text or text[0] not in "+123456789" or len(text) > 59:
        return None
    return e164(text if text.startswith("+") else f"+{text}")


def national(number: str) -> str:
    """The number as people write it inside its own country."""
    return _format(number, Form.NATIONAL)


def international(number: str) -> str:
    """The number as people write it abroad."""
    return _format(number, Form.INTERNATIONAL)


def for_country(number: str | None, country: str) -> str:
    """National form for numbers of `country`, international form for all others, "withheld" for none."""
    if number is None:
        return "withheld"
    try:
        home = phonenumbers.country_code_for_region(country)
        own = phonenumbers.parse(number).country_code == home
    except phonenumbers.NumberParseException:
        return number
    return national(number) if own else international(number)


def is_country(code: object) -> bool:
    """Whether `code` is an ISO 3166-1 alpha-2 code of a country with telephones."""
    return isinstance(code, str) and code in phonenumbers.SUPPORTED_REGIONS


def country_of(number: str) -> str | None:
    """The country (ISO 3166-1 alpha-2) a number in E.164 is at home in, or None where it names none.

    Where several share a calling code and the number does not tell, the main one of them.
    """
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return None
    main = phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    found = phonenumbers.region_code_for_number(parsed) or main
    return found if is_country(found) else None


@lru_cache(maxsize=8192)
def _format(number: str, form: int) -> str:
    try:
        return phonenumbers.format_number(phonenumbers.parse(number), form)
    except phonenumbers.NumberParseException:
        return number
