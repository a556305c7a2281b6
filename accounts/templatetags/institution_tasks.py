from django import template

from accounts.models import Institution

register = template.Library()


@register.simple_tag
def waiting_institutions(user):
    """How many registering institutions wait for the centre; 0 for who can't decide about them."""
    if not (user.belongs_to_centre and user.has_perm("accounts.change_institution")):
        return 0
    return Institution.objects.filter(status=Institution.Status.PENDING).count()
