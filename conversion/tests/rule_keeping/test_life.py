"""The life of a rule's versions, and what one says that another doesn't."""

import pytest
from django.db import IntegrityError, connection, transaction

from conversion.models import (
    ConversionCap,
    CriteriaRow,
    ExclusivityGroup,
    ReviewCriterion,
    RuleGroup,
    RuleSource,
    RuleVersion,
    RuleVersionRecord,
)
from conversion.rules import differences
from conversion.services.drafting import DraftExistsError, draft_from
from conversion.services.publishing import (
    PublishingError,
    publish_version,
    resume_version,
    retire_version,
    suspend_version,
)
from conversion.tests.keeping import add_example, add_row, make_keeper, make_table_draft
from conversion.tests.scene import make_entry, make_institution

pytestmark = pytest.mark.django_db


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

    def test_a_source_can_not_be_moved_out_of_a_published_version(self, published, drafter):
        draft = draft_from(version=published, by=drafter)
        elsewhere = draft.groups.get()
        elsewhere.sources.all().delete()
        with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
            RuleSource.objects.filter(group__version=published).update(group=elsewhere)

    def test_a_draft_goes_with_its_records(self, published, drafter):
        draft = draft_from(version=published, by=drafter)
        draft.delete()
        assert not RuleVersionRecord.objects.filter(version=draft.pk).exists()

    def test_a_group_with_too_few_sources_is_not_published(self, draft, publisher):
        draft.groups.update(choose=2)
        with pytest.raises(PublishingError, match="需要 2 项"):
            publish_version(version=draft, by=publisher)

    def test_a_rule_of_one_kind_has_no_parts_of_the_other(self, draft, publisher):
        """Else a performance table would be listed among the rules for certificates."""
        row = CriteriaRow.objects.create(version=draft, credits=1)
        with pytest.raises(PublishingError, match="不能有业绩类型和业绩标准"):
            publish_version(version=draft, by=publisher)
        row.delete()
        table = make_table_draft()
        add_row(table, 2, competition_level="省级")
        RuleGroup.objects.create(version=table)
        with pytest.raises(PublishingError, match="不能有成果组"):
            publish_version(version=table, by=make_keeper())

    def test_a_source_that_nothing_meets_is_not_published(self, draft, publisher):
        RuleSource.objects.update(obtained_from="2020-01-02", obtained_to="2020-01-01")
        with pytest.raises(PublishingError, match="“不晚于”不能早于“不早于”"):
            publish_version(version=draft, by=publisher)

    @pytest.mark.parametrize(
        "fields", [{"valid_to": "2019-12-31"}, {"score_policy": "fixed"}], ids=["ends before it begins", "no score"]
    )
    def test_what_the_form_refuses_the_database_refuses(self, draft, fields):
        with pytest.raises(IntegrityError), transaction.atomic():
            RuleVersion.objects.filter(pk=draft.pk).update(**fields)

    def test_a_share_of_credits_that_nobody_has_stated_stops_the_publication(self, draft, publisher, college):
        ConversionCap.objects.create(institution=college, kind="share", value=50, valid_from="2020-01-01")
        with pytest.raises(PublishingError, match="还没有登记毕业学分"):
            publish_version(version=draft, by=publisher)
        type(draft.course.programme).objects.update(total_credits=140)
        assert publish_version(version=draft, by=publisher).status == "published"


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
        assert told["changed", f"第1组:{source.entry}"] == ("成绩不低于 60", "成绩不低于 75")
        assert told["added", "第1组:另一项成果"] == ("", "取得即可")
        assert len(told) == 4  # and 2 项中任选 1 项
