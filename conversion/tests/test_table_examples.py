"""Examples of a performance table: what an achievement says, and how many credits that has to give."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from conversion.examples import run_examples
from conversion.models import RuleExample, RuleExampleValue
from conversion.rules import differences
from conversion.services.drafting import draft_from
from conversion.services.publishing import PublishingError, publish_version
from conversion.tests.keeping import add_row, change_page, field_of, formset, make_keeper, make_table_draft

ADD = reverse("admin:conversion_ruleexample_add")


@pytest.fixture
def table(db):
    draft = make_table_draft()
    add_row(draft, 3, competition_level="国家级", rank=(None, 5))
    add_row(draft, 2, competition_level="省级")
    return draft


@pytest.fixture
def keeper(client, table):
    keeper = make_keeper(table.rule.institution)
    client.force_login(keeper)
    return keeper


def add_example(table, values, *, should_match=True, name="例", **fields):
    example = RuleExample.objects.create(version=table, name=name, should_match=should_match, **fields)
    for key, value in values.items():
        RuleExampleValue.objects.create(example=example, field=field_of(table, key), value=value)
    return example


def posted(table, values, **example):
    """What the page of an example sends: every field of the type, `values` filled in."""
    fields = table.achievement_type.extra_fields.all()
    rows = [{"field": field.pk, "value": values.get(field.key, "")} for field in fields]
    return {"version": table.pk, "name": "省赛", "should_match": "on"} | example | formset("values", rows)


@pytest.mark.parametrize(
    ("values", "fields", "passed"),
    [
        ({"competition_level": "国家级", "rank": "5"}, {"credits": 3}, True),
        ({"competition_level": "国家级", "rank": "5"}, {"credits": 2}, False),
        ({"competition_level": "国家级", "rank": "6"}, {"should_match": False}, True),
        ({"competition_level": "省级"}, {}, True),
        ({}, {"should_match": True}, False),
        ({"competition_level": "省级"}, {"obtained_on": "2023-12-31"}, False),
    ],
)
def test_engine_answers_an_example(table, values, fields, passed):
    type(table).objects.filter(pk=table.pk).update(version_selected_by="obtained")
    add_example(table, values, **fields)
    (result,) = run_examples(table)
    assert result.passed is passed


def test_keeper_adds_an_example_and_sees_its_result(client, keeper, table):
    page = client.get(ADD, {"version": table.pk})
    forms = page.context["inline_admin_formsets"][0].formset.forms
    assert [form.fields["field"].widget.choices[0][1] for form in forms] == ["所属赛事", "级别", "奖项", "名次"]
    data = posted(table, {"competition_level": "省级", "rank": "2"}, credits="2")
    assert client.post(ADD, data).url == change_page(table)
    (example,) = table.examples.all()
    assert [str(value) for value in example.values.all()] == ["级别 省级", "名次 2"]
    page = client.get(change_page(table)).content.decode()
    assert "应当符合,得 2.0 学分,现在的结果是“符合条件,得 2.0 学分”" in " ".join(page.split())
    assert "与预期一致" in page


def test_keeper_is_told_what_no_learner_could_fill_in(client, keeper, table):
    page = client.post(ADD, posted(table, {"competition_level": "宇宙级", "rank": "第二"}))
    assert [sorted(errors) for errors in page.context["inline_admin_formsets"][0].formset.errors if errors] == [
        ["value"],
        ["value"],
    ]
    assert not table.examples.exists()


def test_a_field_that_is_emptied_goes(client, keeper, table):
    example = add_example(table, {"competition_level": "省级", "rank": "2"})
    level, rank = example.values.order_by("pk")
    rows = [
        {"id": level.pk, "example": example.pk, "field": level.field_id, "value": "国家级"},
        {"id": rank.pk, "example": example.pk, "field": rank.field_id, "value": ""},
    ]
    url = reverse("admin:conversion_ruleexample_change", args=[example.pk])
    data = {"name": "例", "should_match": "on"} | formset("values", rows, initial=2)
    assert client.post(url, data).url == change_page(table)
    assert [str(value) for value in example.values.all()] == ["级别 国家级"]


def test_a_failing_example_stops_the_publication_and_a_right_one_goes_along(table, keeper):
    publisher = make_keeper(table.rule.institution)
    example = add_example(table, {"competition_level": "省级"}, credits=Decimal(3), name="省级得3分")
    with pytest.raises(PublishingError, match="省级得3分"):
        publish_version(version=table, by=publisher)
    RuleExample.objects.filter(pk=example.pk).update(credits=2)
    publish_version(version=table, by=publisher)
    with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
        example.values.update(value="国家级")
    copy = draft_from(version=table, by=keeper)
    assert differences(table, copy, for_staff=True) == []
    copy.examples.get().values.update(value="国家级")
    (change,) = differences(table, copy, for_staff=True)
    assert (change.before, change.after) == ("应当符合,得 2.0 学分:级别 省级", "应当符合,得 2.0 学分:级别 国家级")
