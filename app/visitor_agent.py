"""What a user agent says: a bot or a person, and on what kind of device.

Two maintained lists of names, `device-detector` and `crawlerdetect`, and what no list can hold: a browser gives no web
or mail address, does not call itself merely "compatible", and begins its name as browsers do. How much of what is out
there this finds is measured in docs/recognition.md.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from crawlerdetect import CrawlerDetect
from device_detector import DeviceDetector

MAX_CHARACTERS = 512
"""How much of a User-Agent header is read; real ones are shorter."""

_DEVICES = {
    "smartphone": "phone",
    "feature phone": "phone",
    "phablet": "phone",
    "tablet": "tablet",
    "desktop": "desktop",
}
_DESKTOPS = frozenset({"Windows", "Mac", "GNU/Linux", "Chrome OS", "Chromium OS", "Unix"})

# Where somebody can read about the fetcher, or complain. (Ecosia's "ios@11.0" is a version.)
_ADDRESS = re.compile(
    r"https?:|www\.|\b[\w.+-]+@[a-z][\w-]*\.[a-z]|[\s(;]\+ ?[a-z][\w-]*\.[a-z]|[a-z\d-]\.(?:com|net|org)(?![\w.-])",
    re.I,
)
_COMPATIBLE = re.compile(r"^Mozilla/\d\.\d+ ?\(compatible(?!; ?(?:MSIE|Konqueror))", re.I)
_BROWSER = re.compile(r"^\W?(?:Mozilla/\d|Opera/\d|Dalvik/)")

# Not bots on purpose, whoever lists them as such: what people write and test their own integrations with.
_HEADLESS = re.compile(r"\bHeadlessChrome/")
_TOOL = re.compile(
    r"^(?:artillery|autocannon|bombardier|cypress|gatling|got|hey|k6|locust|node|node\.js|node-fetch|oha|playwright"
    r"|schemathesis|vegeta|werkzeug|wrk)(?![\w.-])",
    re.I,
)

_crawlers = CrawlerDetect()


@dataclass(frozen=True, kw_only=True, slots=True)
class Agent:
    """`device` is `phone`, `tablet`, `desktop` or `other` (televisions, consoles, watches, cars, programs, bots)."""

    bot: bool
    device: str


_BOT = Agent(bot=True, device="other")


def read_agent(user_agent: str) -> Agent:
    """Reads a User-Agent header (its first 512 characters); an empty one is a person's, on some device."""
    return _read(user_agent[:MAX_CHARACTERS])


# A new user agent takes milliseconds; a site's visitors share a few thousand of them.
@lru_cache(maxsize=20_000)
def _read(user_agent: str) -> Agent:
    tool = _TOOL.match(user_agent) is not None
    if not tool and _ADDRESS.search(user_agent):
        return _BOT
    found = DeviceDetector(user_agent, check_cache=False).parse()
    if not tool and (found.is_bot() or _is_bot(user_agent, found)):
        return _BOT
    library = tool or found.client_type() == "library"
    return Agent(bot=False, device="other" if library else _device(found))


def _is_bot(user_agent: str, found: Any) -> bool:
    """Whether what `device-detector` lists as no bot is one all the same."""
    if not user_agent or _HEADLESS.search(user_agent):
        return False
    device = _device(found)
    # On telephones crawlerdetect takes apps that show pages (WhatsApp's) and some makes (OPPO A33) for bots.
    handheld = device in {"phone", "tablet"}
    if _COMPATIBLE.match(user_agent) and found.device_type() in {"", "desktop"}:
        return True
    if found.client_type() == "library":
        return False
    if not handheld and _crawlers.is_crawler(user_agent):
        return True
    return found.device_type() in {"", "desktop"} and not _BROWSER.match(user_agent)


def _device(found: Any) -> str:
    kind = str(found.device_type() or "")
    family = str(found.all_details.get("os", {}).get("family") or "")
    # Touch screens: a Windows computer with one is no other computer than the one beside it without.
    if kind == "tablet" and family == "Windows":
        return "desktop"
    if kind:
        return _DEVICES.get(kind, "other")
    # Chrome on Linux names no device.
    if found.client_type() and family in _DESKTOPS:
        return "desktop"
    return "phone" if found.uses_mobile_browser() else "other"
