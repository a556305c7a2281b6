"""From a roster file to a person who signs in by document number, by the command and by the institution's own page."""

from pathlib import Path

import pytest
from django.conf import settings as portal_settings
from django.core.management import call_command

from accounts import tasks
from accounts.models import Enrolment, Institution, RosterImport, User
from accounts.tests.factories import PASSWORD, InstitutionFactory, InstitutionUserFactory
from portal.tests import journey

DEMO = Path(portal_settings.BASE_DIR) / "demo"
PERSON, NUMBER, PHONE = "郑伟", "440100199708050010", "19900003000"  # the first line of demo/roster.csv


@pytest.fixture
def regions(transactional_db):
    call_command("load_regions", verbosity=0)


def work_off_rosters():
    for pk in RosterImport.objects.filter(status__in=RosterImport.RUNNING).values_list("pk", flat=True):
        tasks.run_roster_import(pk)


def activate_and_sign_in(page, javascript):
    journey.start_activation(page, NUMBER, javascript=javascript)
    journey.prove_identity(page, PERSON, PHONE)
    journey.set_password(page)
    journey.sign_in(page, NUMBER)
    assert f"{PERSON},欢迎你!" in page.get_by_role("banner").inner_text()


@pytest.mark.parametrize("javascript", [True, False], ids=["with-javascript", "without-javascript"])
def test_a_person_of_an_imported_roster_activates_and_signs_in(regions, new_page, capsys, javascript):
    InstitutionFactory(bank_code="gdlg00001")
    call_command("import_roster", str(DEMO / "roster.csv"), institution="gdlg00001", json=True)
    assert '"created": 40' in capsys.readouterr().out
    activate_and_sign_in(new_page(javascript=javascript), javascript)
    assert User.objects.get().learner.name == PERSON


@pytest.mark.parametrize("javascript", [True, False], ids=["with-javascript", "without-javascript"])
def test_an_institution_imports_its_roster_on_its_own_page(regions, new_page, settings, tmp_path, javascript):
    settings.MEDIA_ROOT = tmp_path
    clerk = InstitutionUserFactory()
    office = new_page(javascript=javascript)
    journey.sign_in(office, clerk.username, PASSWORD, identity="机构")
    office.get_by_role("link", name="名册导入").first.click()
    office.get_by_label("名册文件").set_input_files(DEMO / "roster_with_errors.csv")
    office.get_by_role("button", name="上传并检查").click()
    office.get_by_text("检查中").wait_for()
    work_off_rosters()
    if not javascript:
        office.get_by_role("link", name="刷新进度").click()
    office.get_by_role("button", name="确认导入").wait_for()
    assert not Enrolment.objects.exists()
    report = office.request.get(office.get_by_role("link", name="下载拒绝的行及原因").get_attribute("href"))
    assert "证件号码校验未通过" in report.text()
    office.get_by_role("button", name="确认导入").click()
    work_off_rosters()
    if not javascript:
        office.get_by_role("link", name="刷新进度").click()
    office.get_by_text("已导入", exact=True).wait_for()
    assert Enrolment.objects.filter(institution=clerk.institution).count() == 4
    office.goto("/accounts/institution/")
    assert "名册人数" in journey.main_text(office)
    assert Institution.objects.get(pk=clerk.institution_id).enrolments.count() == 4
