"""Lists of any length in as many queries: those that stand on cases, rules, certificates and imports."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import PersonalDataAccess, RosterImport
from accounts.tests.factories import EnrolmentFactory, InstitutionUserFactory, UserFactory
from achievements.models import AchievementImport, CatalogueImport
from achievements.search import COMMON
from achievements.tests.factories import EntryFactory
from conversion.services.shares import create_share
from conversion.tests.scene import Scene, make_achievement, make_entry, make_learner_user, make_reviewer, make_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene():
    return Scene()


def queries_of(client, url):
    with CaptureQueriesContext(connection) as captured:
        response = client.get(url)
    assert response.status_code == 200, url
    return [query["sql"] for query in captured]


def assert_no_more(client, urls, fill):
    """The pages take as many queries for nine rows as for three; `fill(count)` adds rows."""
    fill(3)
    for url in urls:
        client.get(url)  # what is read once per process
    few = {url: queries_of(client, url) for url in urls}
    fill(6)
    many = {url: queries_of(client, url) for url in urls}
    grown = {url: many[url] for url in urls if len(many[url]) > len(few[url])}
    assert grown == {}


def approve_cases(scene, count):
    """Approved conversions of the scene's learner, each with a certificate, under rules of their own."""
    for _number in range(count):
        entry = make_entry()
        version = make_version(scene.college, [(1, [{"entry": entry}])])
        case = scene.submit(version=version, achievements=[make_achievement(scene.user, entry)])
        scene.decide(case, "first_approve", scene.first_reviewer)
        scene.decide(case, "final_approve", scene.final_reviewer)


def test_lists_of_a_learner_take_no_more_queries(client, scene):
    client.force_login(scene.user)
    names = ["conversion:grid", "conversion:progress", "conversion:certificates", "conversion:statement",
             "conversion:recognition", "conversion:performance", "portal:timeline"]  # fmt: skip
    assert_no_more(client, [reverse(name) for name in names], lambda count: approve_cases(scene, count))


def test_shares_and_looks_at_personal_data_take_no_more_queries(client, scene):
    certificate = scene.approved().certificate
    client.force_login(scene.user)

    def fill(count):
        for _number in range(count):
            create_share(certificate=certificate, until=timezone.localdate() + timedelta(days=3))
            PersonalDataAccess.objects.create(
                by=make_reviewer(scene.college), learner=scene.user.learner, purpose="review"
            )

    shares = reverse("conversion:certificate_shares", args=[certificate.pk])
    assert_no_more(client, [shares, reverse("accounts:data_access")], fill)


def test_public_lists_of_rules_take_no_more_queries(client, scene):
    def fill(count):
        for _number in range(count):
            make_version(scene.college, [(1, [{"entry": scene.entry}, {"entry": make_entry()}])], course=course)
            make_version(scene.college, [(1, [{"entry": scene.entry}]), (1, [{"entry": make_entry()}])])

    for _number in range(COMMON):  # so many that the search goes the same way from the first look on
        make_entry()
    course = scene.version.course
    urls = [
        reverse("conversion:rules"), reverse("conversion:courses"), reverse("achievements:catalogue"),
        reverse("conversion:course_rules", args=[course.pk]),
        f"{reverse('conversion:what_if')}?entry={scene.entry.pk}&find=云计算",
        reverse("achievements:catalogue_entry", args=[scene.entry.pk]),
    ]  # fmt: skip
    assert_no_more(client, urls, fill)


def test_rules_to_choose_from_take_no_more_queries(client, scene):
    client.force_login(scene.user)

    def fill(count):
        for _number in range(count):
            make_version(scene.college, [(1, [{"entry": scene.entry}]), (1, [{"entry": make_entry()}])])

    assert_no_more(client, [f"{reverse('conversion:apply')}?achievement={scene.achievement.pk}"], fill)


def test_lists_of_an_institution_take_no_more_queries(client, scene):
    clerk = InstitutionUserFactory(institution=scene.college)
    client.force_login(clerk)

    def fill(count):
        for _number in range(count):
            EnrolmentFactory(institution=scene.college)
            EntryFactory(institution=scene.college)
            for model in [RosterImport, AchievementImport, CatalogueImport]:
                model.objects.create(
                    institution=scene.college, uploaded_by=clerk, name="表.csv", status="cancelled",
                    file_key=f"{model.__name__}{model.objects.count()}",
                )  # fmt: skip

    names = ["accounts:institution_home", "accounts:roster_upload", "achievements:imports", "achievements:own_entries",
             "achievements:catalogue_import_upload"]  # fmt: skip
    assert_no_more(client, [reverse(name) for name in names], fill)


@pytest.mark.ignore_template_errors
def test_lists_of_reviewers_take_no_more_queries(client, scene):
    case = scene.submit()
    client.force_login(UserFactory(learner=None, is_staff=True, is_superuser=True))

    def fill(count):
        approve_cases(scene, count)
        for _number in range(count):
            user = make_learner_user()
            scene.submit(by=user, achievements=[make_achievement(user, scene.entry)])

    lists = ["application", "certificate", "creditentry", "conversionrule", "ruleversion", "course", "programme"]
    urls = [reverse(f"admin:conversion_{name}_changelist") for name in lists]
    review = reverse("admin:conversion_application_review", args=[case.pk])
    assert_no_more(client, [*urls, f"{urls[0]}?scope=all", review], fill)
