"""The reviewers' desk in the browser: decisions with few page loads, by keyboard, in in bulk, claimed."""

from dataclasses import dataclass

import pytest
from django.urls import reverse

from conversion.models import Application, ReviewClaim
from conversion.services.claims import claim_case
from conversion.tests.scene import Scene, make_achievement, make_learner_user, make_reviewer, verify
from portal.tests.test_accessibility import enter

QUEUE = reverse("admin:conversion_application_changelist")


@pytest.fixture
def scene(transactional_db, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return Scene()


@pytest.fixture
def desk(scene, new_page):
    """Return a function that opens the queue of a reviewer."""

    def at(reviewer, **options):
        page = enter(new_page(**options), reviewer.username)
        page.goto(QUEUE)
        return page

    return at


@dataclass
class Effort:
    """What a reviewer's work costs: pages loaded (answers that lead on are none) and clicks or keys for a control."""

    loads: int = 0
    clicks: int = 0

    @classmethod
    def of(cls, page):
        effort = cls()
        page.on("framenavigated", lambda _frame: effort.loaded())
        return effort

    def loaded(self):
        self.loads += 1

    def click(self, control):
        self.clicks += 1
        control.click()


def cases_of(scene, *names):
    """A waiting case of another learner each, under the scene's rule."""
    learners = [make_learner_user(name) for name in names]
    return [scene.submit(by=user, achievements=[make_achievement(user, scene.entry)]) for user in learners]


def statuses_of(cases):
    rows = Application.objects.filter(pk__in=[case.pk for case in cases]).order_by("pk")
    return list(rows.values_list("status", flat=True))


def decide_and_go_on(page, effort, conclusion):
    effort.click(page.get_by_label(conclusion, exact=True))
    effort.click(page.get_by_role("button", name="提交审核结论"))
    page.get_by_text(f":{conclusion}").first.wait_for()


# Effort ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])
def test_reviewer_decides_case_after_case_with_one_page_load_each(scene, desk, javascript):
    cases = cases_of(scene, "赵一", "钱二", "孙三", "李四")
    page = desk(scene.first_reviewer, javascript=javascript)
    effort = Effort.of(page)
    effort.click(page.get_by_role("link", name=cases[0].title).first)
    for _case in cases:
        decide_and_go_on(page, effort, "初审通过")
    assert statuses_of(cases) == ["first_approved"] * 4
    assert effort.loads <= 2 * len(cases)
    assert (effort.loads, effort.clicks) == (1 + 4, 1 + 2 * 4)  # as docs/decisions.md tells
    page.get_by_text("目前没有待您审核的申请").wait_for()


def test_reviewer_approves_in_bulk_what_may_be_approved_so(scene, desk):
    cases = cases_of(scene, "赵一", "钱二", "孙三", "李四")
    held = cases_of(scene, "周五")[0]
    unproven = cases_of(scene, "吴六")[0]
    verify(*[case.submitted_by for case in [*cases, held]])
    claim_case(application=held, by=make_reviewer(scene.college, first=True))
    page = desk(scene.first_reviewer)
    effort = Effort.of(page)
    effort.click(page.get_by_label("全选"))
    effort.click(page.get_by_role("button", name="批量通过…"))
    page.get_by_role("heading", name="可以通过 4 件").wait_for()
    left_out = page.locator(".module").filter(has_text="不包含 2 件").inner_text()
    assert "周五" in left_out
    assert "尚未实名核验" in left_out
    page.get_by_label("审核意见").fill("材料齐全")
    effort.click(page.get_by_role("button", name="确认通过"))
    page.get_by_text("已通过 4 件").wait_for()
    assert statuses_of(cases) == ["first_approved"] * 4
    assert statuses_of([held, unproven]) == ["submitted"] * 2
    assert {record.opinion for case in cases for record in case.records.filter(action="first_approve")} == {"材料齐全"}
    assert (effort.loads, effort.clicks) == (2, 3)  # for four cases


def test_reviewer_comes_back_to_the_case_after_a_mistake_and_loads_one_page_more(scene, desk):
    cases = cases_of(scene, "赵一", "钱二")
    page = desk(scene.first_reviewer)
    page.get_by_role("link", name=cases[0].title).first.click()
    effort = Effort.of(page)
    effort.click(page.get_by_label("退回补充材料"))
    effort.click(page.get_by_role("button", name="提交审核结论"))
    page.locator("#reason-error").wait_for()
    assert page.get_by_label("退回补充材料").is_checked()
    page.get_by_label("原因").select_option(label=scene.reason.text)
    page.get_by_label("审核意见").fill("请补成绩单")
    effort.click(page.get_by_role("button", name="提交审核结论"))
    page.get_by_text(":退回补充材料").first.wait_for()
    assert effort.loads == 2
    assert statuses_of(cases) == ["returned", "submitted"]


# Claims ------------------------------------------------------------------------------------------------------


def test_a_claimed_case_stays_with_its_reviewer_until_he_gives_it_back(scene, desk):
    cases = cases_of(scene, "赵一", "钱二")
    page, colleague = desk(scene.first_reviewer), desk(make_reviewer(scene.college, first=True))
    row = page.get_by_role("row").filter(has_text="赵一")
    row.get_by_role("button", name="领取").click()
    page.get_by_text("已领取").wait_for()
    assert scene.first_reviewer.name in row.inner_text()

    colleague.reload()
    taken = colleague.get_by_role("row").filter(has_text="赵一")
    assert taken.get_by_role("button", name="领取").count() == 0
    taken.get_by_role("link").click()
    assert f"{scene.first_reviewer} 正在办理" in colleague.locator(".review-may-not").inner_text()
    assert colleague.get_by_role("button", name="提交审核结论").count() == 0

    row.get_by_role("link").click()
    page.get_by_role("button", name="放弃领取").click()
    page.get_by_text("其他审核员可以办理").wait_for()
    assert not ReviewClaim.objects.exists()
    colleague.reload()
    colleague.get_by_role("button", name="提交审核结论").wait_for()
    assert statuses_of(cases) == ["submitted"] * 2


# Keyboard ----------------------------------------------------------------------------------------------------


def press_until(page, chosen, key="Tab", most=80):
    """Press a key until the focus stands on what the selector names; return how often."""
    for count in range(most):
        if page.evaluate("(chosen) => document.activeElement.matches(chosen)", chosen):
            return count
        page.keyboard.press(key)
    return pytest.fail(f"{chosen} can't be reached with {key}")


def shortcut(page, key):
    """Press Alt with a key and wait for the page."""
    with page.expect_navigation():
        page.keyboard.press(f"Alt+{key}")


def test_reviewer_works_through_the_queue_by_keyboard_alone(scene, desk):
    cases = cases_of(scene, "赵一", "钱二", "孙三")
    page = desk(scene.first_reviewer)
    press_until(page, ".queue a")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.url.endswith(review_page(cases[0]))
    for key, case in [("n", cases[1]), ("n", cases[2]), ("p", cases[1]), ("p", cases[0])]:
        shortcut(page, key)
        assert page.url.endswith(review_page(case))
    for _case in cases:
        press_until(page, "input[name=action]")
        page.keyboard.press("Space")
        press_until(page, "textarea[name=opinion]")
        page.keyboard.type("ok")
        press_until(page, "input[type=submit]")
        with page.expect_navigation():
            page.keyboard.press("Enter")
    assert statuses_of(cases) == ["first_approved"] * 3
    assert page.url.endswith(QUEUE)

    page.goto(review_page(cases[1]))
    shortcut(page, "l")
    assert page.url.endswith(QUEUE)


def review_page(case):
    return reverse("admin:conversion_application_review", args=[case.pk])
