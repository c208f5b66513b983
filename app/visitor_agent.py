"""What a user agent says: a bot or a person, and on what kind of device. By the `device-detector` library."""

from dataclasses import dataclass
from functools import lru_cache

from device_detector import DeviceDetector

_PHONES = frozenset({"smartphone", "feature phone", "phablet"})
_TABLETS = frozenset({"tablet"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Agent:
    """`device` is `phone`, `tablet`, `desktop` or `other`."""

    bot: bool
    device: str


# The library takes milliseconds; a site's visitors share a few thousand user agents.
@lru_cache(maxsize=20_000)
def read_agent(user_agent: str) -> Agent:
    """Reads a User-Agent header (at most its first 1,000 characters)."""
    found = DeviceDetector(user_agent[:1000]).parse()
    if found.is_bot():
        return Agent(bot=True, device="other")
    kind = (found.device_type() or "").lower()
    if kind in _PHONES:
        return Agent(bot=False, device="phone")
    if kind in _TABLETS:
        return Agent(bot=False, device="tablet")
    return Agent(bot=False, device="desktop" if kind == "desktop" else "other")
