"""Keyed digests: the only way a document number, a code or a phone number may serve as a look-up key."""

import hashlib
import hmac

from django.conf import settings


def keyed_digest(purpose, text):
    """Return the HMAC-SHA256 of `text` under a key of its own for `purpose`, as 64 hex digits."""
    key = hmac.digest(settings.DIGEST_KEY.encode(), purpose.encode(), hashlib.sha256)
    return hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
