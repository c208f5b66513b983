"""Keys derived from SECRET_KEY: one to keep secrets in the database, one to sign visitor ids."""

import base64
import hashlib
import hmac
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.settings import Settings


def derive(secret_key: str, purpose: str) -> bytes:
    """32 bytes for one purpose (HKDF-SHA256), so that no two uses share a key."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(secret_key.encode())


class SecretBox:
    """Encrypts what the database must not hold in the clear.

    New values use SECRET_KEY; values under PREVIOUS_SECRET_KEYS can still be read, so a key is rotated by moving the
    old one there.
    """

    def __init__(self, settings: Settings) -> None:
        keys = [k for k in (settings.secret_key, *settings.previous_secret_keys) if k]
        self._fernet = MultiFernet([Fernet(base64.urlsafe_b64encode(derive(k, "secrets at rest"))) for k in keys])

    def seal(self, secret: str) -> bytes:
        """`secret`, encrypted and authenticated."""
        return self._fernet.encrypt(secret.encode())

    def open(self, sealed: bytes) -> str | None:
        """The secret, or None where no key of ours opens it (a key was lost: fail closed, do not crash)."""
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken:
            return None

    def renew(self, sealed: bytes) -> bytes | None:
        """The same secret under SECRET_KEY, or None where no key of ours opens it."""
        try:
            return self._fernet.rotate(sealed)
        except InvalidToken:
            return None


class VisitorIds:
    """Visitor ids as the outside sees them: id, dot, HMAC over site and id. Nobody can make one up."""

    def __init__(self, settings: Settings) -> None:
        keys = [k for k in (settings.secret_key, *settings.previous_secret_keys) if k]
        self._keys = [derive(k, "visitor ids") for k in keys]

    def sign(self, site_id: str, visitor_id: str) -> str:
        """The outside form of a visitor's id on this site."""
        return f"{visitor_id}.{self._mac(self._keys[0], site_id, visitor_id)}"

    def verify(self, site_id: str, signed: str | None) -> str | None:
        """The bare id, or None where the signature is not ours or belongs to another site."""
        visitor_id, dot, mac = (signed or "").partition(".")
        if not dot or not signed or not signed.isascii():
            return None
        genuine = any(hmac.compare_digest(self._mac(k, site_id, visitor_id), mac) for k in self._keys)
        return visitor_id if genuine else None

    @staticmethod
    def bare(outside: str) -> str:
        """The id without its signature, where the asker has proved itself in another way (an API token)."""
        return outside.partition(".")[0]

    # A visitor's id is verified and signed with every page they open.
    @staticmethod
    @lru_cache(maxsize=50_000)
    def _mac(key: bytes, site_id: str, visitor_id: str) -> str:
        digest = hmac.digest(key, f"{site_id}.{visitor_id}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()


class Networks:
    """Networks as the database may know them: a keyed hash, which tells two apart and gives neither away.

    A network is what one subscriber or office usually has: an IPv4 address, or the /64 of an IPv6 one.
    """

    def __init__(self, settings: Settings) -> None:
        self._key = derive(settings.secret_key or "", "networks of visitors")

    def of(self, address: IPv4Address | IPv6Address | None) -> str | None:
        """The hash of an address's network; None where the address is not known."""
        return None if address is None else _network_hash(self._key, address)


@lru_cache(maxsize=20_000)
def _network_hash(key: bytes, address: IPv4Address | IPv6Address) -> str:
    whole = address.packed if isinstance(address, IPv4Address) else address.packed[:8]
    return base64.urlsafe_b64encode(hmac.digest(key, whole, hashlib.sha256)[:15]).decode()
