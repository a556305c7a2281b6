"""Private files, stored once under the hash of their content."""

import hashlib
import os
import tempfile
from pathlib import Path

from django.conf import settings

CHUNK = 1024 * 1024


def path_of(sha256, variant=""):
    """Where the content with that hash lies (`variant` "thumbnail" for the small picture of a clean copy)."""
    suffix = f".{variant}" if variant else ""
    return Path(settings.MEDIA_ROOT) / "evidence" / sha256[:2] / sha256[2:4] / f"{sha256}{suffix}"


def _make_durable(descriptor):
    os.fsync(descriptor)


def store(chunks):
    """Write the content of `chunks` (bytes) durably and return its SHA-256; equal content is kept once."""
    root = Path(settings.MEDIA_ROOT) / "evidence"
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with tempfile.NamedTemporaryFile(dir=root, prefix="incoming-", delete=False) as incoming:
        for chunk in chunks:
            digest.update(chunk)
            incoming.write(chunk)
        incoming.flush()
        _make_durable(incoming.fileno())
    return _move_in(Path(incoming.name), digest.hexdigest())


def store_path(path):
    """Take over a finished file, as `store` does."""
    with path.open("rb") as source:
        return store(iter(lambda: source.read(CHUNK), b""))


def store_variant(path, sha256, variant):
    """Take over a file that belongs to a stored one, such as its thumbnail."""
    target = path_of(sha256, variant)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    target.write_bytes(path.read_bytes())


def _move_in(path, sha256):
    target = path_of(sha256)
    if target.exists():
        path.unlink()
        return sha256
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.replace(path, target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        _make_durable(folder)
    finally:
        os.close(folder)
    return sha256
