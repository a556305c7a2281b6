from django.contrib.auth.hashers import Argon2PasswordHasher


class PortalArgon2Hasher(Argon2PasswordHasher):
    """argon2id at OWASP's minimum (19 MiB, t=2, p=1): a ninth of PBKDF2's cost here (docs/decisions.md)."""

    time_cost = 2
    memory_cost = 19456
    parallelism = 1
