"""Keyed digests: the only way a document number, a code or a phone number may serve as a look-up key."""

import hmac

from django.conf import settings


def keyed_digest(purpose, text):
    """Return the HMAC-SHA256 of `text` under a key of its own for `purpose`, as 64 hex digits."""
    return keyed_digests(purpose, [text])[0]


def keyed_digests(purpose, texts):
    """Return `keyed_digest` of many texts, deriving the key once."""
    key = hmac.digest(settings.DIGEST_KEY.encode(), purpose.encode(), "sha256")
    empty = hmac.new(key, digestmod="sha256")
    return [_digest(empty.copy(), text) for text in texts]  # a copy costs half of setting up the key again


def _digest(keyed, text):
    keyed.update(text.encode("utf-8", "surrogatepass"))
    return keyed.hexdigest()
