"""How a file that passed is handed over."""

import pytest
from django.urls import reverse

from accounts.tests.factories import UserFactory
from achievements.tests.factories import EvidenceFactory
from evidence import storage
from evidence.services import inspect_evidence
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
