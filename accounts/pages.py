"""Pages of hand-written SQL, which takes a page and its total in one statement.

The statement has a row even when nothing is found (`total LEFT JOIN LATERAL … ON true`), and clamps its offset with
`WINDOW_SQL`, so that a page past the end gives the last one as `Paginator.get_page` does.
"""

from django.core.paginator import Paginator

PAGE_SIZE = 10
# One parameter, `offset_of`. The statement calls the number of all rows `total`.
WINDOW_SQL = f"LIMIT {PAGE_SIZE} OFFSET least(%s, greatest(total - 1, 0) / {PAGE_SIZE} * {PAGE_SIZE})"
PAST_THE_END = 2**31


def offset_of(page_number):
    """The first row of a page that somebody asked for, in words that may be anything."""
    wanted = whole(page_number)
    return min((wanted - 1) * PAGE_SIZE, PAST_THE_END) if wanted > 0 else PAST_THE_END


def page_from(rows, total, page_number):
    """The page object for the rows that the statement has found."""
    page_obj = Paginator(range(total), PAGE_SIZE).get_page(whole(page_number))
    page_obj.object_list = rows
    return page_obj


def whole(text):
    try:
        return int(text)
    except (TypeError, ValueError):
        return 1
