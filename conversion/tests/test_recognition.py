import uuid

import pytest
from django.urls import reverse

from achievements.models import CatalogueEntry
from conversion import slots
from conversion.models import CreditEntry
from conversion.models.application import Action
from conversion.services.applications import (
    AlreadyAppliedError,
    resubmit,
    submit_recognition,
)
from conversion.services.reviews import NotAllowedError, decide
from conversion.tests.scene import Scene, make_achievement, make_reviewer


@pytest.fixture
def scene():
    return Scene()


def off_catalogue(scene, **fields):
    achievement = make_achievement(scene.user, scene.entry, **fields)
    achievement.entry = None
    achievement.save()
    return achievement


def recognise(scene, achievement, entry):
    application = submit_recognition(by=scene.user, achievement=achievement, token=uuid.uuid4())
    decide(application=application, action=Action.FIRST_APPROVE, by=make_reviewer(first=True))
    final = make_reviewer(final=True)
    return decide(application=application, action=Action.FINAL_APPROVE, by=final, recognised_as=entry)


@pytest.mark.django_db
class TestRecognition:
    def test_rules_see_an_achievement_only_after_it_was_recognised(self, scene):
        achievement = off_catalogue(scene)
        assert slots.convertible_counts([achievement]) == {}
        application = recognise(scene, achievement, scene.entry)
        achievement.refresh_from_db()
        assert (application.status, achievement.entry) == ("approved", scene.entry)
        assert slots.convertible_counts([achievement]) == {achievement.pk: 1}
        assert not CreditEntry.objects.exists()

    def test_its_page_leads_back_to_recognitions(self, scene, client):
        application = submit_recognition(by=scene.user, achievement=off_catalogue(scene), token=uuid.uuid4())
        client.force_login(scene.user)
        main = client.get(application.get_absolute_url()).content.decode().partition("<main")[2]
        grids = [reverse(f"conversion:{name}") for name in ["grid", "recognition", "performance"]]
        assert [url for url in grids if f'href="{url}"' in main] == [reverse("conversion:recognition")]

    def test_approval_can_make_a_new_entry(self, scene):
        entry = CatalogueEntry(
            project_name="工作经历", name="计算机编程两年", institution=scene.college, type=scene.entry.type
        )
        achievement = off_catalogue(scene)
        recognise(scene, achievement, entry)
        achievement.refresh_from_db()
        assert achievement.entry.name == "计算机编程两年"

    def test_catalogue_achievement_needs_no_recognition(self, scene):
        with pytest.raises(AlreadyAppliedError):
            submit_recognition(by=scene.user, achievement=scene.achievement, token=uuid.uuid4())

    def test_learner_asks_once_at_a_time(self, scene):
        achievement = off_catalogue(scene)
        submit_recognition(by=scene.user, achievement=achievement, token=uuid.uuid4())
        with pytest.raises(AlreadyAppliedError):
            submit_recognition(by=scene.user, achievement=achievement, token=uuid.uuid4())

    def test_institution_can_not_recognise(self, scene):
        application = submit_recognition(by=scene.user, achievement=off_catalogue(scene), token=uuid.uuid4())
        with pytest.raises(NotAllowedError):
            decide(application=application, action=Action.FIRST_APPROVE, by=scene.first_reviewer)

    def test_learner_asks_again_after_a_refusal(self, scene):
        achievement = off_catalogue(scene)
        application = submit_recognition(by=scene.user, achievement=achievement, token=uuid.uuid4())
        decide(application=application, action=Action.FIRST_REJECT, by=make_reviewer(first=True), reason=scene.reason)
        assert submit_recognition(by=scene.user, achievement=achievement, token=uuid.uuid4()).status == "submitted"

    def test_returned_case_comes_back_to_the_reviewer(self, scene):
        application = submit_recognition(by=scene.user, achievement=off_catalogue(scene), token=uuid.uuid4())
        decide(application=application, action=Action.RETURN, by=make_reviewer(first=True), reason=scene.reason)
        resubmit(application=application, by=scene.user, explanation="已补充劳动合同")
        assert application.status == "submitted"
        assert [record.action for record in application.records.all()] == ["submit", "return", "resubmit"]
