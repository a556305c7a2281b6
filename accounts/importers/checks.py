"""Check a chunk of rows, a column at a time."""

import re

import polars as pl
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.code_tables import Sex
from accounts.documents import comparison_name, half_width, mask, parse, strip_separators
from accounts.importers import cells
from accounts.importers.columns import REQUIRED, Refusal, header

MAY_BE_NULL = {"birth_on", "region_id", "sex"}
STATED_SEX = (Sex.MALE.value, Sex.FEMALE.value)
SHOWN = 40


class RowChecker:
    """Turns chunks of text cells into chunks to be stored; what it refuses is kept in `refusals`."""

    def __init__(self, fields, *, regions, today):
        self.fields, self.today = fields, today
        self.rules = cells.rules(today=today, regions=regions)
        self.fast = cells.fast(today=today)
        self.fast_resident = cells.fast_resident(today)
        self.refusals = []
        self.rows = 0

    def check(self, chunk, distrusted=None):
        """Return the good rows with every column of LEARNER_FIELDS and ENROLMENT_FIELDS and those of the number.

        `distrusted` has the refusals, by line, that the file's reader found before.
        """
        raw = self._rows(chunk)
        found = [refusal for line in raw["line"] for refusal in distrusted.get(line, ())] if distrusted else []
        stored = {field: self._column(raw, field, found) for field in self.rules}
        number = self._numbers(raw, stored, found)
        frame = pl.DataFrame({"line": raw["line"], **stored, "number": number["number"]})
        frame = self._with_what_the_number_tells(frame, number, raw, found)
        self.refusals += {(refusal.line, refusal.column): refusal for refusal in reversed(found)}.values()
        return frame.filter(~pl.col("line").is_in([refusal.line for refusal in found]))

    def _rows(self, chunk):
        """Trim, drop blank lines, name the columns."""
        names = {f"cell{at}": field for at, field in enumerate(self.fields) if field}
        beyond = [f"cell{at}" for at, field in enumerate(self.fields) if not field]
        text = pl.exclude("line").str.strip_chars()
        chunk = chunk.with_columns(pl.when(text.str.len_bytes() > 0).then(text))
        chunk = chunk.filter(pl.any_horizontal(pl.exclude("line").is_not_null()))
        surplus = pl.concat_str([*beyond, "surplus"], ignore_nulls=True)
        self.rows += chunk.height
        return chunk.select("line", surplus=surplus, **{field: pl.col(name) for name, field in names.items()})

    def _column(self, raw, field, found):
        if field not in raw.columns:
            return pl.Series(field, [None if field in MAY_BE_NULL else ""], pl.String).new_from_index(0, raw.height)
        stored, reasons = resolve(raw[field], self.rules[field], self.fast.get(field))
        found += self._refused(raw, field, reasons)
        if field in REQUIRED:
            found += self._missing(raw, field)
        return stored if field in MAY_BE_NULL else stored.fill_null("")

    def _missing(self, raw, field):
        lines = raw["line"].filter(raw[field].is_null())
        return [Refusal(line, header(field), "", str(_("不能为空。"))) for line in lines]

    def _refused(self, raw, field, reasons):
        if not reasons:
            return
        rows = raw.select("line", field).filter(pl.col(field).is_in(list(reasons)))
        for line, text in rows.iter_rows():
            yield Refusal(line, header(field), shown(field, text), reasons[text])

    # The document number ---------------------------------------------------------------------------------------

    def _numbers(self, raw, stored, found):
        """Return number, birth_on and sex of every row as its document tells them."""
        found += self._missing(raw, "document_number")
        found += self._surplus(raw)
        resident = stored["document_kind"] == "resident_id"
        sure = raw.select(cell="document_number").select(pl.when(resident).then(self.fast_resident).alias("number"))
        frame = sure.select(
            "number",
            birth_on=pl.col("number").str.slice(6, 8).str.to_date("%Y%m%d").cast(pl.String),
            sex=2 - pl.col("number").str.slice(16, 1).cast(pl.Int8) % 2,
        ).with_columns(pl.col("sex").cast(pl.String))
        return self._parse_the_rest(raw, stored["document_kind"], frame, found)

    def _parse_the_rest(self, raw, kinds, frame, found):
        rest = frame["number"].is_null() & raw["document_number"].is_not_null() & (kinds != "")
        places = rest.arg_true()
        if not len(places):
            return frame
        parsed = [self._parse(raw, kinds, place, found) for place in places]
        number, birth_on, sex = (pl.Series(values, dtype=pl.String) for values in zip(*parsed, strict=True))
        return frame.with_columns(
            number=frame["number"].scatter(places, number),
            birth_on=frame["birth_on"].scatter(places, birth_on),
            sex=frame["sex"].scatter(places, sex),
        )

    def _parse(self, raw, kinds, place, found):
        text = raw["document_number"][place]
        try:
            document = parse(kinds[place], text, today=self.today)
        except ValidationError as error:
            content = shown("document_number", text)
            found.append(Refusal(raw["line"][place], header("document_number"), content, error.messages[0]))
            return None, None, None
        birth_on = document.birth_on and document.birth_on.isoformat()
        return document.number, birth_on, document.sex and document.sex.value

    def _with_what_the_number_tells(self, frame, number, raw, found):
        frame = frame.with_columns(told_birth=number["birth_on"], told_sex=number["sex"])
        checks = (
            ("birth_on", pl.col("birth_on") != pl.col("told_birth"), _("与证件号码中的出生日期不符。")),
            (
                "sex",
                pl.col("sex").is_in(STATED_SEX) & (pl.col("sex") != pl.col("told_sex")),
                _("与证件号码中的性别不符。"),
            ),
        )
        for field, differs, reason in checks:
            if field in raw.columns:
                for line, text in (
                    frame.select("line", cell=raw[field]).filter(frame.select(differs).to_series()).rows()
                ):
                    found.append(Refusal(line, header(field), shown(field, text), str(reason)))
        return frame.with_columns(
            birth_on=pl.coalesce("told_birth", "birth_on"), sex=pl.coalesce("told_sex", "sex")
        ).drop("told_birth", "told_sex")

    def _surplus(self, raw):
        rows = raw.select("line").filter(raw["surplus"].str.len_bytes() > 0)
        return [
            Refusal(line, "", "", str(_("单元格比列标题多,可能有文字中的逗号没有加引号。"))) for (line,) in rows.rows()
        ]


