"""The script that looks at a page for its owner: the same for all sites, loaded only where a report is due."""

import hashlib
from functools import cache
from pathlib import Path

from app.snippet.script import minified

SOURCE = Path(__file__).with_name("check.js")


@cache
def check_script() -> tuple[bytes, str]:
    """The script in UTF-8, as small as it gets, and its entity tag (without quotes)."""
    text = minified(SOURCE).encode()
    return text, hashlib.sha256(text).hexdigest()[:32]
