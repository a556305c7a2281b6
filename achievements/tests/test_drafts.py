"""Drafts of 成果添加: kept on the server with their files, continued, sent or discarded."""

import uuid
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone

from accounts.tests.factories import UserFactory
from achievements.models import Achievement, AchievementDraft
from achievements.models.draft import MOST_DRAFTS
from achievements.services.drafts import discard_expired, keep_draft
from achievements.tasks import sweep_drafts
from achievements.tests.factories import AchievementFactory, EvidenceFactory, TypeFactory
from achievements.tests.test_pages import ADD, picture, typed
from evidence.models import EvidenceFile

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
def training():
    return TypeFactory(name="培训类")


@pytest.fixture
def token():
    return uuid.uuid4()


def one_file(client, type_, token, upload, **changes):
    """What upload.js sends for each file."""
    data = typed(type_, action="autosave", draft=token, files=upload) | changes
    return client.post(ADD, data, headers={"X-Draft": "1"})


def test_learner_finds_a_half_filled_form_again_after_signing_out(owner_client, owner, training, token):
    data = typed(training, action="draft", draft=token, obtained_on="", certificate_number="HALF-1")
    assert "草稿已保存" in owner_client.post(ADD, data, follow=True).content.decode()
    owner_client.logout()
    owner_client.force_login(owner)
    assert "社区急救培训" in owner_client.get(ADD).content.decode()
    page = owner_client.get(ADD, {"type": training.pk, "draft": token}).content.decode()
    assert 'value="HALF-1"' in page
    assert not Achievement.objects.exists()


def test_learner_discards_a_draft_with_its_files(owner_client, training, token):
    one_file(owner_client, training, token, picture())
    url = reverse("achievements:draft_discard", args=[token])
    assert owner_client.get(url).status_code == 405
    assert "草稿已删除" in owner_client.post(url, follow=True).content.decode()
    assert not AchievementDraft.objects.exists()
    assert not EvidenceFile.objects.exists()


def test_stranger_neither_sees_nor_changes_a_draft(owner_client, client, training, token):
    one_file(owner_client, training, token, picture(), certificate_number="MINE-1")
    client.force_login(UserFactory())
    assert "MINE-1" not in client.get(ADD, {"type": training.pk, "draft": token}).content.decode()
    assert client.get(reverse("achievements:draft_files", args=[token])).status_code == 404
    assert client.post(reverse("achievements:draft_discard", args=[token])).status_code == 404
    assert one_file(client, training, token, picture("他人.png")).status_code == 404
    assert AchievementDraft.objects.get().files.count() == 1


def test_visitor_is_asked_to_sign_in_for_drafts(client, token):
    for name in ["draft_files", "draft_discard"]:
        response = client.post(reverse(f"achievements:{name}", args=[token]))
        assert response.url.startswith(reverse("accounts:sign_in"))


def test_learner_sees_the_state_of_each_file_while_it_is_inspected(owner_client, training, token):
    page = one_file(owner_client, training, token, picture()).content.decode()
    assert "检查中" in page
    assert "every 2s" in page
    EvidenceFile.objects.update(state="refused", refusal="文件已损坏")
    page = owner_client.get(reverse("achievements:draft_files", args=[token])).content.decode()
    assert "文件已损坏" in page
    assert "every 2s" not in page


def test_learner_is_told_at_once_why_a_file_is_refused(owner_client, training, token):
    response = one_file(owner_client, training, token, SimpleUploadedFile("证书.png", b"<svg/>"))
    assert response.status_code == 422
    assert response.content.decode().startswith("文件内容与扩展名不符")  # its name stands beside it already
    assert not EvidenceFile.objects.exists()


def test_draft_takes_no_eleventh_file(owner_client, owner, training, token):
    draft = keep_draft(token=token, by=owner, type=training, data={})
    draft.files.set(EvidenceFactory.create_batch(10, uploaded_by=owner))
    response = one_file(owner_client, training, token, picture())
    assert (response.status_code, draft.files.count()) == (422, 10)


def test_learner_removes_a_file_before_use(owner_client, training, token):
    one_file(owner_client, training, token, picture())
    pk = EvidenceFile.objects.get().pk
    owner_client.post(ADD, typed(training, action="autosave", draft=token, remove=pk), headers={"HX-Request": "true"})
    assert AchievementDraft.objects.get().files.count() == 0
    assert not EvidenceFile.objects.exists()


def test_removing_touches_no_file_that_is_not_in_the_draft(owner_client, owner, training, token):
    other = AchievementFactory(learner=owner.learner)
    other.files.add(EvidenceFactory(uploaded_by=owner))
    owner_client.post(ADD, typed(training, action="draft", draft=token, remove=other.files.get().pk))
    assert other.files.count() == 1


def test_sent_draft_becomes_an_achievement_with_its_files(owner_client, training, token):
    one_file(owner_client, training, token, picture())
    assert owner_client.post(ADD, typed(training, draft=token)).url == reverse("portal:my_information")
    assert Achievement.objects.get().files.count() == 1
    assert not AchievementDraft.objects.exists()


def test_the_same_form_sent_twice_is_one_achievement(owner_client, training, token):
    one_file(owner_client, training, token, picture())
    for _time in range(2):
        response = owner_client.post(ADD, typed(training, draft=token, certificate_number="无"))
        assert response.url == reverse("portal:my_information")
    assert Achievement.objects.count() == 1
    assert one_file(owner_client, training, token, picture()).status_code == 404


