from django import template

from portal.models import Question

register = template.Library()


@register.simple_tag
def waiting_questions(user):
    """How many questions wait for an answer; 0 for who can't give it."""
    if not (user.belongs_to_centre and user.has_perm("portal.change_question")):
        return 0
    return Question.objects.filter(answered_at=None).count()
