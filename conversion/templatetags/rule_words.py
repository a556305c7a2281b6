from django import template

from conversion.rules.differences import threshold_words, thresholds
from conversion.rules.families import unlisted_levels

register = template.Library()
register.filter(threshold_words)
register.filter(thresholds)
register.filter("unlisted_levels", unlisted_levels)
