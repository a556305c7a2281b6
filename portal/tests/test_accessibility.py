"""What a browser and axe say about the pages: at 1280 and at 390 pixels, with dialogs open and errors shown."""

from datetime import timedelta

import pytest
from django.conf import settings as portal_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from accounts.models import IdentityCheck, User
from accounts.tasks import run_roster_import
from accounts.tests.factories import EnrolmentFactory, LearnerFactory, UserFactory
from achievements.models import CatalogueEntry
from achievements.tasks import run_achievement_import, run_catalogue_import
from conversion.models import Application, Certificate, ConversionRule, Course, ReasonCode, RuleVersion
from conversion.models.application import Action, Status
from conversion.services.reviews import decide
from conversion.services.shares import create_share
from demo.synthetic import synthetic_person
from portal.models import Article
from portal.tests import journey
from portal.tests.crawler import STARTS, Crawler

# The stock admin's templates name variables that aren't there.
ADMIN = pytest.mark.ignore_template_errors

WIDTHS = (1280, 390)
DEMO = portal_settings.BASE_DIR / "demo"


@pytest.fixture
def checked(axe_violations):
    """Return a function that notes what is wrong with the page as it stands at both widths; at the end nothing may."""
    found = []

    def check(page, state=""):
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            where = f"{page.url} {state} at {width}"
            found.extend(f"{where}: {violation}" for violation in axe_violations(page))
            if page.evaluate("() => document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                found.append(f"{where}: scrolls sideways")
        page.set_viewport_size({"width": 1280, "height": 800})

    yield check
    assert found == []


def enter(page, username):
    """Take over a session, which is quicker than signing in."""
    client = Client()
    client.force_login(User.objects.get(username=username))
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "domain": "localhost", "path": "/"}
    page.context.add_cookies([cookie])
    return page


def check_all(page, check, urls):
    for url in urls:
        assert page.goto(url).status == 200, url
        check(page)


def test_the_pages_and_forms_of_a_visitor(demo_portal, new_page, console_errors, checked):
    page = new_page(bypass_csp=True)
    article = Article.objects.published().first()
    entry, rule = CatalogueEntry.objects.first(), ConversionRule.objects.first()
    certificate = Certificate.objects.filter(revoked_at=None)[0]
    course = Course.objects.filter(rule_versions__in=RuleVersion.objects.in_force())[0]
    share = create_share(certificate=certificate, until=timezone.localdate() + timedelta(days=7))
    check_all(page, checked, [
        "/rules/what-if/", f"/rules/what-if/?entry={entry.pk}&score_{entry.pk}=x&find=云计算", "/rules/courses/",
        f"/rules/courses/{course.pk}/", "/verify/keys/", f"/verify/{certificate.token}/",
        f"/verify/share/{share.token}/", "/catalogue/?q=云计算",
        "/", "/columns/news/", article.get_absolute_url(), "/questions/", "/framework/", "/standards/", "/catalogue/",
        f"/catalogue/{entry.pk}/", "/rules/", f"/rules/{rule.pk}/", "/verify/?number=GD0000", "/accounts/register/",
        "/accounts/register/institution/", "/accounts/password/reset/", "/accounts/activate/",
        "/accounts/activate/unmatched/", "/dev/sms/",
    ])  # fmt: skip
    refusals = [(404, "/nowhere/"), (404, "/verify/share/unknown/"), (400, "/%00")]
    for status, url in refusals:
        assert page.goto(url).status == status
        checked(page)
    assert all(str(status) in error for (status, _url), error in zip(refusals, console_errors, strict=True))
    console_errors.clear()
    check_forms_with_errors(page, checked)
    check_sign_in_dialog(page, checked)


def check_forms_with_errors(page, checked):
    for url in ["/accounts/register/", "/accounts/register/institution/", "/accounts/password/reset/"]:
        page.goto(url)
        page.evaluate("() => document.querySelectorAll('main form').forEach((form) => (form.noValidate = true))")
        page.get_by_role("main").locator("form button:not([name])").last.click()
        page.locator(".is-invalid, [aria-invalid=true]").first.wait_for()
        checked(page, "with errors")


def check_sign_in_dialog(page, checked):
    page.goto("/")
    page.get_by_role("banner").get_by_role("link", name="登录").click()
    dialog = page.get_by_role("dialog", name="登录")
    dialog.get_by_label("账号").wait_for()
    checked(page, "sign-in dialog")
    for _failure in range(2):
        dialog.get_by_label("账号").fill("nobody")
        dialog.get_by_label("密码").fill("wrong-password")
        with page.expect_response("**/accounts/sign-in/"):
            dialog.get_by_role("button", name="登录").click()
        page.locator("dialog:not([aria-busy])").wait_for()
    dialog.locator("input[name=captcha_1]").wait_for()
    checked(page, "sign-in dialog with errors and captcha")


