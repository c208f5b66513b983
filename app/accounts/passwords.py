"""Passwords: argon2id with the library's own parameters, and what a password must be."""

import re

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from core.errors import InvalidInput, shown

MIN_LENGTH = 8
MAX_LENGTH = 1000

_hasher = PasswordHasher()
# Verified against when there is no such user, so that a wrong name takes as long as a wrong password.
_nobody = _hasher.hash("nobody has this password")
_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,255}")


def hash_password(password: str) -> str:
    """The argon2id hash to keep. Raises InvalidInput for a password that is too short or too long."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise InvalidInput({"password": f"has {len(password)} characters; {MIN_LENGTH} to {MAX_LENGTH} are allowed"})
    return _hasher.hash(password)


def verify_password(kept: str | None, password: str) -> bool:
    """Whether `password` is the one behind the hash `kept`; None (no such user) takes as long and is False."""
    try:
        right = _hasher.verify(kept or _nobody, password[: MAX_LENGTH + 1])
    except (VerificationError, InvalidHashError):
        return False
    return right and kept is not None


def require_email(text: str) -> str:
    """An e-mail address in lower case. Raises InvalidInput."""
    email = text.strip().lower()
    if not _EMAIL.fullmatch(email):
        raise InvalidInput({"email": f"{shown(text)} is no e-mail address"})
    return email
