"""Check a file in chunks of rows, a column at a time."""

import re

import polars as pl
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.documents import half_width, mask, strip_separators
from accounts.importers.columns import ImportFileError, Refusal

SHOWN = 40
CODE_LIKE = re.compile(r"[0-9A-Za-z]{6,}")
DATE_LIKE = re.compile(r"[0-9]{4}[-/.年][0-9]{1,2}[-/.月][0-9]{1,2}日?")
SURPLUS = _("单元格比列标题多,可能有文字中的逗号没有加引号。")


class TableChecker:
    """Turns the chunks of a table into chunks of good rows; why the others were refused is kept in `refusals`."""

    def __init__(self, table, columns):
        self.table, self.columns, self.fields = table, columns, table.fields
        self.refusals = []
        self.rows = 0
        self.share_before = self.share = 0  # of the file, without and with the chunk that was yielded last

    @property
    def refused(self):
        """How many rows were refused; a row may have several refusals."""
        return len({refusal.line for refusal in self.refusals})

    def good_rows(self, *, row_limit, on_progress=None):
        """Yield a frame of each chunk: `line` and the stored text of every column, those the file lacks included.

        Raise `ImportFileError` for a file without rows or with more than `row_limit`.
        """
        distrusted = self.table.refusals()
        for chunk, share in self.table.chunks():
            self.share_before, self.share = self.share, share
            yield self.check(chunk, distrusted)
            if self.rows > row_limit:
                raise ImportFileError(_("文件超过%(limit)s行,请拆分后再导入。"), limit=row_limit)
            if on_progress:
                on_progress(share)
        if not self.rows:
            raise ImportFileError(_("文件中没有数据行。"))

    def refuse(self, line, field, reason, content=""):
        """Refuse a row for what no single cell tells; `field` is None where no column is to blame."""
        shown_content = shown(content) if content else ""
        self.refusals.append(Refusal(line, self.columns.title(field) if field else "", shown_content, str(reason)))

    def check(self, chunk, distrusted=None):
        """Return the good rows of a chunk. `distrusted` has refusals, by line, that the file's reader found."""
        raw = self._rows(chunk)
        found = [refusal for line in raw["line"] for refusal in distrusted.get(line, ())] if distrusted else []
        stored = {column.field: self._column(raw, column, found) for column in self.columns if column.rule}
        found += self._surplus(raw)
        frame = self.check_across(pl.DataFrame({"line": raw["line"], **stored}), raw, found)
        self.refusals += {(refusal.line, refusal.column): refusal for refusal in reversed(found)}.values()
        return frame.filter(~pl.col("line").is_in([refusal.line for refusal in found]))

    def check_across(self, frame, raw, found):
        """For subclasses: check several columns together, adding to `found`; `raw` has the cells as typed."""
        return frame

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

    def _column(self, raw, column, found):
        if column.field not in raw.columns:
            return pl.Series(column.field, [column.blank], pl.String).new_from_index(0, raw.height)
        stored, reasons = resolve(raw[column.field], column.rule, column.fast)
        found += self._refused(raw, column, reasons)
        if column.required:
            found += self.missing(raw, column)
            found += _empty(raw["line"].filter(stored == ""), column)  # nothing but characters that nobody sees
        return stored if column.blank is None else stored.fill_null(column.blank)

    def missing(self, raw, column):
        return _empty(raw["line"].filter(raw[column.field].is_null()), column)

    def _refused(self, raw, column, reasons):
        if not reasons:
            return
        rows = raw.select("line", column.field).filter(pl.col(column.field).is_in(list(reasons)))
        for line, text in rows.iter_rows():
            yield Refusal(line, column.title, shown(text), reasons[text])

    def _surplus(self, raw):
        rows = raw.select("line").filter(raw["surplus"].str.len_bytes() > 0)
        return [Refusal(line, "", "", str(SURPLUS)) for (line,) in rows.rows()]


def _empty(lines, column):
    return [Refusal(line, column.title, "", str(_("不能为空。"))) for line in lines]


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


def shown(text):
    """What a report may show of a cell: nothing in which a document number could stand unmasked."""
    if DATE_LIKE.fullmatch(text):
        return text
    bare = strip_separators(half_width(text))
    return (mask(bare[:32]) if CODE_LIKE.search(bare) else text)[:SHOWN]
