"""Changing an achievement: in place until a case used it, afterwards as a new version."""

import uuid

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from accounts.tests.factories import InstitutionFactory, UserFactory
from achievements.models import Achievement, AchievementDraft
from achievements.services import achievements
from achievements.tests.factories import AchievementFactory, EvidenceFactory, TypeFactory
from achievements.tests.test_drafts import one_file
from achievements.tests.test_pages import ADD, picture, typed
from conversion.models import ReasonCode
from conversion.services.applications import submit_recognition, withdraw
from conversion.services.records import write_record
from conversion.tests.scene import make_reviewer

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def files_folder(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def owner():
    return UserFactory()


@pytest.fixture
def owner_client(client, owner):
    client.force_login(owner)
    return client


@pytest.fixture
def achievement(owner):
    made = AchievementFactory(learner=owner.learner, type=TypeFactory(), certificate_number="SL-1", name="旧名称")
    made.files.add(EvidenceFactory(uploaded_by=owner, state="passed", clean_sha256="0" * 64))
    return made


def use(achievement, owner):
    return submit_recognition(by=owner, achievement=achievement, token=uuid.uuid4())


def changed(achievement, **changes):
    values = {"achievement": achievement.pk, "body_name": achievement.body_name, "certificate_number": "SL-1"}
    return typed(achievement.type, **values | changes)


def test_learner_edits_in_place_while_nothing_used_it(owner_client, achievement):
    page = owner_client.get(reverse("achievements:edit", args=[achievement.pk])).content.decode()
    assert 'value="旧名称"' in page
    assert "新的版本" not in page
    response = owner_client.post(ADD, changed(achievement, name="新名称"))
    assert response.url == reverse("portal:my_information")
    achievement.refresh_from_db()
    assert (achievement.name, achievement.files.count()) == ("新名称", 1)
    assert achievement.edited_at
    assert Achievement.objects.count() == 1


def test_two_tabs_that_edit_one_achievement_lose_neither_words_nor_files(owner_client, owner, achievement):
    url = reverse("achievements:edit", args=[achievement.pk])
    editions = [owner_client.get(url).context["form"]["edition"].value() for _tab in range(2)]
    first = changed(achievement, name="第一页的名称", edition=editions[0])
    for _click in range(2):
        assert owner_client.post(ADD, first).status_code == 302
    answer = owner_client.post(ADD, changed(achievement, description="第二页的描述", edition=editions[1]))
    page = answer.content.decode()
    assert "这个页面打开以后修改过,现在填写的内容还没有保存" in page
    assert f'<a href="{achievement.get_absolute_url()}" target="_blank">现在的内容</a>' in page
    assert "第二页的描述" in page
    assert Achievement.objects.get().name == "第一页的名称"
    told = answer.context["form"]["edition"].value()
    assert owner_client.post(ADD, changed(achievement, description="第二页的描述", edition=told)).status_code == 302
    assert Achievement.objects.get().description == "第二页的描述"


def test_a_draft_begun_before_an_edit_says_so_and_keeps_the_file_added_meanwhile(owner_client, owner, achievement):
    token = uuid.uuid4()
    owner_client.post(ADD, changed(achievement, action="draft", draft=token, edition="", name="旧名称"))
    added = EvidenceFactory(uploaded_by=owner, state="passed", clean_sha256="1" * 64)
    achievement.files.add(added)
    Achievement.objects.update(edited_at=timezone.now())
    form = owner_client.get(ADD, {"draft": token, "type": achievement.type_id}).context["form"]
    sent = changed(achievement, draft=token, edition=form["edition"].value(), name="旧名称")
    assert "这个页面打开以后修改过" in owner_client.post(ADD, sent).content.decode()
    assert added in achievement.files.all()


@pytest.fixture
def send_three_names(owner, achievement, client, in_parallel):
    """Return a function: three tabs, opened before any edit, send another name each; it returns the statuses."""

    def send():
        client.force_login(owner)
        forms = iter([changed(achievement, name=name, edition="") for name in "甲乙丙"])
        return in_parallel(lambda: client.post(ADD, next(forms)).status_code, times=3)

    return send


@pytest.mark.django_db(transaction=True)
def test_of_three_tabs_sent_at_once_two_are_told_of_the_first(send_three_names):
    assert sorted(send_three_names()) == [200, 200, 302]


@pytest.mark.django_db(transaction=True)
def test_without_the_edition_three_tabs_overwrite_each_other(send_three_names, monkeypatch):
    """Positive control: the same three, with nothing counted as lost."""
    monkeypatch.setattr(achievements, "_says_all_of", lambda *_facts: True)
    assert send_three_names() == [302] * 3


def test_withdrawn_case_does_not_hold_an_achievement(owner_client, owner, achievement):
    withdraw(application=use(achievement, owner), by=owner)
    owner_client.post(ADD, changed(achievement, name="新名称"))
    assert Achievement.objects.get().name == "新名称"


def test_correction_of_a_used_achievement_is_a_new_version(owner_client, owner, achievement):
    case = use(achievement, owner)
    page = owner_client.get(reverse("achievements:edit", args=[achievement.pk])).content.decode()
    assert "新的版本" in page
    answer = owner_client.post(ADD, changed(achievement, name="新名称"), follow=True).content.decode()
    assert "的更正" in answer
    achievement.refresh_from_db()
    newest = achievement.replaced_by
    assert (achievement.name, newest.name) == ("旧名称", "新名称")
    assert newest.certificate_key == achievement.certificate_key
    assert newest.replaces == achievement
    assert newest.first_version == achievement.first_version == achievement
    assert case.sources.get().achievement == achievement
    assert set(newest.files.all()) == set(achievement.files.all())


def test_grid_shows_the_newest_version_only(owner_client, owner, achievement):
    use(achievement, owner)
    owner_client.post(ADD, changed(achievement, name="新名称"))
    page = owner_client.get(reverse("portal:my_information")).content.decode()
    assert "新名称" in page
    assert "旧名称" not in page
    for url in ["conversion:recognition", "conversion:grid"]:
        assert "旧名称" not in owner_client.get(reverse(url)).content.decode()


def test_owner_reads_both_versions_but_changes_only_the_newest(owner_client, owner, achievement):
    use(achievement, owner)
    owner_client.post(ADD, changed(achievement, name="新名称"))
    newest = Achievement.objects.current().get()
    assert "这是更正前的版本" in owner_client.get(achievement.get_absolute_url()).content.decode()
    assert "这是一次更正" in owner_client.get(newest.get_absolute_url()).content.decode()
    assert owner_client.get(reverse("achievements:edit", args=[achievement.pk])).status_code == 404
    page = owner_client.post(ADD, changed(achievement, name="再改")).content.decode()
    assert f'<a href="{newest.get_absolute_url()}">最新版本</a>' in page
    assert 'value="再改"' in page
    owner_client.post(ADD, changed(newest, name="更新的名称"))
    assert [row.name for row in Achievement.objects.order_by("pk")] == ["旧名称", "更新的名称"]


def test_a_correction_sent_twice_is_one_version(owner_client, owner, achievement):
    use(achievement, owner)
    sent = changed(achievement, name="新名称", draft=uuid.uuid4())
    for _time in range(2):
        assert owner_client.post(ADD, sent).url == reverse("portal:my_information")
    assert Achievement.objects.count() == 2
    page = owner_client.post(ADD, sent | {"name": "另一标签页"}).content.decode()
    newest = Achievement.objects.current().get()
    assert "现在填写的内容还没有保存" in page
    assert f'name="achievement" value="{newest.pk}"' in page
    assert newest.name == "新名称"


def test_correction_may_remove_a_file_that_decided_cases_keep(owner_client, owner, achievement):
    use(achievement, owner)
    token = uuid.uuid4()
    one_file(owner_client, achievement.type, token, picture(), achievement=achievement.pk)
    draft = AchievementDraft.objects.get()
    assert draft.files.count() == 2
    old = achievement.files.get()
    owner_client.post(ADD, changed(achievement, action="autosave", draft=token, remove=old.pk))
    owner_client.post(ADD, changed(achievement, draft=token))
    newest = Achievement.objects.current().get()
    assert old not in newest.files.all()
    assert list(achievement.files.all()) == [old]


def test_edit_deletes_files_that_nothing_shows_any_more(owner_client, achievement):
    token, old = uuid.uuid4(), achievement.files.get()
    one_file(owner_client, achievement.type, token, picture(), achievement=achievement.pk)
    owner_client.post(ADD, changed(achievement, action="autosave", draft=token, remove=old.pk))
    assert achievement.files.get() == old  # until the form is sent
    owner_client.post(ADD, changed(achievement, draft=token))
    assert achievement.files.get() != old
    assert not type(old).objects.filter(pk=old.pk).exists()


def test_a_draft_of_a_change_is_found_again(owner_client, achievement):
    token = uuid.uuid4()
    owner_client.post(ADD, changed(achievement, action="draft", draft=token, name="改了一半"))
    assert "(修改已添加的成果)" in owner_client.get(ADD).content.decode()
    page = owner_client.get(ADD, {"draft": token, "type": achievement.type_id}).content.decode()
    assert 'value="改了一半"' in page
    assert f'name="achievement" value="{achievement.pk}"' in page


def test_imported_achievement_stays_the_institutions_word(owner_client, achievement):
    Achievement.objects.update(origin="imported", imported_from=InstitutionFactory())
    owner_client.post(ADD, changed(achievement, name="新名称"))
    assert [row.origin for row in Achievement.objects.order_by("pk")] == ["imported", "self"]


def test_correction_cannot_take_over_another_certificate(owner_client, owner, achievement):
    AchievementFactory(
        learner=owner.learner, type=achievement.type, certificate_number="SL-2", body_name=achievement.body_name
    )
    use(achievement, owner)
    page = owner_client.post(ADD, changed(achievement, certificate_number="SL-2")).content.decode()
    assert "您已添加过这份证书" in page
    achievement.refresh_from_db()
    assert achievement.replaced_by is None


def test_stranger_changes_nothing(client, achievement):
    client.force_login(UserFactory())
    assert client.get(reverse("achievements:edit", args=[achievement.pk])).status_code == 404
    assert client.post(ADD, changed(achievement, name="他人")).status_code == 404
    client.logout()
    assert client.get(reverse("achievements:edit", args=[achievement.pk])).status_code == 302


@pytest.mark.parametrize("status", ["submitted", "returned", "first_approved", "approved", "rejected"])
def test_every_live_or_decided_case_uses_its_achievement(owner, achievement, status):
    case = use(achievement, owner)
    reviewers = {"first_reviewer": UserFactory(learner=None), "final_reviewer": UserFactory(learner=None)}
    reason = {"refusal_reason": ReasonCode.objects.create(code="other", text="其他")}
    type(case).objects.filter(pk=case.pk).update(status=status, **reviewers, **reason)
    case.refresh_from_db()
    decision = {"action": "return", "by": UserFactory(learner=None), "reason": reason["refusal_reason"]}
    write_record(application=case, from_status="submitted", **decision)
    assert achievement.is_used
    assert list(Achievement.objects.used()) == [achievement]
    assert not Achievement.objects.unused().exists()


def test_database_refuses_two_current_versions_of_one_certificate(owner, achievement):
    with pytest.raises(IntegrityError, match="one_certificate_once_per_learner"), transaction.atomic():
        AchievementFactory(
            learner=owner.learner, type=achievement.type, certificate_number="SL-1", body_name=achievement.body_name
        )


def test_database_refuses_a_version_that_replaces_itself(achievement):
    with pytest.raises(IntegrityError, match="no_version_replaces_itself"), transaction.atomic():
        Achievement.objects.update(replaced_by=achievement, first_version=achievement)


@pytest.mark.django_db(transaction=True)
def test_parallel_corrections_make_one_version(owner, achievement, client, in_parallel):
    use(achievement, owner)
    client.force_login(owner)
    answers = in_parallel(lambda: client.post(ADD, changed(achievement, name="新名称")).status_code, times=4)
    assert answers.count(302) == 1
    assert Achievement.objects.count() == 2


def test_reviewer_sees_that_it_is_a_correction(client, owner_client, owner, achievement):
    old_case = use(achievement, owner)
    owner_client.post(ADD, changed(achievement, name="新名称", certificate_number="SL-9"))
    new_case = use(Achievement.objects.current().get(), owner)
    client.force_login(make_reviewer(first=True))
    page = client.get(reverse("admin:conversion_application_review", args=[new_case.pk])).content.decode()
    assert "“新名称”是更正后的版本,原来为:成果名称 旧名称、证书编号 SL-1" in page
    page = client.get(reverse("admin:conversion_application_review", args=[old_case.pk])).content.decode()
    assert "提交后更正了“旧名称”" in page


def test_reviewer_of_an_uncorrected_achievement_is_told_nothing(client, owner, achievement):
    client.force_login(make_reviewer(first=True))
    page = client.get(reverse("admin:conversion_application_review", args=[use(achievement, owner).pk]))
    assert "更正" not in page.content.decode()
