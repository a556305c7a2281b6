"""Caps and the credits that shares are taken of, as their keepers type them."""

import pytest
from django.urls import reverse

from conversion.models import ConversionCap, Programme
from conversion.tests.keeping import make_keeper
from conversion.tests.scene import make_institution

pytestmark = pytest.mark.django_db
ADD = reverse("admin:conversion_conversioncap_add")


@pytest.fixture
def programme(draft):
    return draft.course.programme


def cap_of(college, **fields):
    return {"institution": college.pk, "kind": "share", "value": "50", "valid_from": "2020-01-01"} | fields


def errors_of(response):
    return response.context["adminform"].form.errors


def test_a_share_of_credits_that_nobody_has_stated_is_told_beside_the_field(client, drafter, college, programme):
    client.force_login(drafter)
    for fields in [{}, {"programme": programme.pk}]:
        (error,) = errors_of(client.post(ADD, cap_of(college, **fields)))["kind"]
        assert str(programme) in error
    Programme.objects.filter(pk=programme.pk).update(total_credits=140)
    assert client.post(ADD, cap_of(college)).status_code == 302


def test_a_programme_of_another_institution_is_refused(client, college, programme):
    client.force_login(make_keeper())
    other = make_institution()
    response = client.post(ADD, cap_of(other, kind="credits", programme=programme.pk))
    assert errors_of(response) == {"programme": ["这个专业属于另一机构。"]}


def test_credits_that_a_share_needs_are_not_emptied(client, drafter, college, programme):
    Programme.objects.filter(pk=programme.pk).update(total_credits=140)
    client.force_login(drafter)
    url = reverse("admin:conversion_programme_change", args=[programme.pk])
    facts = {"name": programme.name, "cohorts": str(programme.cohorts), "total_credits": ""}
    assert client.post(url, facts).status_code == 302
    Programme.objects.filter(pk=programme.pk).update(total_credits=140)
    ConversionCap.objects.create(institution=college, kind="share", value=50, valid_from="2020-01-01")
    assert "请填写" in errors_of(client.post(url, facts))["total_credits"][0]
    add = reverse("admin:conversion_programme_add")
    facts = {"institution": college.pk, "name": "护理", "cohorts": "2019级", "total_credits": ""}
    assert "total_credits" in errors_of(client.post(add, facts))
    client.post(add, facts | {"total_credits": "130"})
    assert str(Programme.objects.get(name="护理")) == f"{college}2019级护理专业"


def test_everybody_reads_the_caps_that_a_rule_stands_under(client, published):
    programme = published.course.programme
    Programme.objects.filter(pk=programme.pk).update(total_credits=140)
    common = {"institution": published.rule.institution, "valid_from": "2020-01-01"}
    ConversionCap.objects.create(kind="share", value=50, **common)
    ConversionCap.objects.create(kind="count", value=3, programme=programme, **common)
    ConversionCap.objects.create(kind="credits", value=8, valid_to="2021-01-01", **common)
    ConversionCap.objects.create(kind="credits", value=9, course_nature="elective", **common)
    assert published.course.nature != "elective"
    text = client.get(published.get_absolute_url()).content.decode()
    assert text.count("转换上限") == 2
    assert "每人在本专业转换的合计不超过 70 学分(毕业学分的50%)" in text
    assert "每人在本专业转换的合计不超过 3 门" in text