def test_the_steps_of_an_activation(transactional_db, new_page, checked):
    page = new_page(bypass_csp=True)
    person = synthetic_person(9201)
    EnrolmentFactory(learner__person=person, learner__verified=True, phone=f"+86{person.phone}")
    journey.start_activation(page, person.number)
    page.get_by_label("姓名").wait_for()
    checked(page)
    journey.prove_identity(page, "错误姓名", person.phone)
    page.get_by_role("link", name="申请人工核对").click()
    checked(page, "identity check")
    page.go_back()
    page.get_by_role("link", name="返回修改").click()
    page.get_by_label("姓名").fill(person.name)
    page.get_by_role("button", name="下一步").last.click()
    page.get_by_label("设置密码").fill("weak")
    checked(page, "password meter")
    journey.set_password(page)
    checked(page, "done")


def test_the_pages_and_dialogs_of_a_learner(demo_portal, new_page, checked):
    page = enter(new_page(bypass_csp=True), "xiaofang")
    learner = User.objects.get(username="xiaofang").learner
    application = Application.objects.filter(learner=learner, status=Status.APPROVED, rule_version__isnull=False)[0]
    achievement = learner.achievements.filter(files__isnull=False).first()
    check_all(page, checked, [
        "/my/", "/inbox/", f"/inbox/{application.submitted_by.inbox_messages.first().pk}/", "/achievements/add/",
        achievement.get_absolute_url(), "/conversion/", "/conversion/progress/", application.get_absolute_url(),
        "/conversion/certificates/", "/recognition/", "/performance/", "/questions/", "/accounts/password/change/",
        "/accounts/profile/", f"/verify/?number={application.certificate.number}", "/my/timeline/",
        "/conversion/ledger/", "/accounts/profile/access/", "/accounts/profile/phone/", "/accounts/sessions/",
        f"/conversion/certificates/{application.certificate.pk}/shares/",
    ])  # fmt: skip
    check_conversion_dialogs(page, checked)
    check_other_dialogs(page, checked)


def check_conversion_dialogs(page, checked):
    page.goto("/conversion/")
    page.locator("[data-row-select]:enabled").first.check()
    page.get_by_role("button", name="申请转换").click()
    dialog = page.get_by_role("dialog", name="成果转换")
    dialog.get_by_role("radio").first.wait_for()
    checked(page, "apply dialog")
    dialog.get_by_role("button", name="提交").click()
    dialog.get_by_text("请选择规则。").first.wait_for()
    checked(page, "apply dialog with an error")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="进度查询").click()
    page.get_by_role("dialog", name="进度查询").wait_for()
    checked(page, "progress dialog")


def check_other_dialogs(page, checked):
    page.goto("/my/")
    page.get_by_role("link", name="修改密码").click()
    page.get_by_role("dialog", name="修改密码").get_by_label("原密码").wait_for()
    checked(page, "password dialog")
    page.goto("/achievements/add/")
    page.get_by_label("成果分类").select_option(label="其他类_培训业绩等")
    page.get_by_label("二级分类").select_option(label="培训类")
    page.get_by_label("证书编号").wait_for()
    page.get_by_role("main").get_by_role("button", name="提交").click()
    checked(page, "achievement form")
    page.get_by_role("button", name="搜索").locator("visible=true").click()
    page.get_by_role("dialog", name="成果选择").get_by_role("radio").first.wait_for()
    checked(page, "catalogue dialog")


def returned_case():
    """A conversion that waited for its first review, returned to its learner."""
    case = Application.objects.filter(status=Status.SUBMITTED, submitted_by__username="xiaochu", kind="conversion")[0]
    reviewer = User.objects.get(username="chushen1")
    reason = ReasonCode.objects.first()
    return decide(application=case, action=Action.RETURN, by=reviewer, reason=reason, opinion="请补成绩单")


@ADMIN
@pytest.mark.long
def test_the_pages_of_other_learners_institutions_and_reviewers(demo_portal, new_page, checked):
    case = returned_case()
    page = enter(new_page(bypass_csp=True), "xiaochu")
    check_all(page, checked, [case.get_absolute_url(), f"{case.get_absolute_url()}resubmit/", "/recognition/"])
    fresh = enter(new_page(bypass_csp=True), "xiaoxin")
    check_all(fresh, checked, ["/my/", "/conversion/", "/inbox/", "/recognition/", "/performance/"])
    refused = enter(new_page(bypass_csp=True), "xiaobo")
    cases = Application.objects.filter(submitted_by__username="xiaobo")
    appealable, revoked = cases.filter(status=Status.REJECTED)[0], cases.filter(status=Status.REVOKED)[0]
    check_all(refused, checked, [f"{appealable.get_absolute_url()}appeal/", revoked.get_absolute_url()])
    check_review_desks(new_page, checked)


def uploaded(client, url, file, task):
    """The page of an import that was checked, as the institution sees it before it confirms."""
    name, content = file
    page = client.post(url, {"file": SimpleUploadedFile(name, content)}).url
    task(int(page.rstrip("/").rpartition("/")[2]))
    return page


