"""The other ways through the portal: activation, institutions, recognition, refusal, return, withdrawal, keyboard."""

import uuid
from datetime import timedelta

import pytest
from celery import current_app
from django.conf import settings as portal_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import F
from django.urls import reverse

from accounts.models import Institution, User
from accounts.phones import normalise_phone
from accounts.tests.factories import PASSWORD as FACTORY_PASSWORD
from accounts.tests.factories import EnrolmentFactory, InstitutionUserFactory, LearnerFactory, UserFactory
from accounts.tests.sms_steps import request_code, texted_code
from achievements.models import CatalogueEntry
from achievements.tests.factories import AchievementFactory, TypeFactory
from conversion.models import Application
from conversion.services.applications import submit_recognition
from conversion.tests.scene import Scene, make_reviewer
from demo.synthetic import synthetic_person
from evidence.models import EvidenceFile
from messaging.models import SmsMessage
from portal.tests import journey


@pytest.fixture
def scene(transactional_db, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return Scene()


@pytest.fixture
def centre(transactional_db):
    """Two reviewers of the centre, each with both rights."""
    return [make_reviewer(first=True, final=True) for _number in range(2)]


def rostered(number, **fields):
    """A person whom an institution imported: learner and enrolment, no account."""
    person = synthetic_person(number)
    learner = LearnerFactory(person=person, verified=True)
    return person, EnrolmentFactory(learner=learner, phone=normalise_phone(person.phone), **fields)


def reviewed_by(new_page, reviewer, learner, conclusion, **words):
    journey.review(journey.staff_session(new_page, reviewer), learner, conclusion, **words)


# Activation --------------------------------------------------------------------------------------------------


def test_a_rostered_person_activates_by_phone_and_name_and_signs_in_by_number(transactional_db, new_page):
    person, _enrolment = rostered(9101)
    page = new_page(width=390)
    journey.start_activation(page, person.number)
    journey.prove_identity(page, "错误姓名", person.phone)
    page.get_by_role("heading", name="未能激活账号").wait_for()
    page.get_by_role("link", name="返回修改").click()
    page.get_by_label("姓名").fill(person.name)
    page.get_by_role("button", name="下一步").last.click()
    journey.set_password(page)
    page.get_by_role("main").get_by_role("link", name="去登录").click()
    journey.sign_in(page, person.number)
    page.goto("/my/")
    assert person.name in page.get_by_role("banner").inner_text()
    assert person.number not in page.content()


def test_an_institution_issues_the_code_that_activates_a_person_with_a_new_phone(transactional_db, new_page):
    staff = InstitutionUserFactory()
    person, enrolment = rostered(9102, institution=staff.institution)
    office = new_page()
    journey.sign_in(office, staff.username, FACTORY_PASSWORD, identity="机构")
    office.goto("/accounts/institution/")
    office.get_by_role("button", name=f"签发激活码:{person.name}").click()
    code = office.locator(".code-slip strong").inner_text()

    page = new_page()
    journey.start_activation(page, person.number)
    journey.prove_identity(page, person.name, synthetic_person(9103).phone, activation_code=code.lower())
    journey.set_password(page)
    journey.sign_in(page, person.number)
    office.goto("/accounts/institution/")
    row = office.get_by_role("row").filter(has_text=person.name)
    assert "已激活" in row.inner_text()
    assert row.get_by_role("button").count() == 0
    assert User.objects.get(learner=enrolment.learner).phone.endswith(synthetic_person(9103).phone)


# Institutions ------------------------------------------------------------------------------------------------


def test_an_institution_registers_and_is_approved_in_the_admin(transactional_db, new_page, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    page = new_page()
    page.goto("/accounts/register/")
    page.get_by_role("link", name="机构注册").click()
    for label, value in [
        ("用户名", "yangfan"), ("电子邮箱", "office@example.org"), ("机构名称", "扬帆示例学院"),
        ("统一社会信用代码", "12440000000000043H"), ("联系人", "陈晓"), ("手机号码", synthetic_person(9104).phone),
    ]:  # fmt: skip
        page.get_by_label(label).fill(value)
    page.get_by_label("机构类型").select_option(label="职业院校")
    journey.get_code(page)
    page.locator("input[name=password]").fill(journey.PASSWORD)
    page.locator("input[name=password_again]").fill(journey.PASSWORD)
    page.locator("input[name=licence]").set_input_files([journey.picture()])
    page.get_by_role("button", name="保存").last.click()
    page.get_by_text("请等待学分银行管理中心审核").first.wait_for()
    assert "待审核" in journey.main_text(page)
    journey.work_off_queue()

    operator = journey.staff_session(new_page, UserFactory(learner=None, is_staff=True, is_superuser=True))
    operator.goto("/admin/accounts/institution/?status__exact=pending")
    operator.get_by_role("row").filter(has_text="扬帆示例学院").get_by_role("checkbox").check()
    operator.get_by_label("动作").select_option(label="批准所选机构入册")
    operator.get_by_role("button", name="执行").click()
    operator.get_by_text("已入册:扬帆示例学院").wait_for()

    page.goto("/accounts/institution/")
    code = Institution.objects.get(name="扬帆示例学院").bank_code
    assert "已入册" in journey.main_text(page)
    assert code in journey.main_text(page)
    page.goto("/inbox/")
    page.get_by_role("link", name="机构注册已通过").click()
    assert code in journey.main_text(page)


# Recognition -------------------------------------------------------------------------------------------------


@pytest.fixture
def unlisted(scene):
    """An achievement of the scene's learner that stands in no catalogue."""
    parent = TypeFactory(parent=None)
    return AchievementFactory(learner=scene.user.learner, type=TypeFactory(parent=parent), name="示例软件开发实训")


def ask_for_recognition(page, achievement):
    page.goto("/recognition/")
    page.get_by_role("link", name=f"申请认定:{achievement.name}").click()
    page.get_by_label("补充材料").set_input_files([journey.picture()])
    page.get_by_role("button", name="提交").click()
    page.get_by_text("认定申请已提交").wait_for()
    journey.work_off_queue()


def test_an_achievement_is_recognised_as_a_new_entry(scene, unlisted, centre, new_page):
    page = journey.learner_session(new_page, scene.user)
    ask_for_recognition(page, unlisted)
    reviewed_by(new_page, centre[0], scene.user.name, "初审通过")
    final = journey.staff_session(new_page, centre[1])
    final.goto("/admin/conversion/application/?scope=mine")
    final.get_by_role("row").filter(has_text=scene.user.name).get_by_role("link").first.click()
    final.get_by_label("终审通过", exact=True).check()
    final.get_by_label("资历机构").select_option(label=scene.college.name)
    final.get_by_label("资历框架等级").fill("4")
    final.get_by_label("学分").fill("2")
    final.get_by_role("button", name="提交审核结论").click()
    final.get_by_text("已记录").wait_for()

    assert CatalogueEntry.objects.get(name=unlisted.name).credits == 2
    page.goto("/recognition/")
    assert "已认定" in page.get_by_role("row").filter(has_text=unlisted.name).inner_text()
    page.goto("/inbox/")
    page.get_by_role("link", name="终审通过").click()
    assert unlisted.name in journey.main_text(page)


def test_a_refused_recognition_says_why_and_may_be_asked_again(scene, unlisted, centre, new_page):
    page = journey.learner_session(new_page, scene.user, width=390)
    ask_for_recognition(page, unlisted)
    reason = {"reason": scene.reason.text, "opinion": "请补培训合同"}
    reviewed_by(new_page, centre[0], scene.user.name, "初审不予通过", **reason)

    page.goto("/inbox/")
    assert "1" in page.get_by_role("banner").inner_text()
    page.get_by_role("link", name="初审不予通过").click()
    for words in [scene.reason.text, "请补培训合同", unlisted.name]:
        assert words in journey.main_text(page)
    page.get_by_role("button").filter(has_text="查看").click()
    assert "不予通过" in journey.main_text(page)
    page.goto("/conversion/progress/")
    assert "请补培训合同" in journey.main_text(page)
    page.goto("/my/")
    assert "认定未通过" in journey.main_text(page)
    ask_for_recognition(page, unlisted)
    assert Application.objects.filter(sources__achievement=unlisted).count() == 2


# Refusal, return, withdrawal ---------------------------------------------------------------------------------


def test_a_returned_conversion_is_completed_and_approved(scene, new_page):
    application = scene.submit()
    first = journey.staff_session(new_page, scene.first_reviewer)
    journey.review(first, scene.user.name, "退回补充材料", reason=scene.reason.text, opinion="请补成绩单")
    page = journey.learner_session(new_page, scene.user)
    page.goto("/inbox/")
    page.get_by_role("link", name="退回补充材料").click()
    page.goto(application.get_absolute_url())
    page.get_by_role("link", name="补充材料并重新提交").click()
    assert "请补成绩单" in journey.main_text(page)
    page.get_by_role("button", name="重新提交").click()
    assert "请上传补充材料,或写明补充说明" in journey.main_text(page)
    page.get_by_label("补充材料").set_input_files([journey.picture()])
    page.get_by_label("补充说明").fill("成绩单见附件")
    page.get_by_role("button", name="重新提交").click()
    page.get_by_text("申请重新进入初审").wait_for()
    journey.work_off_queue()

    journey.review(first, scene.user.name, "初审通过")
    reviewed_by(new_page, scene.final_reviewer, scene.user.name, "终审通过")
    page.goto("/conversion/progress/")
    shown = journey.main_text(page)
    places = [shown.find(step) for step in ["退回补充材料", "初审通过", "终审通过"]]
    assert -1 not in places
    assert places == sorted(places)
    application.refresh_from_db()
    assert application.status == "approved"
    page.goto("/conversion/certificates/")
    assert application.certificate.number in journey.main_text(page)


def test_a_refused_conversion_says_why_in_inbox_and_progress(scene, new_page):
    application = scene.submit()
    reviewed_by(new_page, scene.first_reviewer, scene.user.name, "初审通过")
    words = {"reason": scene.special_reason.text, "opinion": "缺项目管理模块"}
    reviewed_by(new_page, scene.final_reviewer, scene.user.name, "终审不予通过", **words)
    page = journey.learner_session(new_page, scene.user)
    page.goto("/inbox/")
    page.get_by_role("link", name="终审不予通过").click()
    assert "缺项目管理模块" in journey.main_text(page)
    page.goto("/conversion/progress/")
    for shown in [scene.special_reason.text, "缺项目管理模块", "不予通过"]:
        assert shown in journey.main_text(page)
    page.goto("/conversion/certificates/")
    assert "GD" not in journey.main_text(page)
    page.goto("/conversion/")
    assert page.get_by_role("checkbox", name=scene.entry.name).is_enabled()
    assert not application.certificates.exists()


def rule_counts(page):
    """可转换规则数 and 已用转换规则数 of the only achievement."""
    page.goto("/conversion/")
    return [page.get_by_role("cell").nth(place).inner_text().strip() for place in (7, 8)]


def test_a_withdrawn_conversion_frees_its_achievement(scene, new_page):
    application = scene.submit()
    page = journey.learner_session(new_page, scene.user)
    assert rule_counts(page) == ["0", "1"]
    page.goto(application.get_absolute_url())
    page.get_by_text("撤回申请").click()
    page.get_by_role("button", name="确认撤回").click()
    page.get_by_text("申请已撤回").wait_for()
    assert rule_counts(page) == ["1", "0"]
    application.refresh_from_db()
    assert application.status == "withdrawn"
    reviewer = journey.staff_session(new_page, scene.first_reviewer)
    reviewer.goto("/admin/conversion/application/?scope=mine")
    assert reviewer.get_by_role("row").filter(has_text=scene.user.name).count() == 0


# Keyboard ----------------------------------------------------------------------------------------------------


def focused(page):
    """What has the focus: its text or its accessible name."""
    return page.evaluate(
        "() => { const e = document.activeElement;"
        " return (e.getAttribute('aria-label') || e.innerText || e.name || e.tagName).trim(); }"
    )


def tab_to(page, name, key="Tab", most=60):
    """Press Tab until what `name` names has the focus."""
    for _press in range(most):
        if focused(page) == name:
            return
        page.keyboard.press(key)
    pytest.fail(f"{name} can't be reached by keyboard; the focus stands on {focused(page)}")


def assert_focus_stays_in_dialog(page):
    """Beyond the last control of a modal dialog come the browser's own buttons (the page's body), then the first."""
    inside = "() => document.activeElement === document.body || !!document.activeElement.closest('dialog')"
    for _press in range(25):
        page.keyboard.press("Tab")
        assert page.evaluate(inside), focused(page)


def test_the_sign_in_dialog_by_keyboard_alone(scene, new_page):
    journey.give_password(scene.user)
    page = new_page()
    page.goto("/")
    page.keyboard.press("Tab")
    assert focused(page) == "跳到主要内容"
    tab_to(page, "登录")
    page.keyboard.press("Enter")
    page.get_by_role("dialog", name="登录").wait_for()
    page.locator("input[name=identifier]:focus").wait_for()
    assert_focus_stays_in_dialog(page)
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    assert focused(page) == "登录"

    page.keyboard.press("Enter")
    page.locator("input[name=identifier]:focus").wait_for()
    page.keyboard.type(scene.user.username)
    page.keyboard.press("Tab")
    page.keyboard.type("wrong-password")
    page.keyboard.press("Enter")
    page.get_by_role("dialog").get_by_text("账号或密码不正确").wait_for()
    page.locator("input[name=identifier]:focus").wait_for()
    page.keyboard.press("Tab")
    page.keyboard.type(journey.PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_text("欢迎你!").wait_for()


FAST_TYPIST = """
document.addEventListener("focusin", function goOn({ target }) {
  if (target.name !== "identifier") return;
  document.removeEventListener("focusin", goOn);
  setTimeout(() => target.form.elements.password.focus());
});
"""


def test_the_sign_in_dialog_leaves_the_focus_to_whoever_goes_on(scene, new_page):
    page = new_page()
    page.goto("/")
    link = page.get_by_role("banner").get_by_role("link", name="登录")
    link.focus()
    page.evaluate(FAST_TYPIST)
    page.keyboard.press("Enter")
    page.locator("input[name=password]:focus").wait_for()
    page.wait_for_timeout(200)  # htmx would give the focus to [autofocus] a moment after the new content is there
    assert page.locator("input[name=password]").evaluate("input => input === document.activeElement")


def test_the_conversion_dialog_by_keyboard_alone(scene, new_page):
    page = journey.learner_session(new_page, scene.user)
    page.goto("/conversion/")
    box = page.get_by_role("checkbox", name=scene.entry.name)
    tab_to(page, scene.entry.name)
    page.keyboard.press("Space")
    assert box.is_checked()
    tab_to(page, "申请转换", key="Shift+Tab")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="成果转换")
    dialog.get_by_role("radio").first.wait_for()
    assert_focus_stays_in_dialog(page)
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    assert focused(page) == "申请转换"

    page.keyboard.press("Enter")
    dialog.get_by_role("radio").first.wait_for()
    for _press in range(30):
        if page.evaluate("() => document.activeElement.type === 'radio'"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    tab_to(page, "提交")
    page.keyboard.press("Enter")
    page.get_by_text("转换申请已提交").wait_for()
    assert Application.objects.get().rule_version == scene.version


def test_the_conversion_dialog_keeps_the_chosen_files_over_an_error(scene, new_page):
    page = journey.learner_session(new_page, scene.user)
    page.goto("/conversion/")
    page.get_by_role("checkbox", name=scene.entry.name).check()
    page.get_by_role("button", name="申请转换").click()
    dialog = page.get_by_role("dialog", name="成果转换")
    files = dialog.get_by_label("上传相关资料")
    files.set_input_files([journey.picture() | {"buffer": b"no picture at all"}])
    dialog.get_by_role("button", name="提交").click()
    dialog.get_by_text("证书.png:").wait_for()
    assert files.evaluate("input => input.files.length") == 0
    files.set_input_files([journey.picture()])
    dialog.get_by_role("button", name="提交").click()
    dialog.get_by_text("证书.png:").wait_for(state="detached")
    dialog.get_by_text("请选择规则。").wait_for()
    assert "没有保留" not in dialog.inner_text()
    assert dialog.get_by_role("listitem").filter(has_text="证书.png").is_visible()
    assert files.get_attribute("aria-invalid") is None
    dialog.get_by_role("radio").check()
    dialog.get_by_role("button", name="提交").click()
    page.get_by_text("转换申请已提交").wait_for()
    assert [file.name for file in Application.objects.get().files.all()] == ["证书.png"]


# The broker is away ------------------------------------------------------------------------------------------


@pytest.fixture
def broker_returns():
    """Return a function that does what beat rings once the broker is back, each task at once."""
    current_app.loader.import_default_modules()

    def run_sweeps():
        EvidenceFile.objects.update(uploaded_at=F("uploaded_at") - timedelta(minutes=1))
        current_app.conf.task_always_eager = True
        for entry in portal_settings.CELERY_BEAT_SCHEDULE.values():
            current_app.tasks[entry["task"]]()

    yield run_sweeps
    current_app.conf.task_always_eager = False


def test_a_visitor_registers_while_the_broker_is_away(transactional_db, client, broker_away, broker_returns):
    url = reverse("accounts:register_institution")
    person = synthetic_person(9105)
    data = {
        "username": "yangfan", "password": journey.PASSWORD, "password_again": journey.PASSWORD,
        "email": "office@example.org", "phone": person.phone, "institution_name": "扬帆示例学院",
        "uscc": "12440000000000043H", "kind": "vocational", "contact_name": "陈晓",
    }  # fmt: skip
    assert request_code(client, url, data).status_code == 200
    data |= {"code": texted_code(), "licence": upload()}
    assert client.post(url, data).url == reverse("accounts:institution_home")
    assert User.objects.filter(username="yangfan").exists()
    assert SmsMessage.objects.get().status == "created"
    broker_returns()
    assert SmsMessage.objects.get().status == "sent"
    assert EvidenceFile.objects.get().is_passed


def test_a_learner_applies_while_the_broker_is_away(scene, client, broker_away, broker_returns):
    client.force_login(scene.user)
    url = f"{reverse('conversion:apply')}?achievement={scene.achievement.pk}"
    data = {"achievement": scene.achievement.pk, "version": scene.version.pk, "token": uuid.uuid4(), "files": upload()}
    application = Application.objects.filter(learner=scene.user.learner)
    assert client.post(url, data).url == reverse("conversion:application", args=[application.get().pk])
    assert not EvidenceFile.objects.get().is_passed
    broker_returns()
    assert EvidenceFile.objects.get().is_passed


def upload():
    paper = journey.picture()
    return SimpleUploadedFile(paper["name"], paper["buffer"], paper["mimeType"])


def test_a_reviewer_decides_while_the_broker_is_away(scene, client, broker_away):
    achievement = AchievementFactory(learner=scene.user.learner)
    case = submit_recognition(by=scene.user, achievement=achievement, token=uuid.uuid4())
    client.force_login(make_reviewer(first=True))
    answer = client.post(
        reverse("admin:conversion_application_review", args=[case.pk]),
        {"action": "first_approve", "seen_status": "submitted"},
    )
    assert answer.status_code == 302
    assert scene.user.inbox_messages.count() == 1
