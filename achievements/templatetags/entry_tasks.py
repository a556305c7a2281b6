from django import template

from achievements.models import CatalogueEntry

register = template.Library()


@register.simple_tag
def waiting_entries(user):
    """How many entries of institutions wait for the centre's approval; 0 for who can't give it."""
    if not (user.belongs_to_centre and user.has_perm("achievements.approve_catalogueentry")):
        return 0
    return CatalogueEntry.objects.waiting().count()
