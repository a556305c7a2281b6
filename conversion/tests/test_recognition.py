import uuid

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from accounts.models import User
from accounts.tests.factories import UserFactory
from achievements.models import Achievement, CatalogueEntry
from achievements.search import Hits, terms_of
from achievements.tests.factories import EvidenceFactory
from achievements.tests.test_pages import picture, typed
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


@pytest.fixture(autouse=True)
def files_folder(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


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

    def test_refused_files_prove_nothing(self, scene, client):
        achievement = off_catalogue(scene)
        file = EvidenceFactory(uploaded_by=scene.user, state="refused", refusal="文件已损坏")
        achievement.files.add(file)
        client.force_login(scene.user)
        url = reverse("conversion:recognition_apply", args=[achievement.pk])
        data = {"token": str(uuid.uuid4())}
        assert "证明材料没有通过检查" in client.post(url, data).content.decode()
        assert not achievement.application_sources.exists()
        assert client.post(url, data | {"files": picture()}).status_code == 302
        assert client.post(url, data).status_code == 302  # sent again, it gets the first answer
        assert achievement.application_sources.count() == 1

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


@pytest.mark.django_db
class TestIndividualRecognition:
    """What one person did (业绩类) is recognised for that person, and shown to nobody else."""

    @pytest.fixture
    def worked(self, scene):
        """A work experience in the learner's own words, recognised."""
        type_ = scene.entry.type
        type_.is_performance = True
        type_.save()
        achievement = off_catalogue(scene, name="张家饭店掌勺三年")
        recognise(scene, achievement, CatalogueEntry(institution=scene.college, type=type_, framework_level=4))
        achievement.refresh_from_db()
        return achievement

    def test_it_is_recognised_and_keeps_its_level(self, scene, worked, client):
        assert (worked.entry.status, worked.entry.framework_level) == ("individual", 4)
        client.force_login(scene.user)
        assert "已认定" in client.get(reverse("portal:my_information")).content.decode()
        page = client.get(worked.get_absolute_url()).content.decode()
        assert "个案认定,不列入公开名录" in page
        assert worked.entry.get_absolute_url() not in page

    def test_nobody_finds_or_chooses_it(self, scene, worked, client):
        assert list(Hits(terms_of(anywhere="张家饭店"))) == []
        client.force_login(UserFactory())
        for url in [reverse("achievements:catalogue"), reverse("achievements:choose")]:
            assert "张家饭店" not in client.get(url, {"q": "掌勺"}).content.decode()
        assert client.get(worked.entry.get_absolute_url()).status_code == 404
        page = client.get(reverse("achievements:add"), {"entry": worked.entry_id, "type": worked.type_id})
        assert "张家饭店" not in page.content.decode()
        assert worked.entry not in CatalogueEntry.objects.choosable()

    def test_its_institution_and_the_catalogues_files_do_not_name_it(self, scene, worked, client):
        client.force_login(UserFactory(learner=None, institution=scene.college))
        for url in [
            reverse("achievements:own_entries"),
            reverse("achievements:own_entries_export", args=["csv"]),
        ]:
            answer = client.get(url)
            assert answer.status_code == 200
            assert "张家饭店" not in (answer.getvalue() if answer.streaming else answer.content).decode()
        assert client.get(reverse("achievements:own_entry", args=[worked.entry_id])).status_code == 404

    def test_another_learner_may_have_done_the_same(self, scene, worked):
        other = off_catalogue(Scene(), name=worked.name, type=worked.type)
        recognise(Scene(), other, CatalogueEntry(institution=scene.college, type=worked.type))
        other.refresh_from_db()
        assert (other.entry.status, other.entry.name) == ("individual", worked.name)

    def test_a_correction_has_to_be_recognised_anew(self, scene, worked, client):
        client.force_login(scene.user)
        page = client.get(reverse("achievements:edit", args=[worked.pk])).content.decode()
        assert "须重新申请认定" in page
        data = typed(worked.type, achievement=worked.pk, name="张家饭店掌勺十年", entry=worked.entry_id)
        assert "还没有认定" not in client.post(reverse("achievements:add"), data).content.decode()
        assert not worked.versions.exists()  # the entry can't be chosen, not even by its holder
        data |= {"entry": "", "files": picture()}
        answer = client.post(reverse("achievements:add"), data, follow=True).content.decode()
        assert "更正后的内容还没有认定" in answer
        newest = Achievement.objects.get(name="张家饭店掌勺十年")
        assert (newest.entry, newest.earlier) == (None, worked)
        worked.refresh_from_db()
        assert worked.entry is not None

    def test_reviewer_may_recognise_a_certificate_alone_too(self, scene):
        achievement = off_catalogue(scene)
        entry = CatalogueEntry(institution=scene.college, type=scene.entry.type, status="individual")
        recognise(scene, achievement, entry)
        assert entry.status == "individual"

    @pytest.mark.parametrize("status", ["draft", "approved"])
    def test_database_keeps_it_what_it_is(self, worked, status):
        with pytest.raises(IntegrityError, match="approved entry is stopped"), transaction.atomic():
            CatalogueEntry.objects.filter(pk=worked.entry_id).update(status=status)

    def test_database_records_what_changes(self, worked):
        CatalogueEntry.objects.filter(pk=worked.entry_id).update(framework_level=5)
        assert worked.entry.records.get().changes == {"framework_level": [4, 5]}

    def test_rule_keepers_are_not_offered_it(self, worked, client):
        client.force_login(User.objects.create(username="root", is_staff=True, is_superuser=True, password="!"))
        asked = {"app_label": "conversion", "model_name": "rulesource", "field_name": "entry", "term": "掌勺"}
        assert client.get(reverse("admin:autocomplete"), asked).json()["results"] == []
        page = client.get(reverse("admin:achievements_catalogueentry_changelist"), {"q": "掌勺"}).content.decode()
        assert worked.entry.name in page
