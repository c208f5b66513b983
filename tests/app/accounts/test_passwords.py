"""Passwords as production keeps them, in a process that no fixture touched."""

import subprocess
import sys

import pytest

from app.accounts.passwords import MAX_LENGTH, MIN_LENGTH, hash_password, require_email, verify_password
from core.errors import InvalidInput


def test_what_is_kept_is_argon2id_with_64_mib_and_3_passes() -> None:
    code = "from app.accounts.passwords import hash_password; print(hash_password('correct horse'))"
    kept = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_only_the_right_password_opens() -> None:
    kept = hash_password("correct horse")
    assert verify_password(kept, "correct horse")
    assert not verify_password(kept, "correct horse ")
    assert not verify_password(None, "nobody has this password")
    assert not verify_password("not a hash", "correct horse")
    assert hash_password("correct horse") != kept


@pytest.mark.parametrize("length", [0, MIN_LENGTH - 1, MAX_LENGTH + 1])
def test_too_short_and_too_long_are_refused(length: int) -> None:
    with pytest.raises(InvalidInput, match=str(length)):
        hash_password("x" * length)


@pytest.mark.parametrize("length", [MIN_LENGTH, 64, MAX_LENGTH])
def test_long_passwords_count_to_their_last_character(length: int) -> None:
    kept = hash_password("x" * length)
    assert verify_password(kept, "x" * length)
    assert not verify_password(kept, "x" * (length - 1) + "y")


def test_addresses_are_compared_in_lower_case() -> None:
    assert require_email(" Anna@Example.COM ") == "anna@example.com"
    for text in ("", "anna", "@", "a@b@c", "a b@c", "x" * 65 + "@example.com"):
        with pytest.raises(InvalidInput):
            require_email(text)
