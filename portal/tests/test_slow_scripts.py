"""On a slow line a page is used before its scripts are there: what was chosen meanwhile counts."""

import re

import pytest
from django.core.management import call_command

from achievements.models import AchievementType
from conversion.tests.scene import Scene
from portal.tests import journey

HTMX = re.compile(r"/htmx\.min[^/]*\.js")


@pytest.fixture
def scene(transactional_db):
    call_command("load_reference", verbosity=0)
    return Scene()


@pytest.fixture
def slow_page():
    """Return a function: `let_scripts_come = slow_page(page, path)`. Modules wait for htmx, held till then."""

    def open_page(page, path):
        held = []
        page.route(HTMX, lambda route: held.append(route))
        page.goto(path, wait_until="commit")
        page.get_by_role("contentinfo").wait_for()

        def let_scripts_come():
            assert held, "the page had its scripts already"
            held.pop().continue_()

        return let_scripts_come

    return open_page


def test_learner_who_chose_the_type_before_the_scripts_came_gets_its_form(scene, new_page, slow_page):
    page = journey.learner_session(new_page, scene.user)
    chosen = AchievementType.objects.get(code="training")
    let_scripts_come = slow_page(page, "/achievements/add/")
    page.get_by_label("二级分类").select_option(value=str(chosen.pk))
    let_scripts_come()
    page.get_by_label("证书编号").fill("SLOW-1")
    assert page.locator("#achievement-form input[name=type]").input_value() == str(chosen.pk)
    assert page.get_by_label("二级分类").input_value() == str(chosen.pk)


def test_visitor_who_chose_the_province_before_the_scripts_came_is_offered_its_cities(scene, new_page, slow_page):
    page = new_page()
    let_scripts_come = slow_page(page, "/accounts/register/")
    page.get_by_label("省").and_(page.locator("select")).select_option(label="广东省")
    let_scripts_come()
    page.get_by_label("市").and_(page.locator("select")).select_option(label="广州市")
    page.get_by_label("区县").and_(page.locator("select")).select_option(label="天河区")
