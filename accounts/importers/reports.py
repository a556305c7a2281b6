"""How an import ended: its counts, and the report of refused rows.

The report is a CSV that spreadsheets open as text, whatever a cell held.
"""

import csv
from dataclasses import asdict, dataclass

from django.utils.translation import gettext_lazy as _

HEADINGS = (_("行号"), _("列"), _("内容"), _("原因"))
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Counts:
    """How the rows of a file fared; the first four add up to `rows`. Blank lines are not rows."""

    created: int
    updated: int
    unchanged: int
    refused: int
    rows: int

    def as_dict(self):
        return asdict(self)


def write_report(path, refusals):
    """Write every refusal, in the order given (`Columns.place`); a file without any has its headings only."""
    with open(path, "w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([str(heading) for heading in HEADINGS])
        writer.writerows([escaped(cell) for cell in refusal] for refusal in refusals)


def escaped(cell):
    """A cell that no spreadsheet takes for a formula (promises: Web)."""
    text = str(cell)
    # Spaces and full-width signs before the sign don't protect: some programs trim and fold them.
    return f"'{text}" if text.lstrip(" \n\u3000").startswith((*FORMULA_STARTS, "＝", "＋", "－", "＠")) else text
