"""The life of a rule's versions, their examples and differences, and who keeps whose rules."""

import datetime as dt
import time
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from conversion.models import (
    ExclusivityGroup,
    ReviewCriterion,
    RuleExample,
    RuleExampleItem,
    RuleSource,
    RuleVersion,
    RuleVersionRecord,
)
from conversion.rules import differences, run_examples
from conversion.services import publishing
from conversion.services.drafting import DraftExistsError, draft_from
from conversion.services.publishing import (
    PublishingError,
    publish_version,
    resume_version,
    retire_version,
    suspend_version,
)
from conversion.tests.keeping import formset, make_keeper
from conversion.tests.scene import make_entry, make_institution, make_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def college():
    return make_institution()


@pytest.fixture
def drafter(college):
    return make_keeper(college)


@pytest.fixture
def publisher(college):
    return make_keeper(college)


@pytest.fixture
def entry():
    return make_entry()


@pytest.fixture
def draft(college, drafter, entry):
    sources = [{"entry": entry, "min_score": Decimal(60)}]
    return make_version(college, [(1, sources)], publish=False, drafted_by=drafter)


@pytest.fixture
def published(draft, publisher):
    return publish_version(version=draft, by=publisher)


def page(version, name="change", **kwargs):
    return reverse(f"admin:conversion_ruleversion_{name}", kwargs={"pk": version.pk} | kwargs)


def change_page(version):
    return reverse("admin:conversion_ruleversion_change", args=[version.pk])


def add_example(version, entry, *, score, should_match=True, name="例"):
    example = RuleExample.objects.create(version=version, name=name, should_match=should_match)
    RuleExampleItem.objects.create(example=example, entry=entry, score=score, obtained_on=dt.date(2024, 6, 1))
    return example


class TestLife:
    def test_a_second_person_publishes_suspends_resumes_and_retires(self, draft, publisher):
        publish_version(version=draft, by=publisher)
        suspend_version(version=draft, by=publisher, reason="政策调整")
        resume_version(version=draft, by=publisher)
        retired = retire_version(version=draft, by=publisher, reason="课程取消")
        assert retired.status == "retired"
        told = draft.records.values_list("action", "by", "reason")
        assert list(told) == [
            ("published", publisher.pk, ""),
            ("suspended", publisher.pk, "政策调整"),
            ("resumed", publisher.pk, ""),
            ("retired", publisher.pk, "课程取消"),
        ]

    def test_the_drafter_cannot_publish(self, draft, drafter):
        with pytest.raises(PublishingError, match="起草人"):
            publish_version(version=draft, by=drafter)
        draft.refresh_from_db()
        assert draft.status == "draft"

    def test_a_stranger_institution_cannot_publish(self, draft):
        with pytest.raises(PublishingError, match="本机构"):
            publish_version(version=draft, by=make_keeper(make_institution()))

    @pytest.mark.parametrize("verb", [suspend_version, retire_version])
    def test_stopping_tells_why(self, published, publisher, verb):
        with pytest.raises(PublishingError, match="原因"):
            verb(version=published, by=publisher, reason=" ")
        assert published.records.count() == 1

    def test_a_retired_version_stays_retired(self, published, publisher):
        retire_version(version=published, by=publisher, reason="课程取消")
        with pytest.raises(PublishingError, match="状态已改变"):
            resume_version(version=published, by=publisher)
        with pytest.raises(IntegrityError, match="stays retired"), transaction.atomic():
            RuleVersion.objects.filter(pk=published.pk).update(status="published")

    def test_the_next_version_supersedes_the_published_one(self, published, drafter, publisher):
        draft = draft_from(version=published, by=drafter)
        publish_version(version=draft, by=publisher)
        published.refresh_from_db()
        assert published.status == "retired"
        assert published.records.last().reason == "由第2版取代"

    def test_a_suspended_version_is_not_resumed_beside_a_published_one(self, published, drafter, publisher):
        suspend_version(version=published, by=publisher, reason="核对")
        publish_version(version=draft_from(version=published, by=drafter), by=publisher)
        with pytest.raises(PublishingError, match="另一个已发布的版本"):
            resume_version(version=published, by=publisher)

    def test_records_only_grow(self, published):
        for statement in [
            "UPDATE conversion_ruleversionrecord SET reason = 'x'",
            "DELETE FROM conversion_ruleversionrecord",
        ]:
            with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
                connection.cursor().execute(statement)

    def test_a_draft_goes_with_its_records(self, published, drafter):
        draft = draft_from(version=published, by=drafter)
        draft.delete()
        assert not RuleVersionRecord.objects.filter(version=draft.pk).exists()

    def test_a_group_with_too_few_sources_is_not_published(self, draft, publisher):
        draft.groups.update(choose=2)
        with pytest.raises(PublishingError, match="需要 2 项"):
            publish_version(version=draft, by=publisher)


