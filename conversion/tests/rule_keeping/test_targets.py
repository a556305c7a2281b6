"""What a published rule converts into doesn't change behind the back of the second person who agreed to it."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from conversion.services.publishing import retire_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def keeper(client, drafter):
    client.force_login(drafter)
    return client


def page_of(row):
    return reverse(f"admin:conversion_{row._meta.model_name}_change", args=[row.pk])


def words_of(row, **changes):
    if row._meta.model_name == "programme":
        return {"name": row.name, "cohorts": str(row.cohorts), "total_credits": ""} | changes
    return {"code": row.code, "name": row.name, "credits": row.credits, "nature": row.nature} | changes


CHANGES = [
    ("programme", {"name": "别的专业"}),
    ("programme", {"cohorts": "2018—2030"}),
    ("course", {"code": "X9"}),
    ("course", {"name": "别的课程"}),
    ("course", {"credits": "9.5"}),
    ("course", {"nature": "elective"}),
]


def target_of(version, which):
    return version.course if which == "course" else version.course.programme


@pytest.mark.parametrize(("which", "change"), CHANGES)
def test_keeper_is_told_beside_the_field_that_a_published_rule_holds_it(keeper, published, which, change):
    row = target_of(published, which)
    response = keeper.post(page_of(row), words_of(row, **change))
    errors = response.context["adminform"].form.errors
    assert list(errors) == list(change)
    assert published.rule.code in errors[next(iter(change))][0]


@pytest.mark.parametrize(("which", "change"), CHANGES)
def test_keeper_of_a_draft_changes_its_target(keeper, draft, which, change):
    row = target_of(draft, which)
    assert keeper.post(page_of(row), words_of(row, **change)).status_code == 302


def test_keeper_changes_credits_of_a_programme_and_a_target_whose_rules_are_retired(keeper, published, publisher):
    programme = published.course.programme
    assert keeper.post(page_of(programme), words_of(programme, total_credits="140")).status_code == 302
    retire_version(version=published, by=publisher, reason="改专业名称")
    assert keeper.post(page_of(programme), words_of(programme, name="新专业", total_credits="140")).status_code == 302
    programme.refresh_from_db()
    assert (programme.name, programme.total_credits) == ("新专业", 140)


@pytest.mark.parametrize("statement", [
    "UPDATE conversion_programme SET name = 'x'", "UPDATE conversion_programme SET cohort_to = 2090",
    "UPDATE conversion_course SET code = 'x'", "UPDATE conversion_course SET credits = 99",
])  # fmt: skip
def test_raw_sql_changes_no_target_of_a_published_rule(published, statement):
    with pytest.raises(IntegrityError, match="target of a published rule"), transaction.atomic():
        connection.cursor().execute(statement)
