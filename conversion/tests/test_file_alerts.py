"""The same file under another learner is shown to the reviewer, whatever was written into its margins."""

import uuid

import pytest
from django.urls import reverse

from accounts.tests.factories import UserFactory
from conversion.alerts import alerts_of
from conversion.services.applications import submit_recognition
from conversion.tests.scene import Scene, make_achievement, make_learner_user, make_reviewer, verify
from evidence import storage
from evidence.models import EvidenceFile
from evidence.services import inspect_evidence
from evidence.tests.test_inspection import noise, picture

pytestmark = pytest.mark.django_db
PHOTO = noise("JPEG")
COMMENT = b"\xff\xfe\x00\x06abcd"
WARNING = "另有学习者上传过完全相同的文件"


@pytest.fixture(autouse=True)
def files_folder(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def uploaded(by, content):
    sha256 = storage.store([content])
    file = EvidenceFile.objects.create(name="a.jpg", kind="jpg", size=len(content), sha256=sha256, uploaded_by=by)
    inspect_evidence(pk=file.pk)
    file.refresh_from_db()
    assert file.is_passed
    return file


@pytest.fixture
def case():
    """A recognition whose achievement is proven by a photo."""
    scene = Scene()
    achievement = make_achievement(scene.user, scene.entry)
    type(achievement).objects.filter(pk=achievement.pk).update(entry=None)
    achievement.refresh_from_db()
    achievement.files.add(uploaded(scene.user, PHOTO))
    verify(scene.user)
    return submit_recognition(by=scene.user, achievement=achievement, token=uuid.uuid4())


@pytest.mark.parametrize("content", [PHOTO, PHOTO[:2] + COMMENT + PHOTO[2:]], ids=["same bytes", "other metadata"])
def test_reviewer_is_told_of_the_same_picture_under_another_learner(client, case, content):
    assert not alerts_of(case)
    uploaded(make_learner_user(), content)
    assert [alert.kind for alert in alerts_of(case)] == ["file"]
    client.force_login(make_reviewer(first=True))
    page = client.get(reverse("admin:conversion_application_review", args=[case.pk])).content.decode()
    assert WARNING in page


def test_reviewer_is_told_of_a_copy_that_came_from_the_portal(case):
    """What a learner fetched, or was shown, and handed on: encoded anew it is another picture, byte for byte."""
    mine = case.sources.get().achievement.files.get()
    uploaded(make_learner_user(), storage.path_of(mine.clean_sha256).read_bytes())
    assert [alert.kind for alert in alerts_of(case)] == ["file"]


def test_own_uploads_those_of_staff_and_other_pictures_are_no_alert(case):
    uploaded(case.submitted_by, PHOTO)
    uploaded(UserFactory(learner=None), PHOTO)
    uploaded(make_learner_user(), picture("JPEG", colour="blue"))
    assert not alerts_of(case)
