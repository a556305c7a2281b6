"""The pages of 成果: who may see what, and what adding does."""

import io
import json
import re
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from PIL import Image

from accounts.tests.factories import InstitutionFactory, UserFactory
from achievements import search
from achievements.models import (
    Achievement,
    AchievementDraft,
    FrameworkLevel,
    FrameworkVersion,
    IndustryStandard,
    TypeField,
)
from achievements.tests.factories import AchievementFactory, EntryFactory, EvidenceFactory, TypeFactory
from evidence.models import EvidenceFile
from evidence.services import inspect_evidence

pytestmark = pytest.mark.django_db

ADD = reverse("achievements:add")
CHOOSE = reverse("achievements:choose")
DIALOG = {"HX-Request": "true", "HX-Target": "dialog-body"}


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
def files_folder(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def picture(name="证书.png"):
    content = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(content, "PNG")
    return SimpleUploadedFile(name, content.getvalue())


def typed(type_, **changes):
    return {
        "type": type_.pk,
        "name": "社区急救培训",
        "body_name": "示例培训站",
        "body_code": "无",
        "certificate_number": "SL-1",
        "obtained_on": "2021-12-14",
        "action": "save",
    } | changes


def queries_of(client, url):
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


# 成果添加 ---------------------------------------------------------------------------------------------------


def test_visitor_is_asked_to_sign_in(client):
    for url in [ADD, CHOOSE, reverse("achievements:detail", args=[1]), reverse("achievements:evidence", args=[1])]:
        response = client.get(url)
        assert response.status_code == 302
        assert response.url.startswith(reverse("accounts:sign_in"))


def test_learner_first_chooses_a_type(owner_client, training):
    page = owner_client.get(ADD).content.decode()
    assert training.name in page
    assert "achievement-form" not in page


def test_learner_sees_the_labels_and_extra_fields_of_the_type(owner_client, training):
    TypeField.objects.create(type=training, key="prize", label="奖项", kind="choice", choices="一等奖\n二等奖")
    page = owner_client.get(ADD, {"type": training.pk}).content.decode()
    assert "培训名称" in page
    assert "二等奖" in page
    assert "说明:上传附件格式为jpg, png, gif, pdf!" in page


def test_htmx_gets_the_form_alone(owner_client, training):
    headers = {"HX-Request": "true", "HX-Target": "type-form"}
    page = owner_client.get(ADD, {"type": training.pk}, headers=headers).content.decode()
    assert "achievement-form" in page
    assert "<html" not in page


def test_learner_adds_an_off_catalogue_achievement(owner_client, owner, training, files_folder):
    response = owner_client.post(ADD, typed(training) | {"files": [picture()]})
    assert response.url == reverse("portal:my_information")
    achievement = Achievement.objects.get(learner=owner.learner)
    assert (achievement.name, achievement.entry, achievement.files.count()) == ("社区急救培训", None, 1)


def test_learner_adds_a_catalogue_achievement_under_its_own_name(owner_client, owner, files_folder):
    entry = EntryFactory()
    data = typed(entry.type, entry=entry.pk, name="另一个名字") | {"files": [picture()]}
    owner_client.post(ADD, data)
    achievement = Achievement.objects.get(learner=owner.learner)
    assert (achievement.name, achievement.entry) == (entry.name, entry)
    assert achievement.body_code == entry.institution.bank_code


def test_learner_needs_material_and_a_body_code(owner_client, training):
    page = owner_client.post(ADD, typed(training, body_code="")).content.decode()
    assert "请选择证明材料" in page
    assert "没有代码时填“无”" in page
    assert not Achievement.objects.exists()


def test_learner_cannot_add_the_same_certificate_twice(owner_client, owner, training, files_folder):
    AchievementFactory(learner=owner.learner, type=training, body_name="示例培训站", certificate_number="sl 1")
    page = owner_client.post(ADD, typed(training) | {"files": [picture()]}).content.decode()
    assert "您已添加过这份证书" in page
    assert Achievement.objects.count() == 1


@pytest.mark.parametrize("number", ["无", " 暂无 ", "-", "——", "N/A"])
def test_certificates_without_number_are_not_one_certificate(owner_client, owner, training, files_folder, number):
    for name in ["急救培训", "消防培训"]:
        owner_client.post(ADD, typed(training, name=name, certificate_number=number, files=picture()))
    assert set(owner.learner.achievements.values_list("name", "certificate_key")) == {
        ("急救培训", ""),
        ("消防培训", ""),
    }


def test_another_learner_may_add_the_same_certificate(owner_client, training, files_folder):
    AchievementFactory(type=training, body_name="示例培训站", certificate_number="SL-1")
    owner_client.post(ADD, typed(training) | {"files": [picture()]})
    assert Achievement.objects.count() == 2


# 成果选择 ---------------------------------------------------------------------------------------------------


def test_search_without_script_keeps_what_was_typed(owner_client):
    entry = EntryFactory()
    response = owner_client.post(ADD, typed(entry.type, action="search", certificate_number="KEEP-ME"))
    assert response.url.startswith(CHOOSE)
    choosing = owner_client.get(response.url).content.decode()
    (token,) = set(re.findall(r'name="draft" value="([^"]+)"', choosing))
    page = owner_client.get(ADD, {"type": entry.type.pk, "entry": entry.pk, "draft": token}).content.decode()
    assert "KEEP-ME" in page
    assert entry.name in page


def test_a_choice_fills_name_body_and_code(owner_client):
    entry = EntryFactory()
    page = owner_client.get(CHOOSE, {"type": entry.type.pk}, headers=DIALOG).content.decode()
    assert "<html" not in page
    (filling,) = re.findall(r'data-fill="([^"]*)"', page)
    assert json.loads(filling.replace("&quot;", '"')) == {
        "id_entry": entry.pk,
        "id_name": entry.name,
        "id_body_name": entry.institution.name,
        "id_body_code": entry.institution.bank_code,
    }


def test_an_entry_of_another_type_brings_its_own_form(owner_client, training):
    entry = EntryFactory()
    page = owner_client.get(CHOOSE, {"type": training.pk}, headers=DIALOG).content.decode()
    assert 'data-fill="' not in page
    page = owner_client.get(ADD, {"type": training.pk, "entry": entry.pk}).content.decode()
    assert f'<input type="hidden" name="type" value="{entry.type.pk}">' in page
    assert "成果分类已按所选成果改为" in page


def test_a_stopped_entry_is_shown_but_cannot_be_chosen(owner_client):
    entry = EntryFactory(is_active=False)
    page = owner_client.get(CHOOSE).content.decode()
    assert "停用" in page
    assert re.search(rf'value="{entry.pk}"[^>]*disabled', page)
    data = typed(entry.type, entry=entry.pk) | {"files": [picture()]}
    owner_client.post(ADD, data)
    assert not Achievement.objects.exists()


def test_learner_is_told_that_an_entry_was_stopped_meanwhile(owner_client, files_folder):
    entry = EntryFactory(name="太极拳培训")
    url = owner_client.get(CHOOSE, {"type": entry.type_id}).context["typing_url"]
    entry.is_active, entry.stop_reason = False, "停办"
    entry.save()
    assert "已停用或不在有效期内" in owner_client.get(f"{url}&entry={entry.pk}").content.decode()
    page = owner_client.post(ADD, typed(entry.type, entry=entry.pk, files=picture())).content.decode()
    assert "已停用或不在有效期内" in page
    assert "证书.png" in page
    assert not Achievement.objects.exists()


def test_learner_finds_entries_by_project_name_and_institution(owner_client):
    found = EntryFactory(
        project_name="培训证书", name="云计算工程师", institution=InstitutionFactory(name="示例考试院")
    )
    EntryFactory(name="云计算工程师乙")
    query = {"programme": "培训", "entry_name": "云计算", "institution": "考试"}
    page_obj = owner_client.get(CHOOSE, query).context["page_obj"]
    assert list(page_obj) == [found]


# Details and evidence --------------------------------------------------------------------------------------


def test_owner_sees_an_achievement_and_why_a_file_was_refused(owner_client, owner):
    achievement = AchievementFactory(learner=owner.learner)
    refused = EvidenceFactory(uploaded_by=owner, state="refused", refusal="文件已损坏")
    achievement.files.set([refused, EvidenceFactory(uploaded_by=owner)])
    page = owner_client.get(achievement.get_absolute_url()).content.decode()
    assert achievement.certificate_number in page
    for words in ["检查中", "已拒绝", "文件已损坏"]:
        assert words in page


def cut():
    content = picture().read()
    return SimpleUploadedFile("剪断.png", content[: len(content) // 2])


def test_owner_gets_a_message_when_a_file_is_refused_after_the_form_was_sent(
    owner_client, owner, training, files_folder
):
    owner_client.post(ADD, typed(training, files=cut()))
    evidence = EvidenceFile.objects.get()
    for _run in range(2):  # the task may come twice, the message doesn't
        inspect_evidence(pk=evidence.pk)
    evidence.refresh_from_db()
    message = owner.inbox_messages.get()
    assert "剪断.png" in message.body
    assert evidence.refusal in message.body
    assert message.link == evidence.achievements.get().get_absolute_url()


def test_owner_reads_in_the_open_form_why_a_file_was_refused(owner_client, owner, training, files_folder):
    page = owner_client.post(ADD, typed(training, files=cut(), action="draft"), follow=True)
    inspect_evidence(pk=EvidenceFile.objects.get().pk)
    assert EvidenceFile.objects.get().refusal in owner_client.get(page.redirect_chain[-1][0]).content.decode()
    assert not owner.inbox_messages.exists()


def test_owner_gets_a_message_about_a_file_of_an_achievement_that_he_is_editing(
    owner_client, owner, training, files_folder
):
    """The form that shows the reason may never be opened again; the achievement holds the file already."""
    owner_client.post(ADD, typed(training, files=cut()))
    achievement = Achievement.objects.get()
    owner_client.post(ADD, typed(training, action="draft", draft=uuid.uuid4(), achievement=achievement.pk))
    assert AchievementDraft.objects.get().files.get() == achievement.files.get()
    inspect_evidence(pk=EvidenceFile.objects.get().pk)
    assert owner.inbox_messages.get().link == achievement.get_absolute_url()


def test_stranger_finds_neither_achievement_nor_evidence(client, owner_client, training, files_folder):
    owner_client.post(ADD, typed(training) | {"files": [picture()]})
    evidence = EvidenceFile.objects.get()
    inspect_evidence(pk=evidence.pk)
    achievement = evidence.achievements.get()
    assert b"".join(owner_client.get(evidence.get_absolute_url()).streaming_content)
    for stranger in [UserFactory(), UserFactory(learner=None, institution=InstitutionFactory())]:
        client.force_login(stranger)
        assert client.get(achievement.get_absolute_url()).status_code in {302, 404}
        assert client.get(evidence.get_absolute_url()).status_code == 404
        assert client.get(f"{evidence.get_absolute_url()}thumbnail/").status_code == 404


def test_owner_opens_a_file_once_it_has_passed(owner_client, owner, training, files_folder):
    owner_client.post(ADD, typed(training) | {"files": [picture()]})
    evidence = EvidenceFile.objects.get()
    assert owner_client.get(evidence.get_absolute_url()).status_code == 404
    inspect_evidence(pk=evidence.pk)
    response = owner_client.get(evidence.get_absolute_url())
    assert response["Content-Type"] == "image/png"
    assert b"".join(response.streaming_content).startswith(b"\x89PNG")


# Public pages ----------------------------------------------------------------------------------------------


def test_visitor_reads_catalogue_entry_framework_and_standards(client):
    entry = EntryFactory(is_active=False)
    version = FrameworkVersion.objects.create(name="框架", source="示例来源", is_current=True)
    FrameworkLevel.objects.create(version=version, level=4, knowledge="知识四", skills="技能四", competence="能力四")
    IndustryStandard.objects.create(industry="物流", occupation="仓管员", level=3, title="仓管标准", source="示例")
    for url, words in [
        (reverse("achievements:catalogue"), entry.name),
        (entry.get_absolute_url(), "已停用"),
        (reverse("achievements:framework"), "不是标准原文"),
        (reverse("achievements:standards") + "?industry=物流&level=3", "仓管标准"),
        (reverse("achievements:standards") + "?level=4", "没有找到匹配的记录"),
    ]:
        assert words in client.get(url).content.decode(), url


@pytest.mark.parametrize("url", [CHOOSE, reverse("achievements:catalogue"), reverse("achievements:standards")])
def test_longer_lists_take_no_more_queries(url, owner_client):
    def fill(count):
        EntryFactory.create_batch(count)
        IndustryStandard.objects.bulk_create(
            IndustryStandard(industry="物流", occupation="仓管员", level=3, title="标准", source="示例")
            for _ in range(count)
        )

    fill(search.COMMON)
    few = queries_of(owner_client, url)
    fill(27)
    assert queries_of(owner_client, url) == few


@pytest.mark.parametrize("score", ["-1", "99999", "1.234", "abc", "NaN"])
def test_learner_is_told_what_a_score_may_be(owner_client, training, score):
    page = owner_client.post(ADD, typed(training, score=score) | {"files": [picture()]}).content.decode()
    assert page.count("成绩是0到9999.99之间的数字。") == 1
    assert not Achievement.objects.exists()


@pytest.mark.parametrize(
    ("day", "told"), [("2999-01-01", "不能晚于今天"), ("0224-05-01", "请检查取得时间的年份"), ("1900-01-01", "请选择")]
)
def test_learner_is_told_of_a_day_that_cannot_be(owner_client, training, day, told):
    assert told in owner_client.post(ADD, typed(training, obtained_on=day)).content.decode()


def test_learner_may_fill_a_box_to_its_end(owner_client, owner, training, files_folder):
    full = "一\r\n" * 499 + "一二"  # 1000 characters to a browser
    page = owner_client.post(ADD, typed(training, description=full + "三", name="长" * 201)).content.decode()
    assert "最多 1000 个字" in page
    assert "最多 200 个字" in page
    owner_client.post(ADD, typed(training, description=full, files=picture()))
    assert len(owner.learner.achievements.get().description) == 1000


def test_learner_is_told_by_name_what_is_missing(owner_client, training):
    page = owner_client.post(ADD, typed(training, name="", body_name="", body_code="")).content.decode()
    for label in ["培训名称", "颁发机构", "机构代码"]:
        assert f"请填写{label}。" in page
    assert "每个不超过 10 MB,最多 10 个" in page


def test_visitor_and_learner_are_led_on_from_an_entry(client, owner):
    entry = EntryFactory()
    add = f"{ADD}?entry={entry.pk}"
    assert add in client.get(entry.get_absolute_url()).content.decode()
    client.force_login(owner)
    assert add in client.get(entry.get_absolute_url()).content.decode()
    page = client.get(add).content.decode()
    assert f'value="{entry.name}"' in page
    chooser = client.get(reverse("achievements:choose")).content.decode()
    assert f"{entry.get_absolute_url()}?choosing=1" in chooser
    assert add not in client.get(entry.get_absolute_url(), {"choosing": 1}).content.decode()


def test_nobody_is_led_where_he_cannot_go(client):
    words = "我有这项成果"
    assert words not in client.get(EntryFactory(is_active=False).get_absolute_url()).content.decode()
    client.force_login(UserFactory(learner=None))
    assert words not in client.get(EntryFactory().get_absolute_url()).content.decode()


def test_owner_reads_a_score_as_it_is_on_the_paper(owner_client, owner):
    for score, shown in [("59.96", "59.96"), ("88.50", "88.5"), ("0", "0")]:
        achievement = AchievementFactory(learner=owner.learner, score=score, type__parent=TypeFactory(parent=None))
        assert f"<dd>{shown}</dd>" in owner_client.get(achievement.get_absolute_url()).content.decode()


@pytest.mark.parametrize("number", ["SL\u20111", "SL\u200b-1", "sl 1", "ＳＬ－１", "SL\u22121"])
def test_the_same_number_written_otherwise_is_the_same_certificate(
    owner_client, owner, training, files_folder, number
):
    owner_client.post(ADD, typed(training) | {"files": picture()})
    page = owner_client.post(ADD, typed(training, certificate_number=number) | {"files": picture()})
    assert "您已添加过这份证书" in page.content.decode()
    assert owner.learner.achievements.count() == 1


@pytest.fixture
def contest():
    """An entry of 业绩类, as a recognition may link several achievements to."""
    type_ = TypeFactory(name="业绩类-竞赛奖励", parent=TypeFactory(parent=None), is_performance=True)
    return EntryFactory(name="示例技能大赛", type=type_)


def test_learner_cannot_choose_what_only_a_recognition_gives(owner_client, owner, contest, files_folder):
    page = owner_client.get(CHOOSE, {"q": "技能大赛"}).content.decode()
    assert "须认定" in page
    assert "disabled" in page.split(f'value="{contest.pk}"')[1].split(">")[0]
    assert "申请认定" in owner_client.get(contest.get_absolute_url()).content.decode()
    data = typed(contest.type, entry=contest.pk) | {"files": picture()}
    assert "须先认定的业绩类" in owner_client.post(ADD, data).content.decode()
    assert not owner.learner.achievements.exists()


def test_a_correction_of_a_recognised_performance_has_to_be_recognised_anew(
    owner_client, owner, contest, files_folder
):
    held = AchievementFactory(learner=owner.learner, type=contest.type, entry=contest, name=contest.name)
    page = owner_client.get(reverse("achievements:edit", args=[held.pk])).content.decode()
    assert "须重新申请认定" in page
    data = typed(contest.type, achievement=held.pk, name="示例技能大赛一等奖") | {"files": picture()}
    assert owner_client.post(ADD, data).status_code == 302
    assert owner.learner.achievements.get(name="示例技能大赛一等奖").entry is None


def test_learner_who_rather_types_goes_on_without_the_entry(owner_client, owner, training):
    entry = EntryFactory(type=training)
    token = str(uuid.uuid4())
    owner_client.post(ADD, typed(training, entry=entry.pk, draft=token, action="draft"))
    chooser = owner_client.get(CHOOSE, {"type": training.pk, "draft": token})
    assert owner_client.get(chooser.context["back_url"]).context["form"]["entry"].value() == str(entry.pk)
    form = owner_client.get(chooser.context["typing_url"]).context["form"]
    assert not form["entry"].value()
    assert form["certificate_number"].value() == "SL-1"


def test_visitor_sees_which_entries_are_stopped_and_which_are_out_of_date(client):
    EntryFactory(name="停办的", is_active=False)
    EntryFactory(name="过期的", valid_to="2020-01-01")
    rows = client.get(reverse("achievements:catalogue")).content.decode().split("<tr>")
    words = {name: row for row in rows for name in ["停办的", "过期的"] if name in row}
    assert "停用" in words["停办的"]
    assert "不在有效期" in words["过期的"]
    assert "停用" not in words["过期的"]
