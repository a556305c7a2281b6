"""成果状态: what recognition has said about an achievement, or its place in the catalogue. Reads only."""

from django.db.models import Case, CharField, Exists, OuterRef, Value, When
from django.utils.translation import gettext_lazy as _

from conversion.models import ApplicationSource
from conversion.models.application import Kind, Status


class AchievementStatus:
    """成果状态 as the grid shows it."""

    LISTED, RECOGNISED, UNDER_RECOGNITION, REFUSED, UNLISTED = "listed", "recognised", "under", "refused", "unlisted"


STATUS_LABELS = {
    AchievementStatus.LISTED: _("名录成果"),
    AchievementStatus.RECOGNISED: _("已认定"),
    AchievementStatus.UNDER_RECOGNITION: _("认定中"),
    AchievementStatus.REFUSED: _("认定未通过"),
    AchievementStatus.UNLISTED: _("非名录成果"),
}


def with_status(achievements):
    """Annotate `status`: what the latest recognition of an achievement says, or its place in the catalogue."""
    recognitions = ApplicationSource.objects.filter(achievement=OuterRef("pk"), kind=Kind.RECOGNITION)

    def has(*statuses):
        return Exists(recognitions.filter(application_status__in=statuses))

    return achievements.annotate(
        status=Case(
            When(has(Status.APPROVED), then=Value(AchievementStatus.RECOGNISED)),
            When(entry__isnull=False, then=Value(AchievementStatus.LISTED)),
            When(
                has(Status.SUBMITTED, Status.RETURNED, Status.FIRST_APPROVED),
                then=Value(AchievementStatus.UNDER_RECOGNITION),
            ),
            When(has(Status.REJECTED), then=Value(AchievementStatus.REFUSED)),
            default=Value(AchievementStatus.UNLISTED),
            output_field=CharField(),
        )
    )
