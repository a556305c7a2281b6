"""What a file to import is made of: its columns, and the errors that concern the file as a whole or one row."""

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import polars as pl
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts.documents import half_width, strip_separators

MARKS = re.compile(r"[*(\[].*$")  # 姓名*, 姓名(必填)
SPREADSHEET_DIGITS = 15  # what a numeric cell of a spreadsheet keeps


class ImportFileError(Exception):
    """The file as a whole can't be imported; the message is for the clerk who made it."""

    def __init__(self, message, **params):
        super().__init__(message)
        self.message, self.params = message, params

    def __str__(self):
        return str(self.message) % self.params if self.params else str(self.message)


class Refusal(NamedTuple):
    """Why one row isn't imported. `content` is what the cell held, masked where it may tell a document number."""

    line: int
    column: str
    content: str
    reason: str


@dataclass(frozen=True)
class Column:
    """One column that a kind of file may have.

    `rule` takes the trimmed text of a cell that isn't blank and returns the text to store, or raises
    `ValidationError`. `fast` is an expression over the column `cell` that gives the same for the commonest shapes and
    null wherever it isn't sure. A blank cell becomes `blank` ("" or None).
    `digits` is how many a *numeric* cell of a workbook may have: 0 for document numbers, `SPREADSHEET_DIGITS` for
    other numbers that are texts, None where a number is a number.
    """

    field: str
    heading: str
    rule: Callable[[str], str] | None = None
    fast: pl.Expr | None = None
    required: bool = False
    blank: str | None = ""
    digits: int | None = None

    @property
    def title(self):
        """The heading as the file has it."""
        return str(self.heading)


class Columns:
    """The columns that a kind of file may have, in the order in which they are told."""

    def __init__(self, columns):
        self.by_field = {column.field: column for column in columns}
        self.by_title = {heading_of(column.title): column for column in columns}
        self.places = {column.title: place for place, column in enumerate(columns)}

    def __iter__(self):
        return iter(self.by_field.values())

    def __getitem__(self, field):
        return self.by_field[field]

    def title(self, field):
        return self.by_field[field].title

    def place(self, refusal):
        """Key that sorts refusals as the report lists them."""
        return refusal.line, self.places.get(refusal.column, len(self.places))

    def fields_of(self, cells):
        """Return the field of every cell of the first line, None for an empty heading behind the last one.

        Raise `ImportFileError` for headings that are missing, unknown or there twice.
        """
        names = [heading_of(cell or "") for cell in cells]
        while names and not names[-1]:
            names.pop()
        self._refuse_unknown(names)
        fields = [self.by_title[name].field for name in names]
        self._refuse_missing(fields)
        _refuse_twice(names)
        return fields + [None] * (len(cells) - len(fields))

    def _refuse_unknown(self, names):
        for number, name in enumerate(names, start=1):
            if not name:
                raise ImportFileError(_("第%(number)s列没有列标题。第一行应是列标题。"), number=number)
            if name not in self.by_title:
                near = difflib.get_close_matches(name, self.by_title, n=1, cutoff=0.4)
                hint = format_lazy(_("是不是“{name}”?"), name=near[0]) if near else ""
                raise ImportFileError(
                    _("第%(number)s列的标题“%(name)s”不认识。%(hint)s可用的标题:%(known)s。"),
                    number=number,
                    name=name[:20],
                    hint=hint,
                    known="、".join(self.by_title),
                )

    def _refuse_missing(self, fields):
        missing = [column.title for column in self if column.required and column.field not in fields]
        if missing:
            raise ImportFileError(_("第一行应是列标题,缺少必需的列:%(names)s。"), names="、".join(missing))


def heading_of(cell):
    """A heading as it is compared: without marks, and however it is spaced."""
    return MARKS.sub("", strip_separators(half_width(cell)))


def _refuse_twice(names):
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ImportFileError(_("列标题重复:%(names)s。请只保留一列。"), names="、".join(twice))
