from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import F
from django.urls import reverse

from accounts import tasks
from accounts.models import Enrolment, RosterImport
from accounts.tests.factories import InstitutionFactory, UserFactory
from demo.synthetic import synthetic_people

UPLOAD = reverse("accounts:roster_upload")


@pytest.fixture
def clerk(client, db, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    user = UserFactory(learner=None, institution=InstitutionFactory())
    client.force_login(user)
    return user


def roster(people, bad_lines=()):
    lines = ["姓名,证件类型,证件号码,学号"]
    lines += [f"{person.name},居民身份证,{person.number},{n}" for n, person in enumerate(people, 1)]
    return SimpleUploadedFile("名册.csv", "\n".join([*lines, *bad_lines]).encode("utf-8-sig"))


def upload(client, file):
    return client.post(UPLOAD, {"file": file})


def work_off():
    for pk in RosterImport.objects.filter(status__in=RosterImport.RUNNING).values_list("pk", flat=True):
        tasks.run_roster_import(pk)


@pytest.mark.django_db(transaction=True)
class TestUpload:
    def test_institution_checks_first_and_then_imports(self, client, clerk):
        people = synthetic_people(3, 100)
        url = upload(client, roster(people)).url
        assert "检查中" in client.get(url).content.decode()
        work_off()
        page = client.get(url).content.decode()
        assert "确认导入" in page
        assert not Enrolment.objects.exists()
        client.post(url, {"action": "confirm"})
        work_off()
        assert "已导入" in client.get(url).content.decode()
        assert Enrolment.objects.filter(institution=clerk.institution).count() == 3
        assert not RosterImport.objects.get().path.exists()

    def test_second_click_on_confirm_imports_once(self, client, clerk):
        url = upload(client, roster(synthetic_people(2, 200))).url
        work_off()
        client.post(url, {"action": "confirm"})
        client.post(url, {"action": "confirm"})
        work_off()
        client.post(url, {"action": "confirm"})
        job = RosterImport.objects.get()
        assert (job.status, job.counts["created"]) == ("done", 2)

    def test_refused_rows_are_told_without_document_numbers(self, client, clerk):
        bad = "李四,居民身份证,440106199001011234,9"
        url = upload(client, roster(synthetic_people(1, 300), [bad])).url
        work_off()
        report = client.get(reverse("accounts:roster_report", args=[RosterImport.objects.get().pk]))
        assert "440106199001011234" not in report.content.decode()
        assert "3" in report.content.decode().splitlines()[1]
        assert RosterImport.objects.get().counts["refused"] == 1
        assert "下载拒绝的行及原因" in client.get(url).content.decode()

    def test_cancelled_roster_is_forgotten(self, client, clerk):
        url = upload(client, roster(synthetic_people(1, 400))).url
        work_off()
        client.post(url, {"action": "cancel"})
        job = RosterImport.objects.get()
        assert job.status == "cancelled"
        assert not job.path.exists()
        assert "没有写入任何数据" in client.get(url).content.decode()
        client.post(url, {"action": "confirm"})
        job.refresh_from_db()
        assert job.status == "cancelled"

    def test_file_that_is_no_roster_is_told_why(self, client, clerk):
        url = upload(client, SimpleUploadedFile("名册.csv", "甲,乙\n1,2\n".encode())).url
        work_off()
        assert RosterImport.objects.get().status == "failed"
        assert RosterImport.objects.get().failure in client.get(url).content.decode()

    def test_second_upload_waits_for_the_first(self, client, clerk):
        upload(client, roster(synthetic_people(1, 500)))
        assert "正在处理" in upload(client, roster(synthetic_people(1, 600))).content.decode()
        assert RosterImport.objects.count() == 1

    @pytest.mark.parametrize("name", ["roster.pdf", "roster"])
    def test_other_kind_of_file_is_refused_beside_the_field(self, client, clerk, name):
        page = upload(client, SimpleUploadedFile(name, b"x")).content.decode()
        assert "请上传 CSV 或 XLSX 文件" in page

    def test_run_that_a_killed_worker_left_is_taken_up_again(self, client, clerk):
        upload(client, roster(synthetic_people(2, 700)))
        job = RosterImport.objects.get()
        assert job.claim()
        tasks.run_roster_import(job.pk)
        job.refresh_from_db()
        assert job.status == "checking"
        RosterImport.objects.update(touched_at=F("touched_at") - timedelta(seconds=70))
        tasks.run_roster_import(job.pk)
        job.refresh_from_db()
        assert job.status == "checked"

    def test_run_is_given_up_after_three_tries(self, client, clerk):
        upload(client, roster(synthetic_people(1, 800)))
        RosterImport.objects.update(attempts=3, touched_at=F("touched_at") - timedelta(seconds=70))
        tasks.run_roster_import(RosterImport.objects.get().pk)
        assert RosterImport.objects.get().status == "failed"


@pytest.mark.django_db
def test_other_institution_learner_and_visitor_see_no_roster(client, clerk):
    url = upload(client, roster(synthetic_people(1, 900))).url
    client.force_login(UserFactory(learner=None, institution=InstitutionFactory()))
    assert client.get(url).status_code == 404
    assert client.post(url, {"action": "confirm"}).status_code == 404
    client.force_login(UserFactory())
    assert client.get(UPLOAD).status_code == 403
    client.logout()
    assert client.get(UPLOAD).status_code == 302


@pytest.mark.django_db
def test_institution_not_in_the_register_uploads_nothing(client, clerk):
    type(clerk.institution).objects.update(status="pending")
    assert client.get(UPLOAD).status_code == 403