class TestNextVersion:
    def test_says_what_the_former_one_says(self, draft, drafter, publisher, college, entry):
        ReviewCriterion.objects.create(version=draft, label="内容相关度", minimum=80)
        add_example(draft, entry, score=60)
        draft.exclusivity_groups.add(ExclusivityGroup.objects.create(code="english", name="外语", institution=college))
        publish_version(version=draft, by=publisher)
        copy = draft_from(version=draft, by=drafter)
        assert (copy.number, copy.status, copy.drafted_by) == (2, "draft", drafter)
        assert differences(draft, copy, for_staff=True) == []
        assert copy.records.get().reason == "由第1版复制"

    def test_a_rule_has_one_draft(self, published, drafter):
        draft_from(version=published, by=drafter)
        with pytest.raises(DraftExistsError):
            draft_from(version=published, by=drafter)

    def test_differences_name_what_changed(self, published, drafter):
        copy = draft_from(version=published, by=drafter)
        RuleVersion.objects.filter(pk=copy.pk).update(credits=2)
        source = RuleSource.objects.get(group__version=copy)
        RuleSource.objects.filter(pk=source.pk).update(min_score=75)
        other = make_entry("另一项成果")
        RuleSource.objects.create(group=source.group, entry=other)
        copy.refresh_from_db()
        told = {(change.kind, change.label): (change.before, change.after) for change in differences(published, copy)}
        assert told["changed", "转换学分"] == ("4.0", "2.0")
        assert told["changed", f"第1组:{source.entry}"] == ("成绩不低于 60.00", "成绩不低于 75.00")
        assert told["added", "第1组:另一项成果"] == ("", "取得即可")
        assert len(told) == 4  # and 2 项中任选 1 项


class TestExamples:
    def test_are_answered_by_the_engine(self, draft, entry):
        add_example(draft, entry, score=60, name="够分")
        add_example(draft, entry, score=59, should_match=False, name="不够分")
        assert [result.passed for result in run_examples(draft)] == [True, True]

    def test_a_failing_one_stops_the_publication(self, draft, entry, publisher):
        add_example(draft, entry, score=59, name="59分可以转换")
        with pytest.raises(PublishingError, match="59分可以转换") as refusal:
            publish_version(version=draft, by=publisher)
        (result,) = refusal.value.failing
        assert [c.code for c in result.assessment.conditions if not c.met] == ["sources", "score"]

    def test_its_trace_is_shown_when_it_stops_the_publication(self, client, draft, entry, publisher):
        add_example(draft, entry, score=59, name="59分可以转换")
        client.force_login(publisher)
        response = client.post(page(draft, "move"), {"action": "published"}, follow=True)
        assert response.redirect_chain[-1][0] == page(draft, "examples")
        text = response.content.decode()
        assert "有例子与预期不符,不能发布:59分可以转换" in text
        assert "要求 60.00,实际 59.00" in text

    def test_are_frozen_with_their_version(self, draft, entry, publisher):
        example = add_example(draft, entry, score=60)
        publish_version(version=draft, by=publisher)
        with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
            RuleExample.objects.filter(pk=example.pk).update(should_match=False)
        with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
            RuleExampleItem.objects.filter(example=example).delete()


