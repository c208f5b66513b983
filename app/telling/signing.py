"""The Standard Webhooks form (standardwebhooks.com, version 1.0): secrets, and the headers of a message."""

import base64
import secrets as randomness
from datetime import datetime

from standardwebhooks import Webhook

SECRET_BYTES = 24
"""The specification asks for 24 to 64."""


def new_secret() -> str:
    """A new secret, as receivers' libraries take it."""
    return "whsec_" + base64.b64encode(randomness.token_bytes(SECRET_BYTES)).decode()


def signed_headers(secret: str, message_id: str, body: str, *, at: datetime) -> dict[str, str]:
    """The headers of a try at `at` (aware UTC): `message_id` is the same in every try, time and signature are not."""
    return {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Ringtrace",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, at, body),
    }
