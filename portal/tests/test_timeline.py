"""办理动态 and 学习成果清单: what a learner reads and prints about himself, and nobody else."""

import re
import uuid
from io import BytesIO

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pypdf import PdfReader

from accounts.tests.factories import EnrolmentFactory, InstitutionFactory, InstitutionUserFactory, UserFactory
from achievements.models import Achievement
from achievements.services.achievements import change_achievement
from achievements.tests.factories import AchievementFactory, EntryFactory
from conversion.services.applications import submit_recognition, withdraw
from conversion.tests.scene import Scene

pytestmark = pytest.mark.django_db

TIMELINE, RECORD = reverse("portal:timeline"), reverse("portal:learning_record")


@pytest.fixture
def owner():
    return UserFactory()


@pytest.fixture
def owner_client(client, owner):
    client.force_login(owner)
    return client


def events(client, **query):
    return [(event.text, event.detail) for event in client.get(TIMELINE, query).context["page_obj"]]


def printed(client):
    response = client.get(RECORD)
    assert response["Content-Type"] == "application/pdf"
    text = "".join(page.extract_text() for page in PdfReader(BytesIO(response.content)).pages)
    return re.sub(r"\s+", "", text)


def test_learner_reads_what_happened_newest_first(owner_client, owner):
    EnrolmentFactory(learner=owner.learner, institution__name="示例学院", cohort="2024级", programme_name="护理")
    achievement = AchievementFactory(learner=owner.learner, name="急救培训")
    AchievementFactory(learner=owner.learner, name="导入的培训", origin="imported", imported_from=InstitutionFactory())
    case = submit_recognition(by=owner, achievement=achievement, token=uuid.uuid4())
    withdraw(application=case, by=owner)
    assert events(owner_client) == [
        ("认定:撤回申请", "急救培训"),
        ("认定:提交申请", "急救培训"),
        ("机构导入学习成果", "导入的培训"),
        ("添加学习成果", "急救培训"),
        ("机构导入学籍", "示例学院 2024级 护理"),
    ]


def test_what_an_institution_changed_is_not_called_the_learners_own_edit(owner_client, owner):
    now = timezone.now()
    school = InstitutionFactory()
    AchievementFactory(learner=owner.learner, name="导入的", origin="imported", imported_from=school, edited_at=now)
    AchievementFactory(learner=owner.learner, name="自己的", edited_at=now)
    assert {("机构更新学习成果", "导入的"), ("修改学习成果", "自己的")} <= set(events(owner_client))


def test_refusals_stand_out_with_their_reason(client, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    scene = Scene()
    case = scene.submit()
    scene.reject(case)
    client.force_login(scene.user)
    newest = client.get(TIMELINE).context["page_obj"][0]
    assert newest.style == "refused"
    assert scene.special_reason.text in newest.detail


def test_timeline_has_pages_and_takes_no_more_queries_for_more_lines(owner_client, owner):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            owner_client.get(TIMELINE)
        return len(captured)

    AchievementFactory.create_batch(3, learner=owner.learner)
    few = queries()
    AchievementFactory.create_batch(27, learner=owner.learner)
    assert queries() == few
    assert len(events(owner_client)) == 20
    assert len(events(owner_client, page=2)) == 10


def test_stranger_reads_and_prints_only_his_own(client, owner):
    AchievementFactory(learner=owner.learner, name="别人的培训")
    client.force_login(UserFactory())
    assert "还没有任何记录" in client.get(TIMELINE).content.decode()
    assert "没有学习成果" in printed(client)


@pytest.mark.parametrize("url", [TIMELINE, RECORD])
def test_visitor_signs_in_and_institution_is_led_home(client, url):
    assert client.get(url).url.startswith(reverse("accounts:sign_in"))
    client.force_login(InstitutionUserFactory())
    assert client.get(url).url == reverse("portal:home")


def test_printed_record_lists_the_newest_versions_and_hides_the_number(owner_client, owner):
    entry = EntryFactory(name="云计算工程师")
    AchievementFactory(learner=owner.learner, name=entry.name, entry=entry, type=entry.type)
    old = AchievementFactory(learner=owner.learner, name="旧版本")
    new = AchievementFactory(learner=owner.learner, name="新版本", first_version=old)
    type(old).objects.filter(pk=old.pk).update(replaced_by=new, first_version=old)
    text = printed(owner_client)
    for words in [owner.learner.name, "云计算工程师", "名录成果", "新版本", "学习成果清单"]:
        assert words in text
    assert "旧版本" not in text
    assert owner.learner.masked_document in text


def test_converted_achievement_names_its_course(client, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    scene = Scene()
    scene.approved()
    client.force_login(scene.user)
    assert f"已转换：{scene.college.name}" in printed(client)


def test_corrected_achievement_keeps_its_conversion_on_the_record(client, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    scene = Scene()
    scene.approved()
    changed = Achievement.objects.get(pk=scene.achievement.pk)
    changed.certificate_number = "CORRECTED-1"
    change_achievement(achievement=changed, files=[], kept=[], by=scene.user, edition=changed.edition)
    client.force_login(scene.user)
    text = printed(client)
    assert "CORRECTED-1" in text
    assert f"已转换：{scene.college.name}" in text


def test_record_says_who_vouches_for_what(owner_client, owner):
    school = InstitutionFactory(name="示例职业学院")
    AchievementFactory(learner=owner.learner, origin="imported", imported_from=school)
    text = printed(owner_client)
    assert "示例职业学院导入" in text.replace("\n", "")
    # Before the rows: behind them it could be alone on a last page.
    assert text.index("“名录成果”指这种成果列在成果名录中") < text.index("示例职业学院导入")


@pytest.mark.parametrize("is_verified", [True, False])
def test_record_of_a_person_nobody_has_verified_says_so(client, is_verified):
    """Name and number are then what somebody typed, under the bank's heading."""
    client.force_login(UserFactory(learner__verified=is_verified))
    assert ("（未实名核验）" in printed(client)) is not is_verified


def test_name_that_no_font_shows_is_not_printed(owner_client, owner):
    AchievementFactory(learner=owner.learner, name="𪚥𪚥培训")
    response = owner_client.get(RECORD, follow=True)
    assert response.redirect_chain[-1][0] == TIMELINE
    assert "未予打印" in response.content.decode()
