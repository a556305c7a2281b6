import polars as pl
from django.utils.translation import gettext_lazy as _

from accounts.code_tables import Sex
from accounts.importers.checks import shown
from accounts.importers.columns import Refusal
from accounts.importers.people import PersonChecker

STATED_SEX = (Sex.MALE.value, Sex.FEMALE.value)
CONTRADICTIONS = (
    ("birth_on", pl.col("birth_on") != pl.col("told_birth"), _("与证件号码中的出生日期不符。")),
    (
        "sex",
        pl.col("sex").is_in(STATED_SEX) & (pl.col("sex") != pl.col("told_sex")),
        _("与证件号码中的性别不符。"),
    ),
)


class RosterChecker(PersonChecker):
    """Sex and birth date: the number tells them, and a file may not contradict it."""

    def check_across(self, frame, raw, found):
        frame = super().check_across(frame, raw, found)
        for field, differs, reason in CONTRADICTIONS:
            if field in raw.columns:
                found += self._contradictions(frame, raw, field, differs, reason)
        return frame.with_columns(
            birth_on=pl.coalesce("told_birth", "birth_on"), sex=pl.coalesce("told_sex", "sex")
        ).drop("told_birth", "told_sex")

    def _contradictions(self, frame, raw, field, differs, reason):
        rows = frame.select("line", cell=raw[field]).filter(frame.select(differs).to_series()).rows()
        return [Refusal(line, self.columns.title(field), shown(text), str(reason)) for line, text in rows]