class TestAdmin:
    def test_a_keeper_drafts_in_steps_and_a_second_one_publishes(self, client, college, drafter, publisher, entry):
        course = make_version(college, [], publish=False).course
        client.force_login(drafter)
        rule = {"code": "XY0001", "title": "证书转课程", "kind": "conversion", "institution": college.pk}
        client.post(reverse("admin:conversion_conversionrule_add"), rule | formset("versions"))
        rule = college.conversion_rules.get(code="XY0001")
        facts = {
            "rule": rule.pk, "course": course.pk, "outcome": "waived", "credits": "4", "score_policy": "pass",
            "use_policy": "once", "version_selected_by": "submission", "valid_from": "2020-01-01",
        }  # fmt: skip
        response = client.post(reverse("admin:conversion_ruleversion_add"), facts)
        version = rule.versions.get()
        assert response.url == change_page(version)
        assert client.post(change_page(version), facts | formset("review_criteria")).status_code == 302
        sources = formset("sources", [{"entry": entry.pk}])
        url = reverse("admin:conversion_rulegroup_add")
        assert client.get(url, {"version": version.pk}).context["adminform"].form.initial["position"] == 1
        part = {"version": version.pk, "position": 1, "choose": 1}
        assert client.post(url, part | sources).url == change_page(version)
        items = formset("items", [{"entry": entry.pk, "obtained_on": "2024-06-01"}])
        example = {"version": version.pk, "name": "持证即可", "should_match": "on"}
        assert client.post(reverse("admin:conversion_ruleexample_add"), example | items).url == change_page(version)
        assert "与预期一致" in client.get(change_page(version)).content.decode()
        client.post(page(version, "move"), {"action": "published"})
        version.refresh_from_db()
        assert version.status == "draft"
        client.force_login(publisher)
        client.post(page(version, "move"), {"action": "published"})
        version.refresh_from_db()
        assert (version.status, version.published_by) == ("published", publisher)

    def test_whoever_changed_a_draft_last_cannot_publish_it(self, client, draft, publisher, drafter, entry):
        client.force_login(publisher)
        group = draft.groups.get()
        sources = [{"id": group.sources.get().pk, "group": group.pk, "entry": entry.pk, "min_score": "50"}]
        url = reverse("admin:conversion_rulegroup_change", args=[group.pk])
        client.post(url, {"position": 1, "choose": 1} | formset("sources", sources, initial=1))
        with pytest.raises(PublishingError, match="起草人"):
            publish_version(version=draft, by=publisher)
        assert publish_version(version=draft, by=drafter).status == "published"

    def test_a_published_version_is_read_only(self, client, published, drafter):
        client.force_login(drafter)
        assert client.get(change_page(published)).status_code == 200
        assert client.post(change_page(published), {"credits": "9"}).status_code == 403
        group = reverse("admin:conversion_rulegroup_change", args=[published.groups.get().pk])
        assert client.post(group, {"position": 1, "choose": 1}).status_code == 403

    def test_a_draft_is_made_from_a_published_version(self, client, published, drafter):
        client.force_login(drafter)
        client.post(page(published, "draft"))
        draft = published.rule.versions.get(status="draft")
        response = client.get(page(draft, "changes", number=1))
        assert "两个版本的内容相同" in response.content.decode()
        again = client.post(page(published, "draft"))
        assert again.url == change_page(draft)

    def test_a_course_of_another_institution_is_refused_beside_its_field(self, client, draft):
        foreign = make_version(make_institution(), [], publish=False).course
        client.force_login(make_keeper())
        response = client.post(
            reverse("admin:conversion_ruleversion_add"), {"rule": draft.rule_id, "course": foreign.pk}
        )
        errors = response.context["adminform"].form.errors
        assert errors["course"] == ["目标课程不属于规则的接收机构。"]
        assert "已有草稿第1版" in errors["rule"][0]


