"""Random texts that people read off paper and type: Crockford's base 32, without I, L, O and U to misread."""

import secrets

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
MISREAD = str.maketrans("OIL", "011")


def readable_code(length):
    """Return `length` random characters, five bits each."""
    return "".join(secrets.choice(ALPHABET) for _place in range(length))


def as_meant(text):
    """An upper-case text with O read as 0, I and L as 1."""
    return text.translate(MISREAD)
