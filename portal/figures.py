"""The figures of the home page: exact while that is cheap, the planner's guess beyond."""

import json

from django.utils.translation import gettext as _

from accounts.models import Institution
from achievements.models import CatalogueEntry
from conversion.models import RuleVersion

EXACT = 10_000  # rows that are counted, in some milliseconds; each visitor of the home page asks


def home_figures():
    """What the portal holds, as the home page shows it: [{"label", "value"}…]."""
    rows = {
        _("名录成果"): CatalogueEntry.objects.in_force(),
        _("转换规则"): RuleVersion.objects.in_force(),
        _("入册机构"): Institution.objects.listed(),
    }
    return [{"label": label, "value": figure_of(found)} for label, found in rows.items()]


def figure_of(rows):
    """How many rows there are; beyond `EXACT` about how many, never fewer than that, with two digits that count."""
    counted = rows.order_by()[: EXACT + 1].count()
    if counted <= EXACT:
        return str(counted)
    return _("约 %d") % two_digits(max(counted - 1, planned(rows)))


def planned(rows):
    """How many rows PostgreSQL's planner expects."""
    [explained] = json.loads(rows.order_by().explain(format="json"))
    return explained["Plan"]["Plan Rows"]


def two_digits(number):
    return round(number, 2 - len(str(number)))