def own_pages(version):
    course = version.course
    return [
        change_page(version),
        reverse("admin:conversion_conversionrule_change", args=[version.rule_id]),
        reverse("admin:conversion_programme_change", args=[course.programme_id]),
        reverse("admin:conversion_course_change", args=[course.pk]),
        reverse("admin:conversion_rulegroup_change", args=[version.groups.get().pk]),
        page(version, "examples"),
    ]


class TestWhoseRules:
    def test_owner_and_centre_open_every_page(self, client, draft, drafter):
        for user in [drafter, make_keeper()]:
            client.force_login(user)
            assert [client.get(url).status_code for url in own_pages(draft)] == [200] * 6

    def test_a_stranger_institution_finds_nothing(self, client, draft):
        client.force_login(make_keeper(make_institution()))
        # Django's own pages lead to the index where there is nothing to see.
        assert [client.get(url).status_code for url in own_pages(draft)] == [302] * 5 + [404]
        for name in ["move", "draft"]:
            assert client.post(page(draft, name), {"action": "published"}).status_code == 404
        lists = ["ruleversion", "conversionrule", "programme", "course"]
        for name in lists:
            text = client.get(reverse(f"admin:conversion_{name}_changelist")).content.decode()
            assert draft.rule.title not in text
            assert draft.course.programme.name not in text

    def test_an_anonymous_visitor_is_asked_to_sign_in(self, client, draft):
        for url in own_pages(draft):
            assert "/admin/login/" in client.get(url).url

    def test_a_stranger_cannot_name_foreign_rows_in_his_forms(self, client, draft):
        stranger = make_keeper(make_institution())
        client.force_login(stranger)
        url = reverse("admin:conversion_ruleversion_add")
        errors = client.post(url, {"rule": draft.rule_id, "course": draft.course_id}).context["adminform"].form.errors
        assert {"rule", "course"} <= errors.keys()
        url = reverse("admin:conversion_programme_add")
        form = {"institution": draft.rule.institution_id, "name": "护理", "cohort": "2019"}
        assert "institution" in client.post(url, form).context["adminform"].form.errors

    def test_exclusivity_groups_of_the_centre_are_seen_and_not_changed(self, client, drafter):
        group = ExclusivityGroup.objects.create(code="national", name="全国英语考试")
        url = reverse("admin:conversion_exclusivitygroup_change", args=[group.pk])
        client.force_login(drafter)
        assert client.get(url).status_code == 200
        assert client.post(url, {"code": "mine", "name": "我的"}).status_code == 403

    def test_who_may_only_view_neither_publishes_nor_drafts(self, client, draft, college):
        client.force_login(make_keeper(college, group="初审员"))
        assert client.get(change_page(draft)).status_code == 200
        assert client.post(page(draft, "move"), {"action": "published"}).status_code == 403
        assert client.post(page(draft, "draft")).status_code == 403


class TestPublicPages:
    def test_everybody_sees_what_changed_since_a_former_version(self, client, published, drafter, publisher):
        draft = draft_from(version=published, by=drafter)
        RuleVersion.objects.filter(pk=draft.pk).update(credits=2)
        url = reverse("conversion:rule_changes", args=[published.rule_id, 1])
        assert client.get(url).status_code == 404  # a draft is nobody's business yet
        draft.refresh_from_db()
        publish_version(version=draft, by=publisher)
        assert url in client.get(published.get_absolute_url()).content.decode()
        text = client.get(url).content.decode()
        assert "<del>4.0</del>" in text
        assert "<ins>2.0</ins>" in text
        assert "修改" in text

    def test_examples_and_review_criteria_stay_with_the_staff(self, published, drafter, publisher, entry):
        draft = draft_from(version=published, by=drafter)
        add_example(draft, entry, score=60)
        ReviewCriterion.objects.create(version=draft, label="内容相关度", minimum=80)
        assert differences(published, draft) == []
        assert len(differences(published, draft, for_staff=True)) == 2


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
