"""Who keeps whose rules, in the admin; what everybody sees of them."""

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone

from achievements.models import LevelFamily
from conversion.models import (
    ExclusivityGroup,
    ReviewCriterion,
    RuleVersion,
)
from conversion.rules import differences
from conversion.services.drafting import draft_from
from conversion.services.publishing import (
    PublishingError,
    publish_version,
    resume_version,
    retire_version,
    suspend_version,
)
from conversion.tests.keeping import add_example, change_page, formset, make_keeper, page
from conversion.tests.scene import make_entry, make_institution, make_version

pytestmark = pytest.mark.django_db


class TestAdmin:
    def test_a_keeper_drafts_in_steps_and_a_second_one_publishes(self, client, college, drafter, publisher, entry):
        course = make_version(college, [], publish=False).course
        client.force_login(drafter)
        rule = {"code": "XY0001", "title": "证书转课程", "kind": "conversion", "institution": college.pk}
        saved = client.post(reverse("admin:conversion_conversionrule_add"), rule | formset("versions"))
        rule = college.conversion_rules.get(code="XY0001")
        assert saved.url == f"{reverse('admin:conversion_ruleversion_add')}?rule={rule.pk}"
        form = client.get(saved.url).context["adminform"].form
        assert str(form["rule"].value()) == str(rule.pk)
        assert (
            "填写第一个版本"
            in client.get(reverse("admin:conversion_conversionrule_change", args=[rule.pk])).content.decode()
        )
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

    @pytest.mark.parametrize(("days", "selected_by", "is_told"), [
        (30, "submission", True), (30, "obtained", False), (0, "submission", False),
    ])  # fmt: skip
    def test_publisher_is_told_that_a_later_start_leaves_a_gap(
        self, client, published, drafter, publisher, days, selected_by, is_told
    ):
        draft = draft_from(version=published, by=drafter)
        starts = timezone.localdate() + dt.timedelta(days=days)
        RuleVersion.objects.filter(pk=draft.pk).update(valid_from=starts, version_selected_by=selected_by)
        client.force_login(publisher)
        text = client.get(change_page(draft)).content.decode()
        assert "现行的第 1 版随之停用" in text
        assert (f"这一版 {starts} 才生效,到那一天为止这条规则不能申请。" in text) == is_told

    def test_whoever_changed_a_draft_last_cannot_publish_it(self, client, draft, publisher, drafter, entry):
        client.force_login(publisher)
        group = draft.groups.get()
        sources = [{"id": group.sources.get().pk, "group": group.pk, "entry": entry.pk, "min_score": "50"}]
        url = reverse("admin:conversion_rulegroup_change", args=[group.pk])
        saved = client.post(url, {"position": 1, "choose": 1} | formset("sources", sources, initial=1), follow=True)
        assert saved.redirect_chain == [(change_page(draft), 302)]
        assert "成功修改了" in saved.content.decode()
        with pytest.raises(PublishingError, match="起草人"):
            publish_version(version=draft, by=publisher)
        assert publish_version(version=draft, by=drafter).status == "published"

    def test_whoever_took_a_part_out_of_a_draft_cannot_publish_it(self, client, draft, publisher, drafter, entry):
        add_example(draft, entry, score=10, name="10分可以转换")
        client.force_login(publisher)
        url = reverse("admin:conversion_ruleexample_delete", args=[draft.examples.get().pk])
        deleted = client.post(url, {"post": "yes"}, follow=True)
        assert deleted.redirect_chain == [(change_page(draft), 302)]
        assert "10分可以转换" in deleted.content.decode()
        with pytest.raises(PublishingError, match="起草人"):
            publish_version(version=draft, by=publisher)
        assert publish_version(version=draft, by=drafter).status == "published"

    def test_a_published_version_is_read_only(self, client, published, drafter):
        client.force_login(drafter)
        assert client.get(change_page(published)).status_code == 200
        assert client.post(change_page(published), {"credits": "9"}).status_code == 403
        group = reverse("admin:conversion_rulegroup_change", args=[published.groups.get().pk])
        assert client.post(group, {"position": 1, "choose": 1}).status_code == 403

    def test_higher_levels_of_a_family_are_listed_with_a_click(self, client, draft, entry, drafter, publisher):
        family = LevelFamily.objects.create(name="大学英语")
        type(entry).objects.filter(pk=entry.pk).update(family=family, family_rank=4)
        make_entry("英语三级", family=family, family_rank=3)
        make_entry("英语六级", family=family, family_rank=6)
        client.force_login(publisher)
        text = client.get(change_page(draft)).content.decode()
        assert "英语六级" in text
        assert "英语三级" not in text
        url = page(draft, "levels", group=draft.groups.get().pk)
        told = client.post(url, follow=True).content.decode()
        assert "请核对最低成绩等要求" in told
        assert "“及以上”:一并列入" not in told
        sources = draft.groups.get().sources.values_list("entry__name", "min_score")
        assert list(sources) == [(entry.name, 60), ("英语六级", 60)]
        with pytest.raises(PublishingError, match="起草人"):
            publish_version(version=draft, by=publisher)
        publish_version(version=draft, by=drafter)
        assert client.post(url).status_code == 302
        assert draft.groups.get().sources.count() == 2

    def test_retiring_is_asked_for_twice_and_needs_a_reason(self, client, published, drafter):
        client.force_login(drafter)
        asked = client.post(page(published, "move"), {"action": "retired", "reason": "课程取消"})
        assert "停用后不能恢复" in asked.content.decode()
        assert 'value="课程取消"' in asked.content.decode()
        refused = client.post(page(published, "move"), {"action": "retired", "reason": " ", "confirm": "1"})
        assert refused.context["form"].errors == {"reason": ["请填写原因。"]}
        published.refresh_from_db()
        assert published.status == "published"
        client.post(page(published, "move"), {"action": "retired", "reason": "课程取消", "confirm": "1"})
        published.refresh_from_db()
        assert published.status == "retired"

    def test_a_drafter_is_told_that_another_publishes(self, client, draft, drafter, publisher):
        client.force_login(drafter)
        assert "须由另一人核对后发布" in client.get(change_page(draft)).content.decode()
        client.force_login(publisher)
        assert 'value="published"' in client.get(change_page(draft)).content.decode()

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
        assert client.post(page(draft, "levels", group=draft.groups.get().pk)).status_code == 404
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
        form = {"institution": draft.rule.institution_id, "name": "护理", "cohorts": "2019"}
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

    def test_everybody_reads_the_version_in_force_though_a_later_one_was_stopped(
        self, client, published, drafter, publisher
    ):
        suspend_version(version=published, by=publisher, reason="先用新的一版")
        later = publish_version(version=draft_from(version=published, by=drafter), by=publisher)
        retire_version(version=later, by=publisher, reason="写错了")
        resume_version(version=published, by=publisher)
        response = client.get(published.get_absolute_url())
        assert response.context["version"] == published
        text = response.content.decode()
        assert "不能再申请" not in text
        url = reverse("conversion:rule_changes", args=[published.rule_id, later.number])
        assert url in text
        assert client.get(url).status_code == 200

    def test_examples_and_review_criteria_stay_with_the_staff(self, published, drafter, publisher, entry):
        draft = draft_from(version=published, by=drafter)
        add_example(draft, entry, score=60)
        ReviewCriterion.objects.create(version=draft, label="内容相关度", minimum=80)
        assert differences(published, draft) == []
        assert len(differences(published, draft, for_staff=True)) == 2