def test_the_pages_of_an_institution(demo_portal, new_page, checked):
    client = Client()
    client.force_login(User.objects.get(username="jigou"))
    own = CatalogueEntry.objects.filter(institution__users__username="jigou")
    imports = [
        ("/accounts/institution/rosters/", "roster_with_errors.csv", run_roster_import),
        ("/achievements/imports/", "achievements_with_errors.csv", run_achievement_import),
        ("/catalogue/own/import/", "achievements.csv", run_catalogue_import),
    ]
    jobs = [uploaded(client, url, (name, (DEMO / name).read_bytes()), task) for url, name, task in imports]
    page = enter(new_page(bypass_csp=True), "jigou")
    entries = own.order_by("status").distinct("status")
    check_all(page, checked, [
        "/accounts/institution/", *(url for url, _name, _task in imports), *jobs, "/catalogue/own/add/",
        "/catalogue/own/", *(f"/catalogue/own/{entry.pk}/" for entry in entries),
    ])  # fmt: skip


@ADMIN
@pytest.mark.long
def test_the_desks_beside_the_review(demo_portal, new_page, checked):
    page = enter(new_page(bypass_csp=True), "admin")
    approved = Application.objects.filter(status=Status.APPROVED, kind="conversion")[0]
    learner = LearnerFactory(person=synthetic_person(9203), verified=True)
    check = IdentityCheck(name=learner.name, phone="+8619900009203")
    check.set_document_number(learner.document_number)
    check.save()
    duplicate = UserFactory(learner__person=synthetic_person(9203), phone="+8619900009204").learner
    check_all(page, checked, [
        "/admin/", "/admin/conversion/application/?scope=all", f"/admin/conversion/application/{approved.pk}/revoke/",
        f"/admin/conversion/certificate/{approved.certificate.pk}/change/",
        f"/admin/conversion/certificate/{approved.certificate.pk}/replace/",
        f"/admin/accounts/identitycheck/{check.pk}/desk/", f"/admin/accounts/learner/{duplicate.pk}/merge/",
        "/admin/achievements/catalogueentry/import/", "/accounts/second-factor/set-up/",
        "/admin/achievements/catalogueentry/add/", "/admin/portal/article/add/", "/admin/conversion/reviewstage/",
    ])  # fmt: skip
    reviewer = enter(new_page(bypass_csp=True), "chushen1")
    reviewer.goto("/admin/conversion/application/?scope=mine")
    for box in reviewer.locator("input[name=application]").all():
        box.check()
    reviewer.get_by_role("button", name="批量通过…").click()
    checked(reviewer, "bulk approval")


def check_review_desks(new_page, checked):
    first = enter(new_page(bypass_csp=True), "chushen1")
    check_all(first, checked, ["/admin/", "/admin/conversion/application/?scope=mine"])
    first.locator(".queue th a").first.click()
    checked(first, "first review")
    first.get_by_label("初审不予通过").check()
    first.get_by_role("button", name="提交审核结论").click()
    first.locator("#reason-error").wait_for()
    checked(first, "refusal without a reason")
    final = enter(new_page(bypass_csp=True), "zhongshen1")
    shown = Application.objects.filter(status__in=[Status.SUBMITTED, Status.FIRST_APPROVED, Status.APPROVED])
    for kind, status in sorted(set(shown.values_list("kind", "status"))):
        case = shown.filter(kind=kind, status=status)[0]
        check_all(final, checked, [f"/admin/conversion/application/{case.pk}/review/"])


# Console and CSP ---------------------------------------------------------------------------------------------


def shape_of(view):
    """The admin's lists, forms and histories are alike: one of each will do."""
    stock = view.startswith("admin:") and not view.startswith("admin:conversion_application")
    return view.rpartition("_")[2] if stock else view


def one_page_of_each_shape(username, known):
    """Pages of shapes nobody before had, as this person's client finds them."""
    user = User.objects.get(username=username) if username else None
    pages = Crawler(user, STARTS.get(username, ["/"])).crawl().pages()
    for view, visit in pages.items():
        if shape_of(view) not in known:
            known.add(shape_of(view))
            yield visit.url


OPERATORS_FORMS = [
    "/admin/portal/article/add/", "/admin/conversion/ruleversion/add/", "/admin/conversion/rulegroup/add/",
    "/admin/achievements/catalogueentry/add/", "/admin/accounts/institution/add/",
]  # fmt: skip


def assert_silent(page, urls, console_errors):
    for url in urls:
        response = page.goto(url)
        assert response.status == 200, url
        assert console_errors == [], url


@pytest.mark.long  # every journey listens to its console too
@ADMIN
def test_the_console_stays_silent_on_a_page_of_each_shape(demo_portal, new_page, console_errors):
    known = set()
    for username in ["xiaofang", "", "jigou", "chushen1"]:
        page = enter(new_page(), username) if username else new_page()
        assert_silent(page, one_page_of_each_shape(username, known), console_errors)
    assert_silent(enter(new_page(), "guanli1"), OPERATORS_FORMS, console_errors)
    assert len(known) > 40
