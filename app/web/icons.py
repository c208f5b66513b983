"""Icons of Bootstrap's bundled set, written into the page: the sprite as a whole would be a megabyte to load."""

import re
from functools import lru_cache
from pathlib import Path

import flask_bootstrap
from markupsafe import Markup

_SPRITE = Path(flask_bootstrap.__file__).parent / "static/bootstrap5/icons/bootstrap-icons.svg"


@lru_cache(maxsize=1)
def _sprite() -> str:
    return _SPRITE.read_text(encoding="utf-8")


@lru_cache(maxsize=256)
def icon(name: str) -> Markup:
    """The icon as inline SVG. Decoration only: a label stands beside it. Raises LookupError for an unknown name."""
    found = re.search(rf'<symbol[^>]*viewBox="([^"]+)"[^>]*id="{re.escape(name)}">(.*?)</symbol>', _sprite())
    if found is None:
        raise LookupError(f"there is no icon {name}")
    box, paths = found.groups()
    # The set is part of an installed package, not input.
    return Markup(  # noqa: S704
        f'<svg class="icon" viewBox="{box}" width="16" height="16" fill="currentColor" aria-hidden="true">{paths}</svg>'
    )
