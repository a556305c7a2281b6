"""Several versions at once, as the dialog lists them, and the check at submission."""

from django.utils import timezone
from django.utils.translation import gettext as _

from conversion.models import RuleVersion
from conversion.rules.assessment import Assessment, assess
from conversion.rules.conditions import Condition, Verdict
from conversion.rules.situation import situation_of

BY_TARGET = (
    "course__programme__institution__bank_code",
    "course__programme__cohort",
    "course__programme__name",
    "course__code",
    "rule__title",
    "pk",
)


def assess_all(versions, achievements, on=None):
    """Assess several versions for the same achievements, as the dialog lists them and the form accepts them.

    What is taken is looked up for the learner who owns the achievements; achievements that aren't saved have nobody.
    """
    versions = list(versions)
    learner = next((achievement.learner_id for achievement in achievements), None)
    situation = situation_of(learner, achievements=achievements, versions=versions, on=on)
    return [assess(version, achievements, situation) for version in versions]


def assess_submission(version, achievements, on=None):
    """Assess a version as the form must: a match that is in force is what the dialog lists as one."""
    (assessment,) = assess_all([version], achievements, on)
    return refuse_unless_in_force(assessment, on)


def refuse_unless_in_force(assessment, on=None):
    """The assessment, or one that says that its version can't be used on a day."""
    version = assessment.version
    if not is_in_force(version, on):
        return Assessment(version, Verdict.MISSING, [_not_in_force(), *assessment.conditions])
    return assessment


def is_in_force(version, on=None):
    """Whether the database says that the version can be used on a day: what the caller holds may be stale."""
    return RuleVersion.objects.in_force(on or timezone.localdate()).filter(pk=version.pk).exists()


def _not_in_force():
    required, actual = _("已发布且在有效期内"), _("已停用或不在有效期")
    return Condition("status", _("规则状态"), required, actual, False, _("请选择其他规则"))
