"""Addresses of rows, for lists: `reverse` resolves the pattern anew for each of them."""

from functools import lru_cache

from django.urls import reverse

PLACE = 9_876_543_210


def row_url(view, pk):
    """What `reverse(view, args=[pk])` says, at the price of joining two strings."""
    before, after = _around(view)
    return f"{before}{pk}{after}"


@lru_cache
def _around(view):
    return reverse(view, args=[PLACE]).split(str(PLACE))
