"""What a request is for: a page that somebody looks at, or one that a browser gets ready in case they will."""

from app.client_address import Asked

# Sec-Purpose: https://fetch.spec.whatwg.org/#sec-purpose-header, its values as Chrome, Edge and Firefox send them
# ("prefetch", "prefetch;prerender", "prefetch;anonymous-client-ip"); the others came before it.
_HEADERS = {
    "Sec-Purpose": frozenset({"prefetch", "prerender"}),
    "Purpose": frozenset({"prefetch", "prerender", "preview"}),
    "X-Purpose": frozenset({"prefetch", "prerender", "preview", "instant"}),
    "X-Moz": frozenset({"prefetch"}),
}


def is_ahead(headers: Asked) -> bool:
    """Whether the page behind this request is prefetched, prerendered or previewed: ahead of a visitor who may come."""
    for name, words in _HEADERS.items():
        sent = headers.get(name, "")
        if sent and not words.isdisjoint(word.strip().lower() for word in sent.replace(",", ";").split(";")):
            return True
    return False
