"""`load_demo` and `demo_accounts`: what somebody sees who starts the portal for the first time."""

import tempfile
from io import StringIO
from unittest import mock

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.test import TestCase, override_settings

from accounts.models import Institution, User
from accounts.passwords import check_password_rule
from achievements.models import Achievement, AchievementDraft
from achievements.search import Hits, terms_of
from conversion import rules, slots
from conversion.models import Application, Certificate, ReviewRecord, RuleVersion
from conversion.services.records import record_hash
from conversion.services.reviews import may_decide
from demo.accounts import ACCOUNTS, PASSWORD
from evidence.models import EvidenceFile
from portal.models import Article, Column, Question
from portal.summary import my_achievements


def load_demo():
    output = StringIO()
    call_command("load_demo", stdout=output, verbosity=0)
    return output.getvalue()


def row_counts():
    return {model._meta.label: model.objects.count() for model in apps.get_models() if model._meta.managed}


def learner(username):
    return User.objects.get(username=username)


def grid_row(username, name):
    achievements = Achievement.objects.of(learner(username)).current().filter(name__startswith=name)
    (row,) = rules.grid_rows(achievements)
    return row


def work_of(username):
    reviewer = User.objects.get(username=username)
    return [application for application in Application.objects.all() if may_decide(application, reviewer)]


