"""Two keepers at one moment, and what comes beside a publication; each with its positive control."""

import time

import pytest
from django.contrib import admin
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from conversion.models import ExclusivityGroup, RuleGroup, RuleSource, RuleVersion
from conversion.rule_admin import versions
from conversion.rule_admin.scope import OwnInstitution
from conversion.services import publishing
from conversion.services.drafting import DraftExistsError
from conversion.services.publishing import PublishingError, publish_version
from conversion.tests.keeping import formset, make_keeper
from conversion.tests.scene import make_entry

pytestmark = pytest.mark.django_db


@pytest.mark.django_db(transaction=True)
def test_two_who_publish_at_once_publish_once(in_parallel, draft, college):
    publishers = iter([make_keeper(college) for _n in range(4)])

    def publish():
        try:
            publish_version(version=RuleVersion.objects.get(pk=draft.pk), by=next(publishers))
        except PublishingError as error:
            return error.message
        return "published"

    assert sorted(in_parallel(publish, times=4)) == ["published"] + ["只有草稿可以发布。"] * 3
    assert draft.records.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_change_that_meets_a_publication_is_refused(client, in_parallel, meeting, monkeypatch, draft, publisher):
    """The page that changes a group waits for the publication and finds the version published."""
    meet = meeting(2)
    client.force_login(publisher)
    url = reverse("admin:conversion_rulegroup_change", args=[draft.groups.get().pk])
    steps = iter(["publish", "change"])
    refuse_failing = publishing._refuse_failing

    def held(version):
        meet()  # the version is locked: now let the page come
        time.sleep(0.5)
        refuse_failing(version)

    monkeypatch.setattr(publishing, "_refuse_failing", held)

    def act():
        if next(steps) == "publish":
            return publish_version(version=RuleVersion.objects.get(pk=draft.pk), by=publisher).status
        meet()
        return client.post(url, {"position": 1, "choose": 1} | formset("sources")).status_code

    assert set(in_parallel(act, times=2)) == {"published", 403}


@pytest.fixture
def send_two_drafts(in_parallel, meeting, monkeypatch, published, college):
    """Return a function: two keepers save a new draft of one rule, both once the form has found none."""
    save, meet = versions.save_new_draft, meeting(2)

    def together(**arguments):
        meet()
        return save(**arguments)

    facts = {
        "rule": published.rule_id, "course": published.course_id, "outcome": "waived", "credits": "7.5",
        "score_policy": "pass", "use_policy": "once", "version_selected_by": "submission",
        "valid_from": "2021-03-04", "policy_basis": "教务处〔2021〕9号",
    }  # fmt: skip

    def send():
        keepers = iter([make_keeper(college) for _n in range(2)])
        monkeypatch.setattr(versions, "save_new_draft", together)

        def post():
            client = Client()
            client.force_login(next(keepers))
            return client.post(reverse("admin:conversion_ruleversion_add"), facts)

        return in_parallel(post, times=2)

    return send


@pytest.mark.django_db(transaction=True)
def test_of_two_who_save_a_new_draft_the_second_is_told_and_keeps_what_he_typed(send_two_drafts, published):
    refused, saved = sorted(send_two_drafts(), key=lambda response: response.status_code)
    assert (refused.status_code, saved.status_code) == (200, 302)
    assert refused.context["adminform"].form.errors == {"rule": ["这条规则已有草稿第2版,请修改它。"]}
    page = refused.content.decode()
    assert 'value="7.5"' in page
    assert "教务处〔2021〕9号" in page
    assert published.rule.versions.filter(status="draft").count() == 1


@pytest.mark.django_db(transaction=True)
def test_without_a_second_look_the_second_draft_is_an_error(send_two_drafts, monkeypatch):
    """Positive control."""
    monkeypatch.setattr(OwnInstitution, "changeform_view", admin.ModelAdmin.changeform_view)
    assert DraftExistsError in {type(result) for result in send_two_drafts()}


@pytest.mark.django_db(transaction=True)
def test_of_two_who_add_the_same_group_the_second_is_told_beside_its_place(in_parallel, draft, college):
    keepers = iter([make_keeper(college) for _n in range(2)])
    part = {"version": draft.pk, "position": 2, "choose": 1} | formset("sources", [{"entry": make_entry("又一项").pk}])

    def post():
        client = Client()
        client.force_login(next(keepers))
        return client.post(reverse("admin:conversion_rulegroup_add"), part)

    refused, saved = sorted(in_parallel(post, times=2), key=lambda response: response.status_code)
    assert (refused.status_code, saved.status_code) == (200, 302)
    assert refused.context["adminform"].form.errors == {"position": ["这个版本已有“2”,请换一个。"]}
    assert draft.groups.filter(position=2).count() == 1


@pytest.fixture
def race_publication(in_parallel, meeting, draft, publisher, college):
    """Return a function: raw SQL adds parts to a draft while its publication isn't committed yet."""
    exclusivity = ExclusivityGroup.objects.create(code="race", name="外语", institution=college)
    group = draft.groups.get()
    parts = [
        RuleSource(group=group, entry=make_entry("晚到的成果")),
        RuleGroup(version=draft, position=2),
        RuleVersion.exclusivity_groups.through(ruleversion=draft, exclusivitygroup=exclusivity),
    ]
    meet = meeting(len(parts) + 1)

    def publish():
        fields = {"status": "published", "published_by": publisher, "published_at": timezone.now()}
        with transaction.atomic():
            RuleVersion.objects.filter(pk=draft.pk).update(**fields)
            meet()
            time.sleep(0.5)

    def add():
        part = parts.pop()
        meet()
        part.save(force_insert=True)

    def race():
        acts = [add] * len(parts) + [publish]
        return in_parallel(lambda: acts.pop()(), times=len(acts))

    return race


@pytest.mark.django_db(transaction=True)
def test_raw_sql_beside_a_publication_is_refused(race_publication, draft):
    results = race_publication()
    assert [type(result) for result in results].count(IntegrityError) == 3
    assert all("never changes" in str(result) for result in results if result)
    assert draft.groups.get().sources.count() == draft.published_sources.count() == 1


@pytest.mark.django_db(transaction=True)
def test_without_its_lock_the_trigger_lets_raw_sql_in(race_publication, draft):
    """Positive control."""
    locked = {name: function(name) for name in ["source", "group", "exclusivity"]}
    try:
        for text in locked.values():
            execute(text.replace("FOR NO KEY UPDATE OF version", ""))
        assert race_publication().count(None) == 4
        assert RuleSource.objects.filter(group__version=draft).count() == 2  # and one of them nobody counts
    finally:
        for text in locked.values():
            execute(text)


def function(name):
    return execute(f"SELECT pg_get_functiondef('conversion_{name}_frozen'::regproc)")[0][0]


def execute(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement.replace("%", "%%"))
        return cursor.fetchall() if cursor.description else None
