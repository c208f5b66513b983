"""Forms as far as they are taken: a body of nothing but separators is work that nobody's form asks for."""

from collections.abc import Mapping
from io import BytesIO
from typing import IO

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

MOST_FIELDS = 1000
"""Of a form; a provider's webhook has some forty."""
MOST_PARTS = 100
"""Of a multipart form: no page of ours sends one, and they are dear to read."""
MOST_BYTES = 256 * 1024
"""Of a form's fields: the longest note, every letter percent-encoded, takes half of it."""


class BoundedForm(FormDataParser):
    """Reads forms; raises RequestEntityTooLarge (413) for one of more than MOST_FIELDS fields."""

    def _parse_urlencoded(  # type: ignore[no-untyped-def]
        self, stream: IO[bytes], mimetype: str, content_length: int | None, options: Mapping[str, str]
    ):
        most = (self.max_form_memory_size or MOST_BYTES) + 1
        body = stream.read(most)
        if len(body) >= most or body.count(b"&") >= MOST_FIELDS:
            raise RequestEntityTooLarge
        return super()._parse_urlencoded(BytesIO(body), mimetype, content_length, dict(options))
