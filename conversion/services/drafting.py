"""Drafts made from what there is: the next version of a rule, and copies of a rule for another cohort."""

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from conversion.models import (
    ConversionRule,
    CriteriaRow,
    CriteriaTest,
    ReviewCriterion,
    RuleExample,
    RuleExampleItem,
    RuleExampleValue,
    RuleGroup,
    RuleSource,
    RuleVersion,
    RuleVersionRecord,
)
from conversion.rules.differences import FIELDS
from conversion.rules.families import unlisted_levels
from conversion.services.publishing import PublishingError, refuse_stranger, write_version_record

SOURCE_FIELDS = ["min_score", "min_framework_level", "obtained_from", "obtained_to", "max_age_months"]


class DraftExistsError(PublishingError):
    """A rule has one draft at most; `draft` is it."""

    def __init__(self, draft):
        super().__init__(_("这条规则已有草稿第%d版,请先发布或删除它。") % draft.number)
        self.draft = draft


@transaction.atomic
def draft_from(*, version, by):
    """The next version of a rule, a draft that says the same; raises `DraftExistsError`."""
    refuse_stranger(version.rule, by)
    draft = next_draft(rule=version.rule, by=by, reason=_("由第%d版复制") % version.number, **content_of(version))
    copy_parts(version, draft)
    return draft


def next_draft(*, rule, by, reason="", **content):
    """A new draft of a rule, as `save_new_draft` makes it."""
    return save_new_draft(version=RuleVersion(rule=rule, **content), by=by, reason=reason)


@transaction.atomic
def save_new_draft(*, version, by, reason=""):
    """Number and save a new draft; of two people at once the second gets `DraftExistsError`."""
    rule = ConversionRule.objects.select_for_update().get(pk=version.rule_id)
    if draft := rule.versions.filter(status=RuleVersion.Status.DRAFT).first():
        raise DraftExistsError(draft)
    version.number = (rule.versions.aggregate(last=Max("number"))["last"] or 0) + 1
    version.drafted_by = by
    version.save()
    write_version_record(version=version, action=RuleVersionRecord.Action.DRAFTED, by=by, reason=reason)
    return version


@transaction.atomic
def list_higher_levels(*, group, by):
    """及以上: list the higher levels of a draft's group beside the lower ones, thresholds alike; return the names.

    Raises `PublishingError` where the version is no draft any more.
    """
    version = RuleVersion.objects.select_for_update(of=["self"]).select_related("rule").get(pk=group.version_id)
    refuse_stranger(version.rule, by)
    if version.status != RuleVersion.Status.DRAFT:
        raise PublishingError(_("只有草稿可以修改。"))
    levels = unlisted_levels(group)
    RuleSource.objects.bulk_create(
        RuleSource(group=group, entry=level.entry, **{name: getattr(level.below, name) for name in SOURCE_FIELDS})
        for level in levels
    )
    RuleVersion.objects.filter(pk=version.pk).update(drafted_by=by)
    return [level.entry.name for level in levels]


def content_of(version):
    """The fields of a version that say what it asks for and gives."""
    return {name: getattr(version, name) for name in FIELDS}


def copy_parts(source, target):
    """Give a draft all that stands in other tables of a version."""
    target.exclusivity_groups.set(source.exclusivity_groups.all())
    copy_sources(source, target)
    for row in source.criteria.prefetch_related("tests"):
        _copy_row(row, target)
    copy_checks(source, target)


def copy_sources(source, target):
    for group in source.groups.prefetch_related("sources"):
        copy = RuleGroup.objects.create(version=target, position=group.position, choose=group.choose)
        RuleSource.objects.bulk_create(
            RuleSource(group=copy, entry_id=row.entry_id, **{name: getattr(row, name) for name in SOURCE_FIELDS})
            for row in group.sources.all()
        )


def _copy_row(row, target):
    copy = CriteriaRow.objects.create(version=target, position=row.position, credits=row.credits)
    fields = ["field_id", "value", "min_number", "max_number"]
    CriteriaTest.objects.bulk_create(
        CriteriaTest(row=copy, **{name: getattr(test, name) for name in fields}) for test in row.tests.all()
    )


def copy_checks(source, target):
    """Copy what checks a rule rather than makes it: review criteria and examples."""
    fields = ["position", "label", "minimum", "unit"]
    ReviewCriterion.objects.bulk_create(
        ReviewCriterion(version=target, **{name: getattr(row, name) for name in fields})
        for row in source.review_criteria.all()
    )
    for example in source.examples.prefetch_related("items", "values"):
        _copy_example(example, target)


def _copy_example(example, target):
    fields = ["name", "should_match", "credits", "obtained_on"]
    copy = RuleExample.objects.create(version=target, **{name: getattr(example, name) for name in fields})
    RuleExampleItem.objects.bulk_create(
        RuleExampleItem(example=copy, entry_id=item.entry_id, score=item.score, obtained_on=item.obtained_on)
        for item in example.items.all()
    )
    RuleExampleValue.objects.bulk_create(
        RuleExampleValue(example=copy, field_id=row.field_id, value=row.value) for row in example.values.all()
    )
