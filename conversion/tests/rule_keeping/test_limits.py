"""Numbers that cannot be: told beside their field, in words, and nothing of the form is lost."""

import pytest
from django.urls import reverse

from accounts.models import User
from conversion.models import Programme, RuleSource
from conversion.tests.keeping import change_page, formset
from conversion.tests.scene import make_entry

pytestmark = pytest.mark.django_db


@pytest.fixture
def keeper(client, drafter):
    client.force_login(drafter)
    return client


def errors_of(response):
    assert response.status_code == 200
    return response.context["adminform"].form.errors


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"kind": "credits", "value": "-1"}, "value"),
        ({"kind": "share", "value": "101"}, "value"),
        ({"kind": "credits", "value": "10", "valid_to": "2019-12-31"}, "valid_to"),
    ],
)
def test_keeper_of_a_cap_is_told_beside_the_field(keeper, draft, college, fields, name):
    Programme.objects.update(total_credits=140)
    response = keeper.post(
        reverse("admin:conversion_conversioncap_add"), {"institution": college.pk, "valid_from": "2020-01-01"} | fields
    )
    assert list(errors_of(response)) == [name]
    assert fields["value"] in response.content.decode()


def test_keeper_of_a_draft_is_told_of_negative_credits_beside_them(keeper, draft):
    response = keeper.post(change_page(draft), {"credits": "-2"} | formset("review_criteria"))
    assert "大于或等于0" in errors_of(response)["credits"][0]
    draft.refresh_from_db()
    assert draft.credits >= 0


def test_keeper_of_a_group_is_told_that_none_of_it_is_no_choice(keeper, draft, entry):
    part = {"version": draft.pk, "position": 2, "choose": 0}
    response = keeper.post(reverse("admin:conversion_rulegroup_add"), part | formset("sources", [{"entry": entry.pk}]))
    assert "大于或等于1" in errors_of(response)["choose"][0]
    assert draft.groups.count() == 1


def test_keeper_of_a_source_is_told_of_an_age_that_no_calendar_reaches(keeper, draft, entry):
    """More months than there are years: the engine couldn't count them, and every page with the rule would fail."""
    part, source = {"version": draft.pk, "position": 2, "choose": 1}, {"entry": entry.pk, "max_age_months": 30000}
    response = keeper.post(reverse("admin:conversion_rulegroup_add"), part | formset("sources", [source]))
    (formset_,) = [inline.formset for inline in response.context["inline_admin_formsets"]]
    assert formset_.errors[0] == {"max_age_months": ["最多1200个月;没有期限请留空。"]}
    assert draft.groups.count() == 1
    keeper.post(
        reverse("admin:conversion_rulegroup_add"), part | formset("sources", [source | {"max_age_months": 1200}])
    )
    assert draft.groups.count() == 2
    assert keeper.get(change_page(draft)).status_code == 200


@pytest.mark.parametrize("name", ["course", "programme"])
def test_keeper_of_a_course_or_programme_is_told_of_negative_credits(keeper, draft, name):
    row, field = (draft.course, "credits") if name == "course" else (draft.course.programme, "total_credits")
    response = keeper.post(reverse(f"admin:conversion_{name}_change", args=[row.pk]), {field: "-1"})
    assert "大于或等于0" in errors_of(response)[field][0]


def test_keeper_who_takes_a_place_that_is_taken_is_told_beside_it_alone(keeper, draft, entry):
    part = {"version": draft.pk, "position": 1, "choose": 1}
    response = keeper.post(reverse("admin:conversion_rulegroup_add"), part | formset("sources", [{"entry": entry.pk}]))
    assert errors_of(response) == {"position": ["这个版本已有“1”,请换一个。"]}


def test_keeper_changes_a_group_of_very_many_sources(keeper, draft):
    """Ten fields a source: more than Django takes by itself."""
    group = draft.groups.get()
    RuleSource.objects.bulk_create(RuleSource(group=group, entry=make_entry(f"证书{n}")) for n in range(120))
    empty = dict.fromkeys(["entry-typed", "min_framework_level", "obtained_from", "obtained_to", "max_age_months"], "")
    stored = [
        {"id": source.pk, "group": group.pk, "entry": source.entry_id, "min_score": "70"} | empty
        for source in group.sources.order_by("pk")
    ]
    url = reverse("admin:conversion_rulegroup_change", args=[group.pk])
    form = {"position": 1, "choose": 1} | formset("sources", stored, initial=len(stored))
    assert keeper.post(url, form).status_code == 302
    assert set(group.sources.values_list("min_score", flat=True)) == {70}


@pytest.mark.parametrize(
    ("name", "prefix"),
    [("rulegroup", "sources"), ("ruleversion", "review_criteria"), ("conversionrule", "versions")],
)
def test_rows_that_a_form_only_announces_are_not_built(client, draft, name, prefix):
    """2000 of them took seconds."""
    client.force_login(User.objects.create(username="root", is_staff=True, is_superuser=True))
    row = {"rulegroup": draft.groups.get(), "ruleversion": draft, "conversionrule": draft.rule}[name]
    announced = {f"{prefix}-TOTAL_FORMS": 32768, f"{prefix}-INITIAL_FORMS": 0}
    response = client.post(reverse(f"admin:conversion_{name}_change", args=[row.pk]), announced)
    assert response.status_code == 200
    (inline,) = response.context["inline_admin_formsets"]
    assert len(inline.formset.forms) <= 51


@pytest.mark.parametrize("version", ["9" * 5000, "9" * 20, "x"])
@pytest.mark.parametrize("name", ["rulegroup", "ruleexample", "criteriarow"])
def test_a_part_of_no_version_is_refused_beside_its_field(keeper, name, version):
    """More digits than Python reads as a number were a 500."""
    part = {"version": version, "position": 1, "choose": 1, "name": "例"}
    inlines = formset("sources") | formset("items") | formset("tests")
    assert "version" in errors_of(keeper.post(reverse(f"admin:conversion_{name}_add"), part | inlines))
