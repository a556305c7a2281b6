"""A criteria table as people read it, and what its keeper should look at twice. Reads only."""

from decimal import Decimal
from itertools import combinations, permutations
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.db.models import prefetch_related_objects
from django.utils.translation import gettext as _

from conversion.models import CriteriaRow


class Line(NamedTuple):
    """A row with (label, what is asked) for each column of its table; empty where it asks for nothing."""

    row: CriteriaRow
    cells: list


class Table(NamedTuple):
    labels: list
    lines: list


def table_of(version):
    """The `Table` of a version: a column for each field that some row tests."""
    rows = [(row, {test.field: test.required for test in tests}) for row, tests in _rows_of(version)]
    fields = sorted({field for _row, tests in rows for field in tests}, key=lambda field: (field.position, field.pk))
    lines = [Line(row, [(field.label, tests.get(field, "")) for field in fields]) for row, tests in rows]
    return Table([field.label for field in fields], lines)


def table_warnings(version):
    """What stands in the way of publication, then fields out of use, rows that never count and that overlap."""
    rows = _rows_of(version)
    found = table_faults(version) + [_stopped(row, test) for row, tests in rows for test in tests if _is_stopped(test)]
    covered = {}
    for (row, tests), (other, others) in permutations(rows, 2):
        wins = (other.credits, -other.position) > (row.credits, -row.position)
        if wins and _implies(tests, others):
            covered.setdefault(row, other)
    found += [_covered(row, other) for row, other in covered.items()]
    pairs = combinations([(row, tests) for row, tests in rows if row not in covered], 2)
    return found + [
        _overlap(row, other) for (row, tests), (other, others) in pairs if _cross(row, tests, other, others)
    ]


def table_faults(version):
    """Why a table can't be published: rows that any achievement meets, and tests that none can; as sentences."""
    rows = _rows_of(version)
    found = [_("第%d档没有条件:这个类型的任何成果都符合。") % row.position for row, tests in rows if not tests]
    return found + [sentence for row, tests in rows for test in tests if (sentence := _impossible(version, row, test))]


def _rows_of(version):
    """[(row, its tests)…], in three queries at most."""
    prefetch_related_objects([version], "criteria__tests__field")
    return [(row, list(row.tests.all())) for row in version.criteria.all()]


def _impossible(version, row, test):
    """Why no achievement meets a test, or nothing."""
    field, words = test.field, {"position": row.position, "label": test.field.label, "required": test.required}
    if field.type_id != version.achievement_type_id:
        return _("第%(position)d档:%(label)s不是所选业绩类型的附加项,没有成果能符合。") % words
    if not can_hold(test):
        return _("第%(position)d档:%(label)s填不出“%(required)s”,没有成果能符合。") % words
    return ""


def _is_stopped(test):
    return not test.field.is_active


def _stopped(row, test):
    words = {"position": row.position, "label": test.field.label}
    return _("第%(position)d档:%(label)s已停用,新添加的成果不再填写。") % words


def can_hold(test):
    """Whether something that the field lets people fill in meets a test."""
    if test.value and not can_say(test.field, test.value):
        return False
    if test.min_number is None and test.max_number is None:
        return True
    if test.field.kind != test.field.Kind.NUMBER:
        return False
    low, high = (Decimal(test.value),) * 2 if test.value else test.field.range
    return (test.min_number is None or test.min_number <= high) and (test.max_number is None or test.max_number >= low)


def can_say(field, text):
    """Whether a field of an achievement can hold just this text."""
    try:
        return field.parse(text) == text
    except ValidationError:
        return False


def _bounds(test):
    low = test.min_number if test.min_number is not None else float("-inf")
    return low, test.max_number if test.max_number is not None else float("inf")


def _implies(tests, others):
    """Whether whatever meets the first tests meets the others too."""
    own = {test.field_id: test for test in tests}
    return all(other.field_id in own and _is_stricter(own[other.field_id], other) for other in others)


def _is_stricter(test, other):
    (low, high), (other_low, other_high) = _bounds(test), _bounds(other)
    return (not other.value or test.value == other.value) and other_low <= low and high <= other_high


def _meet(tests, others):
    """Whether one achievement can meet both."""
    own = {test.field_id: test for test in tests}
    return all(_are_compatible(own[other.field_id], other) for other in others if other.field_id in own)


def _are_compatible(test, other):
    (low, high), (other_low, other_high) = _bounds(test), _bounds(other)
    return (not (test.value and other.value) or test.value == other.value) and low <= other_high and other_low <= high


def _cross(row, tests, other, others):
    """Rows that overlap without one being a special case of the other, worth different credits."""
    if row.credits == other.credits or not (tests and others):
        return False
    return _meet(tests, others) and not _implies(tests, others) and not _implies(others, tests)


def _covered(row, other):
    words = {"position": row.position, "other": other.position, "credits": other.credits}
    return _("第%(position)d档用不到:符合它的成果都符合第%(other)d档(%(credits)s 学分)。") % words


def _overlap(row, other):
    words = {"position": row.position, "other": other.position, "credits": max(row.credits, other.credits)}
    return _("有的成果同时符合第%(position)d档和第%(other)d档,按较高的 %(credits)s 学分计。") % words
