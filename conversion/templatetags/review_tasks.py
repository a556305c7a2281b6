from django import template

from conversion.queue import visible_applications, waiting_for

register = template.Library()


@register.simple_tag
def waiting_count(user):
    """How many cases wait for this reviewer's decision."""
    return visible_applications(user).filter(waiting_for(user)).count()