def test_another_tab_of_a_sent_form_loses_nothing(owner_client, training, token):
    one_file(owner_client, training, token, picture())
    owner_client.post(ADD, typed(training, draft=token))
    other = typed(training, draft=token, name="另一标签页", certificate_number="SL-2", files=picture())
    page = owner_client.post(ADD, other).content.decode()
    assert "现在填写的内容还没有保存" in page
    assert 'value="另一标签页"' in page
    assert Achievement.objects.get().name == "社区急救培训"
    assert str(token) not in page
    owner_client.post(ADD, typed(training, draft=AchievementDraft.objects.get().token, certificate_number="SL-2"))
    assert Achievement.objects.count() == 2


def test_a_draft_saved_after_its_form_was_sent_is_a_new_one(owner_client, training, token):
    one_file(owner_client, training, token, picture())
    owner_client.post(ADD, typed(training, draft=token))
    for action in ["draft", "search"]:
        answer = owner_client.post(ADD, typed(training, draft=token, action=action, name="另一标签页"), follow=True)
        assert "另存为一份草稿" in answer.content.decode()
    assert {draft.data["name"] for draft in AchievementDraft.objects.exclude(token=token)} == {"另一标签页"}


def test_refused_file_must_be_removed_before_sending(owner_client, training, token):
    one_file(owner_client, training, token, picture())
    EvidenceFile.objects.update(state="refused", refusal="文件已损坏")
    page = owner_client.post(ADD, typed(training, draft=token)).content.decode()
    assert "请先移除它" in page
    assert not Achievement.objects.exists()


def test_refused_form_keeps_the_files_that_came_with_it(owner_client, training):
    page = owner_client.post(ADD, typed(training, name="") | {"files": [picture()]}).content.decode()
    assert "证书.png" in page
    draft = AchievementDraft.objects.get()
    assert f'value="{draft.token}"' in page
    owner_client.post(ADD, typed(training, draft=draft.token))
    assert Achievement.objects.get().files.count() == 1


def test_old_drafts_make_room_for_new_ones(owner, training):
    for _number in range(MOST_DRAFTS + 2):
        keep_draft(token=uuid.uuid4(), by=owner, type=training, data={})
    assert AchievementDraft.objects.count() == MOST_DRAFTS


@pytest.mark.parametrize("token", ["", "x" * 40, "00000000"])
def test_wrong_token_does_no_harm(owner_client, training, token):
    assert owner_client.get(ADD, {"type": training.pk, "draft": token}).status_code == 200
    assert owner_client.post(ADD, typed(training, action="draft", draft=token)).status_code == 302


@pytest.mark.django_db(transaction=True)
def test_parallel_sendings_of_one_form_make_one_achievement(owner, training, token, client, in_parallel):
    client.force_login(owner)
    one_file(client, training, token, picture())

    def send():
        return client.post(ADD, typed(training, draft=token, certificate_number="")).status_code

    training.is_performance = True
    training.save()
    assert set(in_parallel(send, times=4)) <= {200, 302}
    assert Achievement.objects.count() == 1


def test_draft_drops_what_no_column_can_hold(owner_client, training, token):
    owner_client.post(ADD, typed(training, action="draft", draft=token, name="a\x00b"))
    assert AchievementDraft.objects.get().data["name"] == "ab"


@pytest.fixture
def aged(owner_client, training, token):
    """Return a function that makes a draft with a file, saved that many days ago."""

    def draft(days):
        one_file(owner_client, training, token, picture())
        saved_at = timezone.now() - timedelta(days=days)
        AchievementDraft.objects.update(updated_at=saved_at)
        return AchievementDraft.objects.get()

    return draft


def test_a_draft_that_nobody_saved_for_long_goes_with_its_files(aged, settings):
    aged(settings.ACHIEVEMENT_DRAFT_DAYS + 1)
    sweep_drafts()
    assert not AchievementDraft.objects.exists()
    assert not EvidenceFile.objects.exists()


def test_a_draft_stays_its_time_and_a_save_begins_it_anew(aged, owner_client, settings, training, token):
    aged(settings.ACHIEVEMENT_DRAFT_DAYS - 1)
    sweep_drafts()
    assert AchievementDraft.objects.get().ends_soon
    owner_client.post(ADD, typed(training, action="draft", draft=token))
    assert not AchievementDraft.objects.get().ends_soon


def test_an_expired_draft_leaves_the_files_of_its_achievement(aged, owner, settings):
    draft = aged(settings.ACHIEVEMENT_DRAFT_DAYS + 1)
    held = AchievementFactory(learner=owner.learner, type=draft.type)
    held.files.set(draft.files.all())
    sweep_drafts()
    assert not AchievementDraft.objects.exists()
    assert held.files.count() == 1


def test_learner_reads_how_long_drafts_are_kept_and_which_goes_soon(aged, owner_client, settings):
    draft = aged(settings.ACHIEVEMENT_DRAFT_DAYS - 3)
    page = owner_client.get(ADD).content.decode()
    assert f"保留{settings.ACHIEVEMENT_DRAFT_DAYS}天,最多{MOST_DRAFTS}份" in page
    assert f"{timezone.localtime(draft.kept_until):%Y-%m-%d} 到期" in page


def sweep_without_waiting():
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '2s'")
    return discard_expired()


@pytest.mark.django_db(transaction=True)
def test_a_draft_that_is_being_saved_is_not_swept(aged, settings, in_parallel):
    draft = aged(settings.ACHIEVEMENT_DRAFT_DAYS + 1)
    with transaction.atomic():
        AchievementDraft.objects.filter(pk=draft.pk).update(updated_at=timezone.now())
        assert in_parallel(sweep_without_waiting, times=1) == [0]
    assert AchievementDraft.objects.exists()