class DemoTests(TestCase):
    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.enterClassContext(override_settings(MEDIA_ROOT=folder))
        super().setUpClass()

    @classmethod
    def setUpTestData(cls):
        cls.first_words = load_demo()

    def test_a_quiet_run_prints_nothing(self):
        assert self.first_words == ""

    def test_a_second_run_changes_nothing(self):
        before = row_counts()
        with self.assertNumQueries(1):
            load_demo()
        assert row_counts() == before

    def test_reference_data_loaded_again_changes_nothing(self):
        before = row_counts()
        call_command("load_reference", verbosity=0)
        assert row_counts() == before

    def test_the_main_learner_sees_the_rule_counts_of_the_guide(self):
        names = ["大学英语等级考试", "全国计算机等级考试一级", "广东省成人", "助理电子商务师", "云计算平台运维"]
        counts = [(row.convertible, row.used) for row in (grid_row("xiaofang", name) for name in names)]
        assert counts == [(617, 1), (165, 0), (51, 0), (1, 0), (4, 0)]

    def test_the_main_learner_sees_the_three_states_of_the_guide(self):
        rows = [grid_row("xiaofang", name) for name in ["大学英语", "广东老年大学", "助理电子商务师"]]
        assert [str(row.status_label) for row in rows] == ["已转换", "已申请", "未申请"]

    def test_the_main_learner_has_counters_that_add_up(self):
        total, *parts = [number for _label, number in my_achievements(learner("xiaofang").learner_id)[0]]
        assert total == sum(parts) == 19

    def test_the_main_learner_lacks_a_part_of_one_rule(self):
        achievements = list(Achievement.objects.of(learner("xiaofang")).select_related("entry"))
        version = slots.open_versions(achievements).get(course__name="云计算导论")
        assessment = rules.assess(version, achievements)
        assert assessment.verdict == rules.Verdict.MISSING
        assert len(assessment.missing) == 1

    def test_some_rules_are_for_several_cohorts(self):
        found = RuleVersion.objects.in_force().search("2022级 人工智能技术应用")
        assert {str(version.course.programme.cohorts) for version in found} == {"2021—2023"}
        assert len(found) == 2

    def test_a_new_learner_has_nothing_yet(self):
        assert not Achievement.objects.of(learner("xiaoxin")).exists()

    def test_each_reviewer_finds_work_waiting(self):
        for username in ["chushen1", "chushen2", "zhongshen1", "zhongshen2"]:
            assert work_of(username), username

    def test_an_operator_finds_work_waiting(self):
        operator = User.objects.get(username="guanli2")
        assert operator.has_perm("conversion.publish_ruleversion")
        assert RuleVersion.objects.filter(status="draft").exclude(drafted_by=operator).exists()
        assert Question.objects.filter(answer="").exists()
        assert Institution.objects.filter(status=Institution.Status.PENDING).exists()

    def test_an_institution_account_is_not_staff(self):
        account = User.objects.get(username="jigou")
        assert account.institution.name == "广东理工职业学院"
        assert not account.is_staff

    def test_learners_find_certificate_and_refusal(self):
        assert Certificate.objects.filter(application__learner=learner("xiaotong").learner).exists()
        refused = learner("xiaobo")
        assert Application.objects.of(refused).filter(status="rejected", refusal_reason__isnull=False).exists()
        assert refused.inbox_messages.filter(body__contains="原因").exists()

    def test_everybody_can_sign_in_with_the_password(self):
        check_password_rule(PASSWORD, "change")
        users = User.objects.in_bulk([account.username for account in ACCOUNTS], field_name="username")
        assert len(users) == len(ACCOUNTS)
        for user in users.values():
            user.full_clean(exclude=["password", "email", "phone"])
            assert user.check_password(PASSWORD)

    def test_reviewers_see_all_evidence_at_once(self):
        shown = EvidenceFile.objects.exclude(achievements=None)
        assert set(shown.values_list("state", flat=True)) == {"passed"}

    def test_a_learner_finds_drafts_a_refused_file_and_one_that_goes_soon(self):
        drafts = AchievementDraft.objects.filter(learner=learner("xiaofang").learner)
        assert [draft.ends_soon for draft in drafts] == [False, False, True]
        assert sorted(drafts[1].files.values_list("state", flat=True)) == ["passed", "refused"]
        assert drafts[0].achievement is not None

    def test_a_corrected_achievement_keeps_the_version_that_a_case_uses(self):
        corrected = Achievement.objects.of(learner("xiaozhong")).exclude(replaced_by=None).get()
        assert corrected.is_used
        assert corrected.replaced_by.certificate_number != corrected.certificate_number
        row = grid_row("xiaozhong", "全国计算机等级考试一级")
        assert row.achievement == corrected.replaced_by

    def test_the_records_of_cases_hold_together(self):
        for record in ReviewRecord.objects.all():
            assert record.hash == record_hash(record)

    def test_rules_of_every_kind_are_there(self):
        in_force = RuleVersion.objects.in_force()
        assert RuleVersion.objects.filter(status="suspended").exists()
        assert RuleVersion.objects.filter(status="published", valid_to__isnull=False).exclude(pk__in=in_force).exists()
        assert in_force.filter(groups__choose=2).exists()
        assert in_force.filter(groups__sources__min_score__isnull=False).exists()
        assert in_force.filter(groups__sources__obtained_from__isnull=False).exists()

    def test_the_search_of_the_guide_finds_six_entries(self):
        found = Hits(terms_of(names="云计算"))
        assert len(found) == 6
        assert [entry.is_active for entry in found].count(False) == 1

    def test_every_column_has_articles(self):
        assert set(Article.objects.published().values_list("column", flat=True)) == set(Column.values)

    def test_the_list_of_accounts_names_each_one(self):
        output = StringIO()
        call_command("demo_accounts", stdout=output)
        for account in ACCOUNTS:
            assert account.username in output.getvalue()


@pytest.mark.django_db
def test_a_run_that_failed_leaves_nothing_behind(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    before = row_counts()
    broken = mock.patch("portal.management.commands.load_demo.create_institution_accounts", side_effect=OSError)
    with broken, pytest.raises(OSError):  # noqa: PT011
        load_demo()
    assert row_counts() == before


@pytest.mark.django_db
def test_production_refuses_demo_data(settings):
    settings.PRODUCTION = True
    with pytest.raises(CommandError):
        load_demo()
    assert not User.objects.exists()


@pytest.mark.django_db
def test_an_empty_portal_hints_at_the_demo_data():
    output = StringIO()
    call_command("demo_accounts", stdout=output)
    assert "load_demo" in output.getvalue()
    assert PASSWORD not in output.getvalue()
