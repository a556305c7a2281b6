"""Achievements of each of the four top types, off the catalogue: added, then recognised and refused."""

from itertools import product

import pytest
from django.core.management import call_command

from achievements.models import Achievement, AchievementDraft, AchievementType
from achievements.tests.factories import EntryFactory
from conversion.tests.scene import Scene, make_reviewer
from portal.tests import journey

TYPES = ["学历教育", "职业资格证书", "技师教育", "其他类_培训业绩等"]
TYPED = {"text": "示例内容", "number": "3", "date": "2020-05-06"}


@pytest.fixture
def scene(transactional_db, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    call_command("load_reference", verbosity=0)
    return Scene()


def choose_type(page, parent, javascript):
    page.goto("/achievements/add/")
    child = AchievementType.objects.filter(parent__name=parent, is_active=True).first()
    if javascript:
        page.get_by_label("成果分类").select_option(label=parent)
    page.get_by_label("二级分类").select_option(value=str(child.pk))
    if not javascript:
        page.get_by_role("button", name="下一步").click()
    page.locator("#achievement-form").wait_for()


def fill_fields(page, name):
    """Type something into every field that the type asks for."""
    for field in page.locator("#achievement-form").locator("input:visible, select:visible").all():
        kind = field.get_attribute("type") or "select"
        if kind in ["file", "hidden"] or field.get_attribute("required") is None:
            continue
        if kind == "select":
            field.select_option(index=1)
        else:
            field.fill(TYPED[kind])
    page.locator("#id_name").fill(name)
    page.get_by_label("描述").fill("示例描述")


def add(page, parent, name, javascript, *, number):
    """With scripts each file travels by itself and its state is told in place; without them with the form."""
    choose_type(page, parent, javascript)
    fill_fields(page, name)
    page.locator("#id_certificate_number").fill(number)
    page.locator("#id_files").set_input_files([journey.picture(), journey.picture()])
    if javascript:
        files = page.locator("#draft-files")
        files.get_by_text("检查中").nth(1).wait_for()
        journey.work_off_queue()
        files.get_by_text("可用").nth(1).wait_for()
        files.get_by_role("button", name="移除").first.click()
        files.get_by_role("listitem").nth(1).wait_for(state="detached")
    page.get_by_role("button", name="提交").click()
    page.get_by_text("已添加学习成果").wait_for()
    journey.work_off_queue()


def ask_for_recognition(page, name):
    page.goto("/recognition/")
    page.get_by_role("link", name=f"申请认定:{name}").click()
    page.get_by_role("button", name="提交").click()
    page.get_by_text("认定申请已提交").wait_for()


def desk(new_page, reviewer, javascript):
    page = new_page(javascript=javascript)
    journey.staff_sign_in(page, journey.give_password(reviewer), journey.PASSWORD)
    return page


def open_case(page, name):
    page.goto("/admin/conversion/application/?scope=mine")
    page.get_by_role("row").filter(has_text=name).get_by_role("link").first.click()


def conclude(page, conclusion):
    page.get_by_label(conclusion, exact=True).check()
    page.get_by_role("button", name="提交审核结论").click()
    page.get_by_text("已记录").wait_for()


def recognise(page, scene, name):
    """As a new entry of the catalogue, which is what the form proposes."""
    open_case(page, name)
    page.get_by_label("资历机构").select_option(label=scene.college.name)
    page.get_by_label("资历框架等级").fill("4")
    page.get_by_label("学分").fill("1.5")
    conclude(page, "终审通过")


def refuse(page, scene, name):
    open_case(page, name)
    reasons = page.get_by_label("原因")
    reasons.select_option(value=reasons.locator("option", has_text=scene.reason.text).get_attribute("value"))
    page.get_by_label("审核意见").fill("请补原件照片")
    conclude(page, "终审不予通过")


def ways():
    """Every type with and without scripts: half of these at once, the others in the long tests."""
    for n, (parent, javascript) in enumerate(product(TYPES, [True, False])):
        marks = [] if n % 4 in {0, 3} else [pytest.mark.long]
        yield pytest.param(
            parent, javascript, marks=marks, id=f"{parent}-{'with' if javascript else 'without'}-scripts"
        )


@pytest.mark.parametrize(("parent", "javascript"), list(ways()))
def test_learner_has_achievements_of_a_type_recognised_and_refused(scene, new_page, parent, javascript):
    page = journey.learner_session(new_page, scene.user, javascript=javascript, width=1280 if javascript else 390)
    good, bad = f"示例成果甲({parent})", f"示例成果乙({parent})"
    for number, name in enumerate([good, bad]):
        add(page, parent, name, javascript, number=f"SL-{number}")
        ask_for_recognition(page, name)
    first = desk(new_page, make_reviewer(first=True), javascript)
    for name in [good, bad]:
        open_case(first, name)
        conclude(first, "初审通过")
    final = desk(new_page, make_reviewer(final=True), javascript)
    recognise(final, scene, good)
    refuse(final, scene, bad)

    page.goto("/my/")
    for name, status in [(good, "已认定"), (bad, "认定未通过")]:
        assert status in page.locator("tr").filter(has_text=name).inner_text()
    entry = Achievement.objects.get(name=good).entry
    assert (entry.name, entry.type.parent.name, entry.framework_level) == (good, parent, 4)
    assert Achievement.objects.get(name=bad).entry is None
    page.goto("/inbox/")
    page.get_by_role("link", name="终审不予通过").click()
    for words in [bad, scene.reason.text, "请补原件照片"]:
        assert words in journey.main_text(page)


def test_learner_goes_on_with_what_was_typed_and_chosen_after_loading_the_page_anew(scene, new_page):
    entry = EntryFactory(name="示例证书", type=AchievementType.objects.get(code="training"))
    page = journey.learner_session(new_page, scene.user)
    page.goto(f"/achievements/add/?type={entry.type_id}")
    page.get_by_label("证书编号").fill("AGAIN-1")
    page.get_by_text("草稿已自动保存").wait_for()
    page.reload()
    assert page.get_by_label("证书编号").input_value() == "AGAIN-1"
    page.get_by_role("button", name="搜索").click()
    page.get_by_role("dialog").get_by_role("radio", name="示例证书").check()
    page.get_by_role("dialog").get_by_role("button", name="确认").click()
    page.get_by_text("草稿已自动保存").wait_for()
    page.go_back()
    page.go_forward()
    page.get_by_text("已选择名录成果").wait_for()
    assert page.locator("#id_entry").input_value() == str(entry.pk)
    assert page.get_by_label("证书编号").input_value() == "AGAIN-1"
    assert AchievementDraft.objects.count() == 1


def test_learner_is_told_that_a_draft_could_not_be_saved(scene, new_page, console_errors):
    page = journey.learner_session(new_page, scene.user)
    page.goto(f"/achievements/add/?type={AchievementType.objects.get(code='training').pk}")
    page.context.set_offline(True)
    page.get_by_label("证书编号").fill("LOST-1")
    page.get_by_text("草稿没有自动保存").wait_for()
    page.context.set_offline(False)
    page.get_by_label("证书编号").fill("LOST-2")
    page.get_by_text("草稿已自动保存").wait_for()
    assert AchievementDraft.objects.get().data["certificate_number"] == "LOST-2"
    assert all("ERR_INTERNET_DISCONNECTED" in error for error in console_errors)
    console_errors.clear()


def test_the_buttons_of_a_long_list_stay_in_sight_and_cover_no_focus(scene, new_page):
    type_ = AchievementType.objects.get(code="training")
    for number in range(10):
        EntryFactory(name=f"示例证书{number}", type=type_)
    page = journey.learner_session(new_page, scene.user, width=390)
    page.goto(f"/achievements/add/?type={type_.pk}")
    page.get_by_role("button", name="搜索").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("radio").last.focus()
    confirm = dialog.get_by_role("button", name="确认").bounding_box()
    assert 0 < confirm["y"] < 800 - confirm["height"]
    focused = dialog.get_by_role("radio").last.bounding_box()
    assert 0 < focused["y"] + focused["height"] < confirm["y"]
