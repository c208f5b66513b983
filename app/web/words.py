"""Values in the reader's words: times, durations, shares, money. Pure; the zone and the moment come in."""

from datetime import UTC, datetime, timedelta

from core.currency import minor_digits
from core.time import zone

# ISO 4217 minor units other than two digits.
_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹", "AUD": "A$", "CAD": "CA$", "NZD": "NZ$"}


def day(at: datetime, now: datetime, time_zone: str) -> str:
    """The local day of `at`: today, yesterday, a weekday of the last week, else the date."""
    place = zone(time_zone)
    then, today = at.astimezone(place).date(), now.astimezone(place).date()
    ago = (today - then).days
    if ago == 0:
        return "today"
    if ago == 1:
        return "yesterday"
    if 1 < ago < 7:
        return f"{then:%A}"
    return f"{then.day} {then:%b}" if then.year == today.year else f"{then.day} {then:%b %Y}"


def clock(at: datetime, time_zone: str, *, seconds: bool = False) -> str:
    """The local time of day, 24 hours."""
    local = at.astimezone(zone(time_zone))
    return f"{local:%H:%M:%S}" if seconds else f"{local:%H:%M}"


def date(at: datetime, time_zone: str) -> str:
    """The local date without its year, such as "7 Nov"."""
    local = at.astimezone(zone(time_zone))
    return f"{local.day} {local:%b}"


def when(at: datetime, now: datetime, time_zone: str) -> str:
    """Day and time, such as "today 14:02"."""
    return f"{day(at, now, time_zone)} {clock(at, time_zone)}"


def full(at: datetime, time_zone: str) -> str:
    """All there is to say of a moment, with its zone."""
    local = at.astimezone(zone(time_zone))
    return f"{local:%A}, {local.day} {local:%B %Y, %H:%M:%S} {local.tzname()}"


def duration(seconds: int | None) -> str:
    """Talk time as m:ss or h:mm:ss; nothing where it is not known."""
    if seconds is None:
        return ""
    minutes, rest = divmod(max(seconds, 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def span(between: timedelta) -> str:
    """A rough length of time: "40 s", "12 min", "3 h", "5 days"."""
    seconds = max(int(between.total_seconds()), 0)
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7200:
        return f"{seconds // 60} min"
    if seconds < 172_800:
        return f"{seconds // 3600} h"
    return f"{seconds // 86_400:,} days"


def percent(share: float) -> str:
    """A probability in whole per cent; never 0 % or 100 % for what is not certain."""
    rounded = round(share * 100)
    if share > 0 and rounded == 0:
        return "<1\u00a0%"
    if share < 1 and rounded == 100:
        return ">99\u00a0%"
    return f"{rounded}\u00a0%"


def money(minor: int, currency: str) -> str:
    """An amount of minor units with its currency, such as "$480" or "$1,200.50"."""
    digits = minor_digits(currency)
    unit = 10**digits
    whole, rest = divmod(abs(minor), unit)
    text = f"{whole:,}" + (f".{rest:0{digits}d}" if rest else "")
    sign = "−" if minor < 0 else ""
    return f"{sign}{_SIGNS[currency]}{text}" if currency in _SIGNS else f"{sign}{text} {currency}"


def plain_amount(minor: int, currency: str) -> str:
    """An amount as it may be typed into a form, such as "1200.50"."""
    digits = minor_digits(currency)
    whole, rest = divmod(abs(minor), 10**digits)
    return ("-" if minor < 0 else "") + (f"{whole}.{rest:0{digits}d}" if digits else str(whole))


def read_amount(text: str, currency: str) -> int | None:
    """Minor units from what people type ("1,200.50", "480", "$12"), or None where that is no amount."""
    bare = text.strip().removeprefix(_SIGNS.get(currency, "$")).replace(",", "").replace(" ", "")
    whole, _, rest = bare.partition(".")
    digits = minor_digits(currency)
    if not (whole.isascii() and whole.isdigit()) or len(whole) > 16 or len(rest) > digits:
        return None
    if rest and not (rest.isascii() and rest.isdigit()):
        return None
    return int(whole + rest.ljust(digits, "0"))


def weight(value: float) -> str:
    """A match weight (log2) with its sign."""
    text = f"{abs(value):.1f}"
    return text if text == "0.0" else f"{'+' if value > 0 else '−'}{text}"


def ordinal(count: int) -> str:
    """A place in a row, such as "1st", "2nd" or "11th"."""
    ending = "th" if 10 <= count % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(count % 10, "th")
    return f"{count:,}{ending}"


def counted(count: int, one: str, many: str | None = None) -> str:
    """A number with its noun: "1 call", "1,204 calls"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def machine(at: datetime) -> str:
    """For the `datetime` attribute of a `time` element."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
