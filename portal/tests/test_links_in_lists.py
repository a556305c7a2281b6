"""Lists whose pages are turned in place: their other links lead where they say, in the browser."""

from django.urls import reverse

from conversion.models import RuleSource
from portal.tests.test_accessibility import enter


def follow(page, link):
    """Click a link; return where it led, and what stands there."""
    with page.expect_navigation():
        link.click()
    return page.url, page.get_by_role("main").get_by_role("heading", level=1).inner_text()


def test_learner_opens_what_the_timeline_names_and_comes_back(demo_portal, new_page, console_errors):
    page = enter(new_page(), "xiaofang")
    page.goto(reverse("portal:timeline"))
    link = page.locator("#results .timeline a").first
    name = link.inner_text()
    address, heading = follow(page, link)
    assert heading == name
    assert "/applications/" in address
    page.go_back()
    page.locator("#results .timeline a").first.wait_for()
    page.get_by_role("link", name="下一页").click()
    page.wait_for_url("**?page=2")
    page.locator("#results .timeline a").first.wait_for()
    assert console_errors == []


def test_learner_without_achievements_reaches_the_form(demo_portal, new_page):
    page = enter(new_page(), "xiaoxin")
    page.goto(reverse("portal:my_information"))
    assert follow(page, page.get_by_role("link", name="添加第一项成果"))[1] == "成果添加"


def test_visitor_opens_a_rule_that_what_if_found(demo_portal, new_page):
    page = new_page()
    source = RuleSource.objects.filter(group__version__status="published").first()
    page.goto(f"{reverse('conversion:what_if')}?entry={source.entry_id}")
    link = page.locator("#results .prospect a").first
    assert "/rules/" in follow(page, link)[0]
    page.locator("main h2", has_text="需要的学习成果").wait_for()


def test_visitor_goes_from_an_entry_to_its_level(demo_portal, new_page):
    page = new_page()
    page.goto(reverse("achievements:catalogue"))
    link = page.locator("#results tbody a").filter(has_text="级").first
    assert reverse("achievements:framework") in follow(page, link)[0]
