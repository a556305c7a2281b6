"""A file that no form takes leaves nothing behind but its refusal."""

import contextlib
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import RequestFactory
from django.urls import reverse

from accounts.tests.factories import UserFactory
from achievements.models import AchievementDraft
from achievements.tests.factories import TypeFactory
from achievements.tests.test_pages import typed
from evidence.inspection import Limits, RefusalCode, refused

MB = 1024 * 1024


def received(*sizes):
    """What is kept of a request's files of these sizes: [(name, size, bytes kept)…]. A word comes behind them."""
    files = [SimpleUploadedFile(f"{number}.png", b"a" * size) for number, size in enumerate(sizes)]
    request = RequestFactory().post("/", {"files": files, "word": "read"})
    assert request.POST["word"] == "read"
    with contextlib.closing(request):
        return [(file.name, file.size, len(file.read())) for file in request.FILES.getlist("files")]


def test_file_that_a_form_may_take_is_kept_whole():
    assert received(20 * MB) == [("0.png", 20 * MB, 20 * MB)]


def test_bytes_of_a_file_that_no_form_takes_are_let_go_and_its_neighbours_stay():
    kept = [("0.png", 3 * MB, 3 * MB), ("1.png", 20 * MB + 1, 0), ("2.png", 5, 5)]
    assert received(3 * MB, 20 * MB + 1, 5) == kept


@pytest.mark.django_db
def test_learner_reads_that_a_file_is_too_large_and_loses_nothing_else(client, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    client.force_login(UserFactory())
    good, large = SimpleUploadedFile("a.png", b"\x89PNG\r\n\x1a\n1"), SimpleUploadedFile("b.png", bytes(21 * MB))
    draft = uuid.uuid4()
    data = typed(TypeFactory(), name="社区急救员", action="draft", draft=draft, files=[good, large])
    page = client.post(reverse("achievements:add"), data, follow=True).content.decode()
    assert f"b.png:{refused(RefusalCode.TOO_LARGE, Limits()).message}" in page
    assert "社区急救员" in page
    assert [file.name for file in AchievementDraft.objects.get(token=draft).files.all()] == ["a.png"]
