"""{% marked text terms column %}: a text in which the words that were asked for stand in <mark>.

In a <span>, since cells of a grid lay out their children side by side on the phone.
"""

import unicodedata

from django import template
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import mark_safe

register = template.Library()


@register.simple_tag
def marked(text, terms, column):
    words = [term.word for term in terms if column in term.columns]
    pieces, end = [], 0
    for first, last in spans(text, words):
        pieces += [conditional_escape(text[end:first]), format_html("<mark>{}</mark>", text[first:last])]
        end = last
    pieces.append(conditional_escape(text[end:]))
    return format_html("<span>{}</span>", mark_safe("".join(pieces)))  # noqa: S308 - every piece is escaped


@register.filter
def holds(name, terms):
    """Whether one of the words stands in this name of an entry."""
    return bool(spans(name, [term.word for term in terms if "names" in term.columns]))


def spans(text, words):
    """Where folded words stand in a text: [(first, last)…] without overlaps. Close to how the database folds."""
    folded, origins = folded_with_origins(text)
    covered = set()
    for word in words:
        at = folded.find(word)
        while at >= 0:
            covered.update(place for origin in origins[at : at + len(word)] for place in origin)
            at = folded.find(word, at + 1)
    return runs(sorted(covered))


def folded_with_origins(text):
    """The folded text, and for each of its characters the range of characters it comes from."""
    folded, origins, first = [], [], 0
    for last in range(1, len(text) + 1):
        if last < len(text) and unicodedata.combining(text[last]):
            continue
        piece = unicodedata.normalize("NFKC", text[first:last]).lower()
        folded.append(piece)
        origins += [range(first, last)] * len(piece)
        first = last
    return "".join(folded), origins


def runs(numbers):
    """[1, 2, 3, 7] → [(1, 4), (7, 8)]."""
    found = []
    for number in numbers:
        if found and found[-1][1] == number:
            found[-1] = (found[-1][0], number + 1)
        else:
            found.append((number, number + 1))
    return found
