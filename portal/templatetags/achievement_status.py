from django import template

from portal.summary import STATUS_LABELS

register = template.Library()


@register.filter
def status_label(status):
    """The words for an annotated 成果状态."""
    return STATUS_LABELS[status]
