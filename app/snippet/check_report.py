"""What the script reports of one page: the form of a `check` event. It says nothing of the visitor."""

from functools import lru_cache
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from core.text import clean

MAX_PAGE = 400
_MANY = 1_000_000


Written = Annotated[str, Field(max_length=240), AfterValidator(lambda value: clean(value, 60) or "")]
"""A number as the page writes it."""
Where = Annotated[str, Field(max_length=480), AfterValidator(lambda value: clean(value, 120) or "")]
"""A place on the page, as a short path of elements such as ``footer > p.phone``."""
E164 = Annotated[str, Field(pattern=r"^\+[1-9][0-9]{6,14}$")]
Count = Annotated[int, Field(ge=0, le=_MANY)]
Millis = Annotated[float, Field(ge=0, le=86_400_000)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Place(_Part):
    """Where a number still stands as the page wrote it, and why: in plain text, kept off, a field, being edited."""

    at: Where
    text: Written
    why: Literal["text", "off", "field", "edited"]


class NumberFound(_Part):
    """One of the site's own numbers on the page. `shown`: what was to be shown instead, None for nothing."""

    number: E164
    shown: E164 | None = None
    swapped: Count = 0
    left: Count = 0
    places: tuple[Place, ...] = Field(default=(), max_length=10)

    @property
    def found(self) -> int:
        """In how many places it is, swapped or not."""
        return self.swapped + self.left


class Half(_Part):
    """A link whose text names another number than it dials."""

    at: Where
    text: Written
    link: Written


class Stranger(_Part):
    """A number on the page that is neither one of the site's own nor shown for one; `link`: it is dialled."""

    at: Where
    number: Written
    link: bool = False


class Tag(_Part):
    """Script tags of one key on the page: how many, how they load, and where the first of them stands."""

    key: Annotated[str, Field(max_length=100, pattern=r"^[A-Za-z0-9_-]+$")]
    count: Annotated[int, Field(ge=1, le=1000)] = 1
    how: Literal["async", "defer", "sync"] = "async"
    where: Literal["head", "body"] = "head"


class CheckReport(_Part):
    """A page, looked at. Times are milliseconds since navigation began; `staff` is said by the server alone."""

    url: Annotated[str, Field(max_length=8000)]
    consent: Literal["full", "source"] = "full"
    numbers: tuple[NumberFound, ...] = Field(default=(), max_length=20)
    halves: tuple[Half, ...] = Field(default=(), max_length=10)
    strangers: tuple[Stranger, ...] = Field(default=(), max_length=10)
    pictures: tuple[Place, ...] = Field(default=(), max_length=5)
    tags: tuple[Tag, ...] = Field(default=(), max_length=10)
    reverted: Count = 0
    started_ms: Millis | None = None
    ready_ms: Millis | None = None
    frames: Count = 0
    cut: bool = False
    staff: bool = False


@lru_cache(maxsize=4096)
def host_of(address: str | None) -> str | None:
    """The host of an http address in lower case, without its port; None where it names none."""
    try:
        parts = urlsplit((address or "").strip())
        host = parts.hostname
    except ValueError:
        return None
    return host if host and parts.scheme in {"http", "https"} and clean(host, 255) == host else None


@lru_cache(maxsize=4096)
def page_of(url: str) -> str | None:
    """Host and path of a page: what reports are kept by. Never its query or fragment; None for no page of the web."""
    host = host_of(url)
    return clean(f"{host}{urlsplit(url.strip()).path or '/'}", MAX_PAGE) if host else None


def address_of(url: str) -> str | None:
    """The address of a page without query and fragment, with its scheme and port, to open it again."""
    if host_of(url) is None:
        return None
    parts = urlsplit(url.strip())
    place = parts.netloc.rpartition("@")[2].lower()
    return clean(f"{parts.scheme}://{place}{parts.path or '/'}", MAX_PAGE + 100)
