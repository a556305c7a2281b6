"""AES-256-GCM with numbered keys, so that keys can be rotated without rewriting every row at once."""

import base64
import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

NONCE_BYTES = 12


class DecryptionError(Exception):
    """The stored value can't be read with any configured key, or it was moved from another column."""


def _cipher(secret):
    return AESGCM(hashlib.sha256(secret.encode()).digest())


def encrypt(text, context):
    """Encrypt `text` with the newest key; `context` (table and column) is authenticated with it."""
    keys = settings.PERSONAL_DATA_KEYS
    number = len(keys) - 1
    nonce = os.urandom(NONCE_BYTES)
    return bytes([number]) + nonce + _cipher(keys[number]).encrypt(nonce, text.encode(), context.encode())


def encrypt_many(texts, context):
    """Encrypt many texts as `encrypt` does, setting the key up once. Return a list in the same order."""
    keys = settings.PERSONAL_DATA_KEYS
    number, seal, bound = bytes([len(keys) - 1]), _cipher(keys[-1]).encrypt, context.encode()
    random = os.urandom(NONCE_BYTES * len(texts))
    nonces = (random[at : at + NONCE_BYTES] for at in range(0, len(random), NONCE_BYTES))
    return [number + nonce + seal(nonce, text.encode(), bound) for nonce, text in zip(nonces, texts, strict=True)]


def decrypt(blob, context):
    """Return the text of a value made by `encrypt`; raise `DecryptionError` when key or context are wrong."""
    number, nonce, body = blob[0], blob[1 : 1 + NONCE_BYTES], blob[1 + NONCE_BYTES :]
    try:
        return _cipher(settings.PERSONAL_DATA_KEYS[number]).decrypt(nonce, body, context.encode()).decode()
    except (IndexError, InvalidTag) as error:
        raise DecryptionError(context) from error


def seal(text, context):
    """As `encrypt`, for places that keep text only, such as a session."""
    return base64.b64encode(encrypt(text, context)).decode()


def unseal(sealed, context):
    """Return the text of a value made by `seal`; raises `DecryptionError`."""
    return decrypt(base64.b64decode(sealed), context)
