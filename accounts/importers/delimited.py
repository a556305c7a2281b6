"""Read CSV in blocks of a few megabytes, so that memory doesn't grow with the file."""

import codecs
import csv
import io

import polars as pl
from django.utils.translation import gettext_lazy as _

from accounts.importers.columns import ImportFileError

BLOCK_BYTES = 4 * 1024**2
MAX_RECORD_BYTES = 1024**2
SEPARATORS = ",\t;"
QUOTE = b'"'


class DelimitedTable:
    """A CSV file: `fields` of its first line, then `chunks()` of rows."""

    def __init__(self, path, columns):
        self.path = path
        self.size = path.stat().st_size
        with path.open("rb") as file:
            first = file.read(BLOCK_BYTES)
        self.old_mac = b"\n" not in first and b"\r" in first
        self.start, line = _first_line(self._plain(first))
        self.encoding = _encoding(line)
        text = line.decode(self.encoding).removeprefix("\ufeff").rstrip("\r\n")
        self.separator = max(SEPARATORS, key=text.count)
        self.fields = columns.fields_of(next(csv.reader([text], delimiter=self.separator), []))
        self.names = [f"cell{number}" for number in range(len(self.fields))]

    def _plain(self, data):
        return data.replace(b"\r", b"\n") if self.old_mac else data

    def chunks(self):
        """Yield (frame of text cells with their line, share of the file read so far)."""
        line, done = 2, self.start
        with self.path.open("rb") as file:
            file.seek(self.start)
            for block in _whole_records(file, self._plain):
                done += len(block)
                lines = block.count(b"\n") + (not block.endswith(b"\n"))
                yield self._frame(block, line, lines), done / self.size
                line += lines

    def refusals(self):
        """A CSV's text is all there is: nothing to distrust."""
        return {}

    def _frame(self, block, line, lines):
        frame = self._read_plain(block, line, lines)
        return self._read_carefully(block, line) if frame is None else frame

    def _read_plain(self, block, line, lines):
        """Read a block in which every line is a row with as many cells as there are headings; None for another."""
        cells = block.count(self.separator.encode()) + lines
        if QUOTE in block or cells != lines * len(self.fields):
            return None
        try:
            if self.encoding != "utf-8":
                block = block.decode(self.encoding).encode()
            frame = pl.read_csv(
                block.replace(b"\r\n", b"\n"),
                has_header=False,
                separator=self.separator,
                quote_char=None,
                schema=dict.fromkeys(self.names, pl.String),
            )
        except (UnicodeDecodeError, pl.exceptions.PolarsError):
            return None
        return frame.with_row_index("line", line).with_columns(surplus=pl.lit(None, pl.String))

    def _read_carefully(self, block, line):
        """Read a block with quotes, blank lines or lines of another length; say where it can't be read."""
        try:
            text = block.decode(self.encoding)
        except UnicodeDecodeError as error:
            number = line + block[: error.start].count(b"\n")
            raise ImportFileError(
                _("第%(line)s行含有无法识别的文字编码。请在 Excel 中另存为“CSV UTF-8”后再试。"), line=number
            ) from None
        return self._table_of(*self._parsed(text, line))

    def _parsed(self, text, line):
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=self.separator, strict=True)
        lines, rows, before = [], [], 0
        try:
            for row in reader:
                lines.append(line + before)
                rows.append(row)
                before = reader.line_num
        except csv.Error:
            raise ImportFileError(_("第%(line)s行的引号不成对。"), line=line + before) from None
        return lines, rows

    def _table_of(self, lines, rows):
        width = len(self.fields)
        columns = {name: [row[at] if at < len(row) else None for row in rows] for at, name in enumerate(self.names)}
        surplus = ["".join(row[width:]) or None for row in rows]
        return pl.DataFrame(
            {"line": lines, **columns, "surplus": surplus},
            schema={"line": pl.UInt32, **dict.fromkeys(self.names, pl.String), "surplus": pl.String},
        )


def _first_line(data):
    """Return the length of the first line and its bytes."""
    length = data.find(b"\n") + 1 or len(data)
    return length, data[:length]


def _encoding(line):
    for encoding in ("utf-8", "gb18030"):
        try:
            line.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    raise ImportFileError(_("文件的文字编码无法识别。请在 Excel 中另存为“CSV UTF-8”后再试。"))


def _whole_records(file, plain):
    """Yield blocks that end where a line ends outside quotes."""
    rest = b""
    while piece := file.read(BLOCK_BYTES):
        rest += plain(piece)
        cut = _last_record_end(rest)
        if cut:
            yield rest[:cut]
            rest = rest[cut:]
        elif len(rest) > BLOCK_BYTES:
            raise ImportFileError(_("文件中有引号没有成对,无法分清各行。"))
    if rest:
        yield rest


def _last_record_end(data):
    cut = data.rfind(b"\n") + 1
    quotes = data.count(QUOTE, 0, cut)
    while cut and quotes % 2:
        if len(data) - cut > MAX_RECORD_BYTES:
            raise ImportFileError(_("文件中有引号没有成对,无法分清各行。"))
        before = data.rfind(b"\n", 0, cut - 1) + 1
        quotes -= data.count(QUOTE, before, cut)
        cut = before
    return cut


UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
