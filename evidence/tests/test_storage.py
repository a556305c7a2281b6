"""Bytes that no row names any more go, and nothing else does."""

import os
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from achievements.tests.factories import EvidenceFactory
from evidence import storage
from evidence.services import inspect_evidence, sweep_bytes
from evidence.tests.test_inspection import noise

pytestmark = pytest.mark.django_db
DAYS = 2 * 86400


@pytest.fixture(autouse=True)
def files_folder(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def stored():
    return sorted(path.name for path in storage.root().glob("**/*") if path.is_file())


def age(seconds):
    for path in storage.root().glob("**/*"):
        if path.is_file():
            os.utime(path, (time.time() - seconds,) * 2)


def test_bytes_of_a_removed_file_go_after_a_day(tmp_path):
    content = noise("PNG")
    evidence = EvidenceFactory(sha256=storage.store([content]))
    inspect_evidence(pk=evidence.pk)
    (storage.root() / "incoming-cut-off").write_bytes(b"half")
    before = stored()
    assert len(before) == 4  # original, clean copy, thumbnail, the rest of an upload
    assert sweep_bytes() == 0
    evidence.delete()
    assert sweep_bytes() == 0
    age(DAYS)
    assert sweep_bytes() == 4
    assert stored() == []


def test_bytes_that_a_row_names_stay():
    evidence = EvidenceFactory(sha256=storage.store([noise("PNG")]))
    inspect_evidence(pk=evidence.pk)
    other = EvidenceFactory(sha256=evidence.sha256)
    evidence.delete()
    inspect_evidence(pk=other.pk)
    age(DAYS)
    assert sweep_bytes() == 0
    assert len(stored()) == 3


def test_two_that_store_one_thumbnail_at_once_both_succeed(tmp_path, monkeypatch):
    """Two workers inspect equal uploads, two reviewers open one page: both have written before either moves it in."""
    source, replace, barrier = tmp_path / "source", os.replace, Barrier(2, timeout=10)
    source.write_bytes(b"picture")
    monkeypatch.setattr(os, "replace", lambda *paths: (barrier.wait(), replace(*paths)))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _number: storage.store_variant(source, "ab" * 32, "thumbnail"), range(2)))
    assert storage.path_of("ab" * 32, "thumbnail").read_bytes() == b"picture"
    assert stored() == [f"{'ab' * 32}.thumbnail"]


def test_a_day_of_hourly_sweeps_sees_every_file(monkeypatch):
    monkeypatch.setattr(storage, "BATCH", 3)
    for number in range(40):
        storage.store([b"%d" % number])
    kept = EvidenceFactory(sha256=storage.store([b"kept"]))
    (storage.root() / "incoming-cut-off").write_bytes(b"half")
    age(DAYS)
    dropped = [sweep_bytes(part=part, parts=24) for part in range(24)]
    assert sum(dropped) == 41
    assert max(dropped) < 20  # none of them does it all
    assert stored() == [kept.sha256]


def test_content_stored_again_is_fresh():
    sha256 = storage.store([b"content"])
    age(DAYS)
    assert storage.store([b"content"]) == sha256
    assert sweep_bytes() == 0
    assert storage.path_of(sha256).read_bytes() == b"content"


@pytest.mark.parametrize(("prefix", "mode"), [("", 0o600), ("/protected/", 0o640)])
def test_nobody_else_reads_stored_files_but_the_group_of_nginx(settings, prefix, mode):
    settings.EVIDENCE_ACCEL_PREFIX = prefix
    path = storage.path_of(storage.store([b"content"]))
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert stat.S_IMODE(path.parent.stat().st_mode) & 0o007 == 0
