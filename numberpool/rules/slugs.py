"""Slugs: the names that answers, filters and reports call tracking sources by."""

import re
import unicodedata
from collections.abc import Collection

MAX_SLUG = 80
_GAPS = re.compile(r"[^a-z0-9]+")


def slug_of(name: str, taken: Collection[str]) -> str:
    """A slug made from a name: ASCII letters and digits joined by hyphens, with -2, -3, … where it is taken.

    Accents are dropped (NFKD); a name without a letter or digit left is a `source`.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    base = _GAPS.sub("-", plain)[: MAX_SLUG - 8].strip("-") or "source"
    slug, number = base, 1
    while slug in taken:
        number += 1
        slug = f"{base}-{number}"
    return slug
