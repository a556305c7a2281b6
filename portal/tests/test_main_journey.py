"""The heart of the guide in a real browser: register, add, apply, two reviews, print, verify."""

import re
from io import BytesIO

import pytest
from django.core.management import call_command
from pypdf import PdfReader

from conversion.models import Certificate, CreditEntry
from demo.accounts import PASSWORD as DEMO_PASSWORD
from demo.synthetic import synthetic_person
from portal.tests import journey

ENTRY = "云计算平台运维与开发中级工程师"


@pytest.fixture
def portal(transactional_db, settings, tmp_path):
    """The portal with its demo data, as a newcomer starts it."""
    settings.MEDIA_ROOT = tmp_path
    call_command("load_demo", verbosity=0)


def register(page, person):
    page.goto("/")
    page.get_by_role("link", name="立即注册").first.click()
    page.get_by_label("用户名").fill("chenxi2026")
    page.get_by_label("真实姓名").fill(person.name)
    page.get_by_label("证件类型").select_option(label="居民身份证")
    page.get_by_label("证件号码").fill(person.number)
    page.get_by_label("民族").select_option(label="汉族")
    page.get_by_label("性别").select_option(label="男" if person.sex == "1" else "女")
    page.get_by_label("出生日期").fill(person.birth_on.isoformat())
    page.get_by_label("电子邮箱").fill("chenxi@example.org")
    page.get_by_label("详细地址").fill("示例路1号")
    page.get_by_label("手机号码").fill(person.phone)


def choose_region(page, javascript):
    for level, name in [("省", "广东省"), ("市", "广州市"), ("区县", "天河区")]:
        select = page.get_by_label(level, exact=False).and_(page.locator("select"))
        select.select_option(label=name)
        if not javascript and level != "区县":
            page.get_by_role("button", name="更新地区选项").click()


def save_registration(page):
    page.locator("input[name=password]").fill(journey.PASSWORD)
    page.locator("input[name=password_again]").fill(journey.PASSWORD)
    page.get_by_role("main").get_by_role("button", name="保存").last.click()
    page.get_by_text("注册成功").wait_for()


def add_achievement(page, javascript):
    page.get_by_role("link", name="成果添加").first.click()
    if javascript:
        page.get_by_label("成果分类").select_option(label="其他类_培训业绩等")
    page.get_by_label("二级分类").select_option(label="培训类")
    if not javascript:
        page.get_by_role("button", name="下一步").click()
    page.get_by_label("证书编号").fill("GDCB-2026-0001")
    page.get_by_role("button", name="搜索").locator("visible=true").click()
    page.get_by_role("textbox", name="成果名称").fill("中级工程师")
    page.get_by_role("button", name="查询").click()
    page.get_by_role("radio", name=ENTRY).check()
    page.get_by_role("button", name="确认").click()
    page.get_by_label("获取时间").fill("2021-12-14")
    page.get_by_label("相关材料").set_input_files([journey.picture()])
    assert page.get_by_label("培训名称").input_value() == ENTRY
    assert page.get_by_label("机构代码").input_value() == "xfyh00001"
    assert page.get_by_label("证书编号").input_value() == "GDCB-2026-0001"
    page.get_by_role("button", name="提交").click()
    page.get_by_text("已添加学习成果").wait_for()


def apply_for_conversion(page):
    """Choose the achievement and its first matching rule."""
    page.goto("/conversion/")
    page.get_by_role("checkbox", name=re.compile(ENTRY)).check()
    page.get_by_role("button", name="申请转换").click()
    rule = page.get_by_role("radio", name=re.compile("广东理工职业学院2018级")).first
    rule.check()
    page.get_by_role("button", name="提交").click()
    page.get_by_text("转换申请已提交").wait_for()


@pytest.mark.parametrize("javascript", [True, False], ids=["with-javascript", "without-javascript"])
def test_learner_gets_a_certificate_that_anyone_can_verify(portal, new_page, javascript):
    person = synthetic_person(9001)
    page = new_page(javascript=javascript)
    register(page, person)
    choose_region(page, javascript)
    journey.get_code(page)
    save_registration(page)

    add_achievement(page, javascript)
    journey.work_off_queue()
    apply_for_conversion(page)
    page.goto("/conversion/progress/")
    assert "等待" in page.get_by_role("main").inner_text()

    first = new_page(javascript=javascript)
    journey.staff_sign_in(first, "chushen1", DEMO_PASSWORD)
    journey.review(first, person.name, "初审通过", opinion="材料齐全")
    final = new_page(javascript=javascript)
    journey.staff_sign_in(final, "zhongshen1", DEMO_PASSWORD)
    journey.review(final, person.name, "终审通过")

    page.goto("/inbox/")
    assert page.get_by_text("终审通过").count() >= 1
    page.goto("/conversion/progress/")
    assert "材料齐全" in page.get_by_role("main").inner_text()
    page.goto("/conversion/certificates/")
    certificate = Certificate.objects.latest("pk")
    assert page.get_by_text(certificate.number).count() >= 1
    pdf = page.request.get(certificate.get_absolute_url())
    assert pdf.headers["content-type"] == "application/pdf"
    text = PdfReader(BytesIO(pdf.body())).pages[0].extract_text()
    assert person.name in text
    assert certificate.number in text
    assert CreditEntry.objects.filter(application__certificates=certificate).exists()

    visitor = new_page(javascript=javascript)
    visitor.goto("/")
    visitor.get_by_label("证明编号").fill(certificate.number.lower())
    visitor.get_by_role("button", name="验证").click()
    shown = visitor.get_by_role("main").inner_text()
    assert "有效" in shown
    assert person.name not in shown
    assert person.name[0] + "*" in shown
