"""The script of one site: the text of `script.js` with the site's settings in it, as small as it gets."""

import gzip
import hashlib
import json
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path

import minify

from core.phone import international, national

SOURCE = Path(__file__).with_name("script.js")
_SETTINGS = "__RINGTRACE_CONFIG__"


def script_for(key: str, base_url: str, numbers: Sequence[str], consent_default: str) -> tuple[bytes, str]:
    """The script a site's pages load, in UTF-8, and its entity tag (without quotes).

    `key` is the site's key, `base_url` the address its requests go to, `numbers` the target numbers in E.164: the
    only ones it will replace. `consent_default` is `full`, `source` or `none`. The same arguments give the same bytes.
    """
    return _script(key, base_url.rstrip("/"), tuple(dict.fromkeys(numbers)), consent_default)


@lru_cache(maxsize=1024)
def _script(key: str, base_url: str, numbers: tuple[str, ...], consent_default: str) -> tuple[bytes, str]:
    settings = json.dumps(
        {
            "site": key,
            "base": base_url,
            "targets": [[international(number), national(number)] for number in numbers],
            "consent": consent_default,
        },
        separators=(",", ":"),
    )
    # No "<" in it: the text stays whole also where somebody puts it into a page between script tags.
    text = minified(SOURCE).replace(_SETTINGS, settings.replace("<", "\\u003c")).encode()
    return text, hashlib.sha256(text).hexdigest()[:32]


@cache
def minified(source: Path) -> str:
    """The script in a file without comments, white space and long names."""
    return str(minify.string("application/javascript", source.read_text("utf-8")))


@lru_cache(maxsize=1024)
def gzipped(script: bytes) -> bytes:
    """A script as nearly every browser takes it."""
    return gzip.compress(script, 9, mtime=0)
