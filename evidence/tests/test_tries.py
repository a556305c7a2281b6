"""What spends one of a file's tries, what doesn't, and that one run at a time is at a file."""

import errno
import shutil
import threading

import pytest
from django.db import connection

from achievements.tests.factories import EvidenceFactory
from evidence import inspection, services, storage
from evidence.models import EvidenceFile
from evidence.services import inspect_evidence
from evidence.tests.test_inspection import picture

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def files_folder(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "files"


@pytest.fixture
def evidence():
    return EvidenceFactory(sha256=storage.store([picture()]))


def inspected(evidence, *, times=1):
    for _time in range(times):
        inspect_evidence(pk=evidence.pk)
    evidence.refresh_from_db()
    return evidence.state, evidence.attempts


def full_disk(*_arguments, **_options):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_file_waits_out_a_full_disk(evidence, monkeypatch):
    with monkeypatch.context() as disk:
        disk.setattr(storage, "_make_durable", full_disk)
        assert inspected(evidence, times=5) == ("checking", 0)
    assert [path.name for path in storage.root().rglob("incoming-*")] == []
    assert inspected(evidence) == ("passed", 1)


def test_file_waits_until_its_original_can_be_read(evidence, tmp_path):
    shutil.move(storage.root(), tmp_path / "elsewhere")
    assert inspected(evidence, times=5) == ("checking", 0)
    shutil.move(tmp_path / "elsewhere", storage.root())
    assert inspected(evidence) == ("passed", 1)


def test_file_waits_when_the_child_finds_a_fault_of_the_machine(evidence, monkeypatch):
    monkeypatch.setattr(inspection, "START", f"print('{{\"fault\": {errno.EIO}}}')")
    assert inspected(evidence, times=5) == ("checking", 0)


@pytest.mark.parametrize(
    ("start", "limits"),
    [
        ("import time; time.sleep(9)", {"patience": 0.2}),
        ("import os; os.kill(os.getpid(), 9)", {}),
        ("raise ImportError", {}),
    ],
    ids=["busy machine", "killed", "broken installation"],
)
def test_file_whose_inspection_is_cut_off_is_tried_three_times(evidence, monkeypatch, settings, start, limits):
    settings.EVIDENCE_LIMITS = limits
    with monkeypatch.context() as cut:
        cut.setattr(inspection, "START", start)
        assert inspected(evidence) == ("checking", 1)
        assert inspected(evidence, times=2) == ("checking", 3)
        assert inspected(evidence) == ("refused", 3)
    assert "稍后重新上传" in evidence.refusal


def test_file_whose_inspection_was_cut_off_passes_the_next_time(evidence, monkeypatch):
    with monkeypatch.context() as cut:
        cut.setattr(inspection, "START", "import os; os.kill(os.getpid(), 9)")
        inspected(evidence, times=2)
    assert inspected(evidence) == ("passed", 3)


@pytest.mark.django_db(transaction=True)
class TestOneAtATime:
    def runs_beside_another(self, evidence, monkeypatch):
        """The state in which a second run, which comes while the first is at the file, leaves it."""
        begun, go_on = threading.Event(), threading.Event()
        inspect = services.inspect

        def slow(*arguments):
            begun.set()
            assert go_on.wait(20)
            return inspect(*arguments)

        def first():
            inspect_evidence(pk=evidence.pk)
            connection.close()

        monkeypatch.setattr(services, "inspect", slow)
        thread = threading.Thread(target=first)
        thread.start()
        assert begun.wait(20)
        monkeypatch.setattr(services, "inspect", inspect)
        meanwhile = inspected(evidence)
        go_on.set()
        thread.join(20)
        return meanwhile

    def test_second_run_beside_the_first_spends_nothing(self, evidence, monkeypatch):
        assert self.runs_beside_another(evidence, monkeypatch) == ("checking", 1)
        assert inspected(evidence) == ("passed", 1)

    def test_without_turns_both_inspect_it(self, evidence, monkeypatch):
        """The positive control."""
        monkeypatch.setattr(services, "_turn_at", lambda _pk: services.contextlib.nullcontext(True))
        assert self.runs_beside_another(evidence, monkeypatch) == ("passed", 2)
        assert EvidenceFile.objects.count() == 1
