from django import template

from achievements.models import Achievement
from conversion.statuses import STATUS_LABELS, AchievementStatus

register = template.Library()

ORIGIN_LABELS = dict(Achievement.Origin.choices)
STATUS_STYLES = {
    AchievementStatus.LISTED: "status-success",
    AchievementStatus.RECOGNISED: "status-success",
    AchievementStatus.UNDER_RECOGNITION: "status-info",
    AchievementStatus.REFUSED: "status-danger",
    AchievementStatus.UNLISTED: "",
}


@register.filter
def origin_label(origin):
    """What `get_origin_display` says, for grids: that one makes a dict of the choices each time."""
    return ORIGIN_LABELS[origin]


@register.filter
def status_label(status):
    """The words for an annotated 成果状态."""
    return STATUS_LABELS[status]


@register.filter
def status_style(status):
    """The class that colours an annotated 成果状态."""
    return STATUS_STYLES[status]
