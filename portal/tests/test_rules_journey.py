"""From a certificate to a course: many rules, a missing part, a higher level, a cap; with and without JavaScript."""

import pytest

from achievements.models import Achievement
from conversion.models import Application
from portal.tests.test_accessibility import enter

BOTH_WAYS = pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])


def choose(page, name, *, javascript):
    """Choose one achievement of the grid and open 「成果转换」; return where its rules are listed."""
    page.goto("/conversion/")
    page.get_by_label(name, exact=True).check()
    page.get_by_role("button", name="申请转换").click()
    rules = page.get_by_role("dialog", name="成果转换") if javascript else page.get_by_role("main")
    rules.get_by_text("可转换的规则有").wait_for()
    return rules


def rule_row(rules, course):
    return rules.get_by_role("row").filter(has_text=course)


@BOTH_WAYS
def test_a_learner_finds_his_way_through_617_rules(demo_portal, new_page, javascript):
    page = enter(new_page(javascript=javascript), "xiaofang")
    cet = "大学英语等级考试(CET)四级及以上证书"
    page.goto("/conversion/")
    assert "617" in page.get_by_role("row").filter(has_text=cet).inner_text()
    rules = choose(page, cet, javascript=javascript)
    rules.get_by_text("可转换的规则有 617 条。").wait_for()
    rules.get_by_role("searchbox").fill("岭南示例开放大学 2019 行政管理")
    rules.get_by_role("button", name="查询").click()
    rules.get_by_text("的规则有 2 条。").wait_for()
    assert rules.get_by_role("rowheader", name="2019级行政管理专业").count() == 1
    rules.get_by_role("button", name="提交").click()
    rules.get_by_text("请选择规则。").wait_for()
    rules.get_by_text("的规则有 2 条。").wait_for()
    rule_row(rules, "大学英语(一)").get_by_role("radio").check()
    rules.get_by_role("button", name="提交").click()
    page.get_by_text("转换申请已提交").wait_for()
    page.goto("/conversion/")
    assert "616" in page.get_by_role("row").filter(has_text=cet).inner_text()


@BOTH_WAYS
def test_a_learner_is_told_what_is_missing_outranked_or_over_the_cap(demo_portal, new_page, javascript):
    page = enter(new_page(javascript=javascript), "xiaofang")
    chosen = Achievement.objects.filter(learner__user__username="xiaofang", entry__name__contains="计算机等级考试一级")
    page.goto(f"/conversion/apply/?achievement={chosen.get().pk}&q=云计算导论")
    row = rule_row(page.get_by_role("main"), "云计算导论")
    assert "还缺成果" in row.inner_text()
    assert "还需要: 学堂在线平台云计算与软件工程课程" in row.inner_text()
    assert row.get_by_role("radio").is_disabled()

    page = enter(new_page(javascript=javascript), "xiaozhong")
    row = rule_row(choose(page, "养老护理员(四级)", javascript=javascript), "老年护理技术")
    assert "您持有同系列更高等级的“养老护理员(三级)”" in row.inner_text()

    page = enter(new_page(javascript=javascript), "xiaochu")
    row = rule_row(choose(page, "养老护理员(三级)", javascript=javascript), "健康评估")
    assert "超过上限" in row.inner_text()
    assert "本专业最多还可转换 2 学分" in row.inner_text()
    assert row.get_by_role("radio").is_disabled()
    assert not Application.objects.filter(rule_version__course__name="健康评估").exists()


@BOTH_WAYS
def test_a_learner_adds_the_missing_part_from_another_page_of_the_grid(demo_portal, new_page, javascript):
    """Ticks hold for what the grid shows at once: what it doesn't is added in 成果转换."""
    page = enter(new_page(javascript=javascript, width=390), "xiaofang")
    page.goto("/conversion/?name=助理电子商务师")
    page.get_by_label("助理电子商务师", exact=True).check()
    page.get_by_role("button", name="申请转换").click()
    rules = page.get_by_role("dialog", name="成果转换") if javascript else page.get_by_role("main")
    row = rule_row(rules, "跨境电商英语")
    row.wait_for()
    assert "还需要: 大学英语等级考试(CET)四级及以上证书" in row.inner_text()
    assert row.get_by_role("radio").is_disabled()
    other = rules.get_by_label("在这里加选")
    cet = other.locator("option", has_text="大学英语等级考试(CET)四级及以上证书")
    other.select_option(value=cet.get_attribute("value"))
    rules.get_by_role("button", name="加选").click()
    rules.get_by_text("总共 2 条记录").first.wait_for()
    rules.get_by_role("searchbox").fill("跨境电商英语")
    rules.get_by_role("button", name="查询").click()
    rules.get_by_text("含有“跨境电商英语”").wait_for()
    row.get_by_role("radio").check()
    rules.get_by_role("button", name="提交").click()
    page.get_by_text("转换申请已提交").wait_for()
    case = Application.objects.latest("pk")
    assert case.rule_version.course.name == "跨境电商英语"
    assert case.sources.count() == 2
