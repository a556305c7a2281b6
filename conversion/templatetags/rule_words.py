from django import template

from conversion.rules.differences import threshold_words
from conversion.rules.families import unlisted_levels

register = template.Library()
register.filter("thresholds", threshold_words)
register.filter("unlisted_levels", unlisted_levels)
