"""Admin pages that show a part of a row as fixed still tell what the database would refuse."""

from contextlib import suppress

import pytest
from django.contrib import admin
from django.contrib.postgres.constraints import ExclusionConstraint
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import F
from django.test import RequestFactory
from django.urls import reverse

from accounts.models import User
from accounts.tests.factories import CentreReviewerFactory, UserFactory
from conversion.forms.rules import VersionPartForm
from conversion.models import Course, Programme
from conversion.tests.scene import make_institution
from vault.whole_forms import WholeRowMixin

KNOWN = (WholeRowMixin, VersionPartForm)  # the second has words of its own


@pytest.fixture
def superuser(db):
    return CentreReviewerFactory(is_superuser=True)


def names_in(condition):
    """The fields that a check's condition names."""
    found = set()
    for child in getattr(condition, "children", []):
        if isinstance(child, tuple):
            found.add(child[0].split("__")[0])
            found |= {child[1].name} if isinstance(child[1], F) else set()
        else:
            found |= names_in(child)
    return found


def half_fixed(model, editable):
    """The constraints of which a form with these fields shows a part only."""
    for constraint in model._meta.constraints:
        names = {*getattr(constraint, "fields", ()), *names_in(getattr(constraint, "condition", None))}
        if isinstance(constraint, ExclusionConstraint):
            parts = [part for expression, _operator in constraint.expressions for part in expression.flatten()]
            names |= {part.name for part in parts if isinstance(part, F)}
        if names & editable and names - editable:
            yield constraint.name


def forms_of(request):
    """(model, form) of each admin page on which a row can be changed."""
    for model, page in admin.site._registry.items():
        row = model(pk=0)
        with suppress(ObjectDoesNotExist):  # a part that asks its version first: it has a `VersionPartForm`
            if page.has_change_permission(request, row):
                yield model, page.get_form(request, row, change=True)


def test_every_admin_form_that_shows_half_of_a_constraint_checks_it_whole(superuser):
    request = RequestFactory().get("/")
    request.user = superuser
    seen = []
    for model, form in forms_of(request):
        found = list(half_fixed(model, set(form.base_fields)))
        assert not found or issubclass(form, KNOWN), (model, found)
        seen += found
    assert {"programme_cohorts_never_overlap", "course_code_once_per_programme"} <= set(seen)


def post(client, superuser, row, **data):
    client.force_login(superuser)
    page = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    return client.post(page, data)


def test_keeper_cannot_give_a_programme_the_name_and_a_cohort_of_another(client, superuser):
    cohorts = {"cohort": 2018, "cohort_to": 2020}
    one = Programme.objects.create(institution=make_institution(), name="会计", **cohorts)
    other = Programme.objects.create(institution=one.institution, name="审计", **cohorts)
    answer = post(client, superuser, one, name=other.name, cohorts="2020", total_credits=140)
    assert "“审计”专业已有2018—2020级" in answer.content.decode()


def test_keeper_cannot_give_a_course_the_code_of_another(client, superuser):
    programme = Programme.objects.create(institution=make_institution(), name="会计", cohort=2018, cohort_to=2018)
    one, other = (Course.objects.create(programme=programme, code=code, name=code, credits=2) for code in "AB")
    answer = post(client, superuser, one, code=other.code, name="A", credits=2, nature=one.nature)
    assert "已经存在" in answer.content.decode()


@pytest.mark.ignore_template_errors  # the stock page of an account names variables that are not there
def test_superuser_cannot_make_a_learner_account_one_of_staff(client, superuser):
    learner = UserFactory()
    data = {"username": learner.username, "name": learner.name, "is_active": "on", "is_staff": "on"}
    answer = post(client, superuser, learner, email=learner.email, phone=learner.phone, **data)
    assert "学习者账号不能登录管理后台" in answer.content.decode()
    assert not User.objects.get(pk=learner.pk).is_staff
