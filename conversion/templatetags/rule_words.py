from django import template

from conversion.rules.differences import threshold_words

register = template.Library()
register.filter("thresholds", threshold_words)