def resolve(series, rule, fast=None):
    """Return the stored value of every cell (null for a blank or refused one) and {refused text: reason}."""
    stored = series.to_frame("cell").select(stored=fast).to_series() if fast is not None else None
    if stored is None:
        stored = pl.Series("stored", [None], pl.String).new_from_index(0, len(series))
    rest = series.filter(stored.is_null() & series.is_not_null()).unique().to_list()
    answers, reasons = {}, {}
    for text in rest:
        try:
            answers[text] = rule(text)
        except ValidationError as error:
            reasons[text] = error.messages[0]
    if answers:
        known = series.replace_strict(list(answers), list(answers.values()), default=None, return_dtype=pl.String)
        stored = stored.zip_with(stored.is_not_null(), known)
    return stored, reasons


def comparison_names(names):
    """`documents.comparison_name` of every cell."""
    return resolve(names, comparison_name)[0]


CODE_LIKE = re.compile(r"[0-9A-Za-z]{6,}")
DATE_LIKE = re.compile(r"[0-9]{4}[-/.年][0-9]{1,2}[-/.月][0-9]{1,2}日?")


def shown(field, text):
    """What a report may show of a cell: nothing in which a document number could stand unmasked."""
    bare = strip_separators(half_width(text))
    if field == "document_number":
        return mask(bare[:32])
    if DATE_LIKE.fullmatch(text):
        return text
    return (mask(bare[:32]) if CODE_LIKE.search(bare) else text)[:SHOWN]
