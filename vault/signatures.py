"""Ed25519 signatures that anybody can check with the published public keys (docs/certificates.md)."""

import base64
import hashlib
import os
import secrets
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings


def to_text(data):
    """Bytes as base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def to_bytes(text):
    """The bytes of text made by `to_text`; raises ValueError for anything else, another spelling included."""
    data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if to_text(data) != text:
        raise ValueError("not the one spelling of these bytes")
    return data


def sign(message):
    """Sign `message` (bytes) with the newest key; return (key id, signature as text)."""
    key = _private_key(_secret())
    return key_id_of(key.public_key()), to_text(key.sign(message))


def current_key_id():
    return key_id_of(_private_key(_secret()).public_key())


def is_signed(message, key_id, signature):
    """Whether `signature` is ours for `message`, with a key that is or was ours."""
    key = public_keys().get(key_id)
    try:
        key.verify(to_bytes(signature), message)
    except (AttributeError, ValueError, InvalidSignature):
        return False
    return True


def public_keys():
    """Every key that signs or signed, by its id, the one that signs now last."""
    former = [Ed25519PublicKey.from_public_bytes(to_bytes(text)) for text in settings.FORMER_SIGNING_KEYS]
    return {key_id_of(key): key for key in [*former, _private_key(_secret()).public_key()]}


def key_id_of(public_key):
    """Eight hex digits: the start of the SHA-256 of the raw public key, so that a key needs no list to get its id."""
    return hashlib.sha256(raw(public_key)).hexdigest()[:8]


def raw(public_key):
    return public_key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def pem(public_key):
    return public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@lru_cache(maxsize=4)
def _private_key(secret):
    return Ed25519PrivateKey.from_private_bytes(to_bytes(secret))


def _secret():
    return settings.SIGNING_KEY or _development_secret(settings.DEVELOPMENT_SIGNING_KEY_FILE)


@lru_cache(maxsize=4)
def _development_secret(path):
    """The secret that this installation made for itself; the first of several processes wins."""
    path = Path(path)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        mine = path.with_name(f"{path.name}.{os.getpid()}")
        mine.touch(mode=0o600)
        mine.write_text(secrets.token_urlsafe(32))
        try:
            os.link(mine, path)
        except FileExistsError:
            pass
        finally:
            mine.unlink()
    return path.read_text()
