from django import template

from conversion.statuses import STATUS_LABELS, AchievementStatus

register = template.Library()

STATUS_STYLES = {
    AchievementStatus.LISTED: "status-success",
    AchievementStatus.RECOGNISED: "status-success",
    AchievementStatus.UNDER_RECOGNITION: "status-info",
    AchievementStatus.REFUSED: "status-danger",
    AchievementStatus.UNLISTED: "",
}


@register.filter
def status_label(status):
    """The words for an annotated 成果状态."""
    return STATUS_LABELS[status]


@register.filter
def status_style(status):
    """The class that colours an annotated 成果状态."""
    return STATUS_STYLES[status]
