"""Pieces of the frame that look alike on many pages, rendered once per process."""

from functools import lru_cache

from django import template
from django.template.loader import get_template
from django.utils.translation import get_language

register = template.Library()


@register.simple_tag
def fixed(template_name, **variables):
    """Like `include … only` for a template that depends on nothing but its (hashable) variables and the language.

    Nothing of a request or a person may be in it: the first rendering is everybody's. A changed template is seen,
    because its loader then brings another object.
    """
    return _rendered(get_template(template_name).template, get_language(), tuple(variables.items()))


@lru_cache(maxsize=256)
def _rendered(source, language, variables):
    return source.render(template.Context(dict(variables)))
