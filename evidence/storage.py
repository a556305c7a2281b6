"""Private files, stored once under the hash of their content."""

import contextlib
import hashlib
import os
import tempfile
import time
from itertools import islice
from pathlib import Path

from django.conf import settings

CHUNK = 1024 * 1024
BATCH = 500


def path_of(sha256, variant=""):
    """Where the content with that hash lies (`variant` "thumbnail" for the small picture of a clean copy)."""
    suffix = f".{variant}" if variant else ""
    return root() / sha256[:2] / sha256[2:4] / f"{sha256}{suffix}"


def root():
    return Path(settings.MEDIA_ROOT) / "evidence"


def _modes():
    """The modes of folders and files: where nginx hands them over it reads by its group."""
    return (0o750, 0o640) if settings.EVIDENCE_ACCEL_PREFIX else (0o700, 0o600)


def _make_durable(descriptor):
    os.fsync(descriptor)


def store(chunks):
    """Write the content of `chunks` (bytes) durably and return its SHA-256; equal content is kept once."""
    root().mkdir(mode=_modes()[0], parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with _incoming(root()) as incoming:
        for chunk in chunks:
            digest.update(chunk)
            incoming.write(chunk)
        incoming.flush()
        os.fchmod(incoming.fileno(), _modes()[1])
        _make_durable(incoming.fileno())
    return _move_in(Path(incoming.name), digest.hexdigest())


@contextlib.contextmanager
def _incoming(folder):
    """A file to be moved into its place; nothing is left of one that could not be finished, say on a full disk."""
    with tempfile.NamedTemporaryFile(dir=folder, prefix="incoming-", delete=False) as incoming:
        try:
            yield incoming
        except BaseException:
            Path(incoming.name).unlink(missing_ok=True)
            raise


def store_path(path):
    """Take over a finished file, as `store` does."""
    with path.open("rb") as source:
        return store(iter(lambda: source.read(CHUNK), b""))


def store_variant(path, sha256, variant):
    """Take over a file that belongs to a stored one, such as its thumbnail; two may store the same one at once."""
    target = path_of(sha256, variant)
    _make_folders(target)
    with _incoming(target.parent) as incoming:
        incoming.write(path.read_bytes())
        os.fchmod(incoming.fileno(), _modes()[1])
    os.replace(incoming.name, target)


def _make_folders(target):
    for folder in (target.parent.parent, target.parent):
        if not folder.is_dir():
            folder.mkdir(mode=_modes()[0], parents=True, exist_ok=True)
            _make_folder_durable(folder.parent)


def _move_in(path, sha256):
    """Also over equal content that lies there: its fresh time tells `drop_old` that it is wanted again."""
    target = path_of(sha256)
    _make_folders(target)
    os.replace(path, target)
    _make_folder_durable(target.parent)
    return sha256


def _make_folder_durable(path):
    folder = os.open(path, os.O_RDONLY)
    try:
        _make_durable(folder)
    finally:
        os.close(folder)


def drop_old(age, named, *, part=0, parts=1):
    """Delete what was written over `age` ago and no row names; return how many files went.

    `named` takes hashes and returns the set of those that rows name. Of many files one of `parts` is looked at.
    """
    before = time.time() - age.total_seconds()
    dropped, old = 0, _old_files(_folders(part, parts), before)
    while batch := list(islice(old, BATCH)):
        wanted = named({path.stem for path in batch})
        dropped += sum(_drop_unless_fresh(path, before) for path in batch if path.stem not in wanted)
    return dropped


def _folders(part, parts):
    """Where that part lies: a share of the folders 00 … ff; the uploads that were cut off belong to the first."""
    names = [f"{number:02x}" for number in range(part, 256, parts)]
    return ([root()] if part == 0 else []) + [root() / name for name in names]


def _old_files(folders, before):
    for folder in folders:
        paths = folder.iterdir() if folder == root() else folder.glob("*/*")
        if folder.is_dir():
            yield from (path for path in paths if path.is_file() and path.stat().st_mtime < before)


def _drop_unless_fresh(path, before):
    """Move it aside first: who stores the same content meanwhile puts his own in place."""
    aside = path.with_name(f"dropped-{path.name}")
    path.rename(aside)
    if aside.stat().st_mtime >= before:
        aside.replace(path)
        return False
    aside.unlink()
    return True
