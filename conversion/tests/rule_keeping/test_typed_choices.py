"""Rules are kept without scripts too: a row of a long list is named by words that find it alone."""

import pytest
from django.urls import reverse

from conversion.tests.keeping import formset
from conversion.tests.scene import make_entry, make_institution, make_version

pytestmark = pytest.mark.django_db
ADD = reverse("admin:conversion_rulegroup_add")


@pytest.fixture
def keeper(client, drafter):
    client.force_login(drafter)
    return client


@pytest.fixture
def entries():
    return [make_entry(f"养老护理员({level})") for level in ("四级", "三级")]


@pytest.fixture
def add(keeper, draft):
    """Add a group with one source; return the errors of its entry."""

    def add(**source):
        part = {"version": draft.pk, "position": 2, "choose": 1}
        response = keeper.post(
            ADD, part | formset("sources", [{name.replace("_", "-"): v for name, v in source.items()}])
        )
        if response.status_code == 302:
            return []
        (inline,) = response.context["inline_admin_formsets"]
        assert not source.get("entry_typed") or f'value="{source["entry_typed"]}"' in response.content.decode()
        return inline.formset.errors[0]["entry"]

    return add


def sources_of(draft):
    return [source.entry for source in draft.groups.get(position=2).sources.all()]


def test_page_without_scripts_has_a_box_to_type_in(keeper, draft):
    assert 'name="sources-0-entry-typed"' in keeper.get(ADD, {"version": draft.pk}).content.decode()


def test_words_that_find_one_entry_choose_it(add, draft, entries):
    assert add(entry_typed="养老护理 三级") == []
    assert sources_of(draft) == [entries[1]]


def test_words_that_find_several_name_them_and_a_number_chooses(add, draft, entries):
    (told,) = add(entry_typed="养老护理员")
    assert all(f"#{entry.pk} {entry}" in told for entry in entries)
    assert add(entry_typed=f"#{entries[0].pk}") == []
    assert sources_of(draft) == [entries[0]]


@pytest.mark.parametrize("typed", ["没有这种证书", "#", "#x", "#99999999999999999999", "12", "%"])
def test_words_that_find_nothing_are_told_and_kept(add, draft, entries, typed):
    assert add(entry_typed=typed)
    assert draft.groups.count() == 1


def test_more_than_ten_ask_for_another_word(add, entries):
    for number in range(12):
        make_entry(f"母婴护理{number}")
    (told,) = add(entry_typed="母婴护理")
    assert "还有更多,请多写几个词" in told


@pytest.mark.parametrize("sent", ["x", "9" * 30, "٣", "-1"])
def test_what_is_no_id_is_refused_beside_the_field(add, draft, sent):
    """It was a 500: the select looked for it in the database to show it again."""
    assert add(entry=sent)
    assert draft.groups.count() == 1


def test_course_of_another_institution_is_neither_found_nor_taken_by_number(keeper, draft, college):
    foreign = make_version(make_institution(), [], publish=False).course
    page = reverse("admin:conversion_ruleversion_change", args=[draft.pk])
    for typed in [f"#{foreign.pk}", foreign.code]:
        response = keeper.post(page, {"course-typed": typed} | formset("review_criteria"))
        assert response.context["adminform"].form.errors["course"]
    own = make_version(college, [], publish=False).course
    response = keeper.post(page, {"course-typed": own.code} | formset("review_criteria"))
    assert "course" not in response.context["adminform"].form.errors
