"""规则查询 without an account: from a certificate to courses, from a course to certificates, an address to share."""

import pytest

from achievements.models import Achievement
from conversion.models import Application

BOTH_WAYS = pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])
CLOUD = "云计算平台运维与开发中级工程师"
COMPUTING = "全国计算机等级考试一级证书"
MOOCS = ["学堂在线平台云计算与软件工程课程", "中国大学MOOC平台云计算技术与应用课程"]


def add_certificate(page, words, name):
    """Look for a certificate, tick it, and see what it can become."""
    main = page.get_by_role("main")
    main.get_by_label("添加证书、课程或培训").fill(words)
    main.get_by_role("button", name="查找").click()
    main.get_by_role("checkbox", name=name).check()
    main.get_by_role("button", name="看结果").click()
    main.get_by_role("group", name="选出的证书").get_by_role("checkbox", name=name).wait_for()


def look_for_course(page, words):
    main = page.get_by_role("main")
    main.get_by_label("只看院校、专业、年级或课程").fill(words)
    main.get_by_role("button", name="看结果").click()
    main.get_by_label("只看院校、专业、年级或课程").and_(page.locator(f"[value='{words}']")).wait_for()


def prospect(page, course):
    return page.locator(".prospect").filter(has_text=course).first


@BOTH_WAYS
def test_visitor_learns_what_certificates_can_become_and_shares_it(demo_portal, new_page, javascript):
    before = Achievement.objects.count(), Application.objects.count()
    page = new_page(javascript=javascript)
    page.goto("/rules/")
    page.get_by_role("link", name="我的证书能转换什么").click()
    add_certificate(page, "计算机等级考试", COMPUTING)
    look_for_course(page, "云计算导论")
    shown = prospect(page, "云计算导论")
    assert "还缺成果" in shown.inner_text()
    assert f"还需要: {MOOCS[0]}" in shown.inner_text()
    for name in MOOCS:
        add_certificate(page, name, name)
    assert "可以申请" in prospect(page, "云计算导论").inner_text()

    friend = new_page(width=390, javascript=not javascript)
    friend.goto(page.url)
    assert "可以申请" in prospect(friend, "云计算导论").inner_text()
    friend.get_by_role("checkbox", name=MOOCS[0]).uncheck()
    friend.get_by_role("button", name="看结果").click()
    prospect(friend, "还缺成果").wait_for()
    assert (Achievement.objects.count(), Application.objects.count()) == before


@BOTH_WAYS
def test_visitor_goes_from_a_course_to_a_certificate_and_tries_scores(demo_portal, new_page, javascript):
    page = new_page(javascript=javascript, width=390)
    page.goto("/rules/")
    page.get_by_role("link", name="这门课可以用什么成果转换").click()
    page.get_by_label("院校、专业、年级或课程").fill("计算机网络 Linux")
    page.get_by_role("button", name="查询").click()
    page.get_by_role("link", name="可用的成果:Linux系统管理").click()
    page.get_by_role("heading", name="Linux系统管理", level=1).wait_for()
    page.get_by_role("link", name=f"试算:{CLOUD}").click()
    look_for_course(page, "Linux系统管理")
    shown = prospect(page, "Linux系统管理")
    assert "不符合条件" in shown.inner_text()
    shown.get_by_text("查看条件").click()
    assert "90" in shown.inner_text()
    score = page.get_by_label("成绩")
    show_results_for(page, "九十五")
    page.get_by_text("输入一个数字").wait_for()
    assert score.input_value() == "九十五"
    show_results_for(page, "95")
    prospect(page, "可以申请").wait_for()
    page.get_by_role("checkbox", name="不看不符合条件的").check()
    show_results_for(page, "60")
    page.get_by_text("没有规则符合上面的筛选").wait_for()


def show_results_for(page, score):
    page.get_by_label("成绩").fill(score)
    page.get_by_role("button", name="看结果").click()
