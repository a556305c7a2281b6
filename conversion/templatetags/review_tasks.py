from django import template

from conversion.queue import reviews_something, visible_applications, waiting_for

register = template.Library()


@register.simple_tag
def waiting_count(user):
    """How many cases wait for this reviewer's decision, appeals included; None for who decides nothing."""
    if not reviews_something(user):
        return None
    return visible_applications(user).filter(waiting_for(user)).count()
