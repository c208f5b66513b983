import pytest
from werkzeug.datastructures import Headers

from app.page_purpose import is_ahead


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Sec-Purpose", "prefetch"),
        ("Sec-Purpose", "prefetch;prerender"),
        ("sec-purpose", "prefetch; anonymous-client-ip"),
        ("Purpose", "prefetch"),
        ("Purpose", "Prefetch"),
        ("X-Purpose", "preview"),
        ("X-Purpose", "instant"),
        ("X-Moz", "prefetch"),
    ],
)
def test_pages_that_nobody_sees_yet(name: str, value: str):
    assert is_ahead(Headers([(name, value)]))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Accept", "*/*"),
        ("Sec-Purpose", ""),
        ("Purpose", "navigation"),
        ("Sec-Purpose", "not-prefetch"),
        ("X-Moz", "livebookmarks"),
        ("Referer", "https://example.com/?purpose=prefetch"),
    ],
)
def test_pages_that_somebody_sees(name: str, value: str):
    assert not is_ahead(Headers([(name, value)]))
