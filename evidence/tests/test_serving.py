"""How a file that passed is handed over."""

from datetime import timedelta
from io import BytesIO

import pytest
from django.http import Http404
from django.urls import reverse
from PIL import Image

from accounts.tests.factories import UserFactory
from achievements.tests.factories import EvidenceFactory
from evidence import storage
from evidence.inspection_worker.pages import WIDTH
from evidence.services import inspect_evidence
from evidence.serving import page_response
from evidence.tests.test_inspection import noise, pdf

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(client, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    owner = UserFactory()
    client.force_login(owner)
    return owner


def passed(owner, name, kind, content):
    evidence = EvidenceFactory(uploaded_by=owner, name=name, kind=kind, sha256=storage.store([content]))
    inspect_evidence(pk=evidence.pk)
    evidence.refresh_from_db()
    assert evidence.is_passed
    return evidence


FILES = [
    ("证书 一.png", "png", noise("PNG"), "image/png", "inline"),
    ("照片.JPG", "jpg", noise("JPEG"), "image/jpeg", "inline"),
    ("动图.gif", "gif", noise("GIF"), "image/png", "inline"),
    ("合同.pdf", "pdf", pdf(), "application/pdf", "attachment"),
]


@pytest.mark.parametrize("prefix", ["", "/protected-evidence/"], ids=["by the portal", "by nginx"])
@pytest.mark.parametrize(("name", "kind", "content", "content_type", "disposition"), FILES)
def test_owner_gets_the_promised_headers(
    client, owner, settings, prefix, name, kind, content, content_type, disposition
):
    settings.EVIDENCE_ACCEL_PREFIX = prefix
    evidence = passed(owner, name, kind, content)
    response = client.get(evidence.get_absolute_url())
    assert response["Content-Type"] == content_type
    assert response["Content-Disposition"].startswith(disposition)
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"] == "private, no-store"
    response.close()


def test_nginx_is_told_where_the_clean_copy_lies(client, owner, settings):
    settings.EVIDENCE_ACCEL_PREFIX = "/protected-evidence/"
    evidence = passed(owner, "证书.png", "png", noise("PNG"))
    for url, suffix in [(evidence.get_absolute_url(), ""), (f"{evidence.get_absolute_url()}thumbnail/", ".thumbnail")]:
        response = client.get(url)
        assert response.content == b""
        sha256 = evidence.clean_sha256
        place = f"{sha256[:2]}/{sha256[2:4]}/{sha256}{suffix}"
        assert response["X-Accel-Redirect"] == f"/protected-evidence/{place}"
        assert (storage.root() / place).is_file()


@pytest.mark.parametrize("prefix", ["", "/protected-evidence/"])
def test_stranger_and_visitor_are_told_nothing(client, owner, settings, prefix):
    settings.EVIDENCE_ACCEL_PREFIX = prefix
    url = passed(owner, "证书.png", "png", noise("PNG")).get_absolute_url()
    client.force_login(UserFactory())
    response = client.get(url)
    assert response.status_code == 404
    assert "X-Accel-Redirect" not in response
    client.logout()
    response = client.get(url)
    assert response.url.startswith(reverse("accounts:sign_in"))
    assert "X-Accel-Redirect" not in response


def read(response):
    content = b"".join(response.streaming_content)
    response.close()
    return content


class TestPages:
    """A PDF's pages as pictures, for desks that show them beside a case."""

    def test_page_is_drawn_once_and_kept(self, owner, monkeypatch):
        evidence = passed(owner, "合同.pdf", "pdf", pdf())
        first = page_response(evidence, 1)
        drawn = read(first)
        assert first["Content-Type"] == "image/jpeg"
        assert first["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert Image.open(BytesIO(drawn)).width == WIDTH
        monkeypatch.setattr("evidence.serving.draw_page", None)  # calling it would raise
        assert read(page_response(evidence, 1)) == drawn

    @pytest.mark.parametrize("number", [0, 2, 10**9])
    def test_a_page_that_is_not_there_is_a_404(self, owner, number):
        with pytest.raises(Http404):
            page_response(passed(owner, "合同.pdf", "pdf", pdf()), number)

    def test_a_picture_has_no_pages(self, owner):
        with pytest.raises(Http404):
            page_response(passed(owner, "证书.png", "png", noise("PNG")), 1)

    def test_a_page_that_cannot_be_drawn_is_a_404(self, owner, monkeypatch):
        evidence = passed(owner, "合同.pdf", "pdf", pdf())
        monkeypatch.setattr("evidence.inspection.START", "import os; os.abort()")
        with pytest.raises(Http404):
            page_response(evidence, 1)

    def test_a_page_that_a_busy_machine_cannot_draw_in_time_is_a_503(self, owner, monkeypatch):
        evidence = passed(owner, "合同.pdf", "pdf", pdf())
        with monkeypatch.context() as busy:
            busy.setattr("evidence.inspection.PAGE_PATIENCE", 0.01)
            answer = page_response(evidence, 1)
        assert (answer.status_code, answer["Retry-After"]) == (503, "10")
        assert read(page_response(evidence, 1))

    def test_pages_go_with_their_file(self, owner):
        evidence = passed(owner, "合同.pdf", "pdf", pdf())
        page_response(evidence, 1).close()
        path = storage.path_of(evidence.clean_sha256, "page-1")
        assert path.exists()
        storage.drop_old(timedelta(seconds=-1), lambda hashes: {evidence.clean_sha256})
        assert path.exists()
        storage.drop_old(timedelta(seconds=-1), lambda hashes: set())
        assert not path.exists()
