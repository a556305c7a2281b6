"""Pages of a list."""

from django.core.paginator import Paginator

from accounts.pages import PAGE_SIZE


def page_of(request, rows, size=PAGE_SIZE):
    """The page of `rows` that `?page=` names; a wrong number gives the nearest one."""
    return Paginator(rows, size).get_page(request.GET.get("page"))
