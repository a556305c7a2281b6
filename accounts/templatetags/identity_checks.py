from django import template

from accounts.services import identity

register = template.Library()
register.simple_tag(identity.waiting_checks)
