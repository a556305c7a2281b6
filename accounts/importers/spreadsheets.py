"""Read XLSX. Sizes are proven by inflating before any parser sees the file; fastexcel then reads the cells.

What fastexcel can't tell is searched for in the sheet's XML: numeric document numbers, formulas, merged cells.
"""

import re
import struct
import zipfile
import zlib
from collections import defaultdict
from xml.etree import ElementTree

import fastexcel
import polars as pl
from django.utils.translation import gettext_lazy as _

from accounts.importers.columns import ImportFileError, Refusal

CHUNK_ROWS = 20_000
PIECE = 1024**2
OVERLAP = 4096
MAX_TEXT_BYTES = 2000
BYTES_PER_ROW = 4000
CELLS_PER_ROW = 40
CELLS_BESIDE_ROWS = 10_000
BYTES_BESIDE_ROWS = 20 * 1024**2
LOCAL_HEADER = struct.Struct("<26xHH")
NAMESPACE = {
    "m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    "strict": "http://purl.oclc.org/ooxml/spreadsheetml/main",
}
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
STRICT_RELATION = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"

FIRST_CELL = re.compile(rb'<c r="([A-Z]+)([0-9]+)"[^<>]*(?<!/)>')
FORMULA = re.compile(rb"<f[\s>/]")
MERGED = re.compile(rb'<mergeCell ref="([A-Z0-9:]+)"')
REFERENCE = re.compile(rb'\sr="([A-Z]+)([0-9]+)"')
UNREADABLE = re.compile(rb"<\w+:sheetData|<c>|<c (?![^<>]*(?:\br=|\Z))")
LONG_TEXT = re.compile(rb"[^<]{%d}" % MAX_TEXT_BYTES)


class SpreadsheetTable:
    """The first visible sheet of a workbook: `fields` of its first row, then `chunks()` of rows."""

    def __init__(self, path, columns, *, row_limit):
        self.path, self.columns = path, columns
        try:
            with zipfile.ZipFile(path) as archive:
                self.workbook = _Workbook(archive, row_limit=row_limit)
                self.workbook.check()
            self.frame = self._load()
            self.fields = columns.fields_of(self.frame.row(0) if self.frame.height else [])
        except (zipfile.BadZipFile, zlib.error, ElementTree.ParseError, KeyError, OSError, struct.error):
            raise _damaged() from None

    def _load(self):
        try:
            reader = fastexcel.read_excel(self.path)
            sheet = reader.load_sheet(self.workbook.sheet_name, header_row=None, dtypes="string")
            return sheet.to_polars()
        except fastexcel.FastExcelError:
            raise _damaged() from None

    def chunks(self):
        """Yield (frame of text cells with their row number, share of the sheet so far)."""
        names = [f"cell{number}" for number in range(len(self.fields))]
        self.frame.columns = names
        rows, self.frame = self.frame.slice(1), None
        rows = rows.with_row_index("line", 2).with_columns(surplus=pl.lit(None, pl.String))
        for start in range(0, rows.height, CHUNK_ROWS):
            chunk = rows.slice(start, CHUNK_ROWS)
            yield chunk, (start + chunk.height) / rows.height

    def refusals(self):
        """{line: refusals} of rows that can't be trusted, although their cells could be read."""
        found = defaultdict(list)
        for refusal in self._formulas():
            found[refusal.line].append(refusal)
        for refusal in self._numeric_cells():
            found[refusal.line].append(refusal)
        return found

    def _formulas(self):
        for column, line in self.workbook.formulas:
            at = _column_number(column)
            field = self.fields[at] if at < len(self.fields) else None
            name = self.columns.title(field) if field else column
            if line > 1:
                yield Refusal(line, name, "", str(_("单元格是公式。请复制后“选择性粘贴”为数值。")))

    def _numeric_cells(self):
        texts = {
            _column_letter(self.fields.index(column.field)).encode(): column
            for column in self.columns
            if column.digits is not None and column.field in self.fields
        }
        if not texts:
            return
        with zipfile.ZipFile(self.path) as archive:
            for letter, line, value in self.workbook.numeric_cells(archive, texts):
                column = texts[letter]
                if line > 1 and (not column.digits or _digits(value) > column.digits):
                    yield Refusal(line, column.title, "", str(NUMERIC_CELL))


NUMERIC_CELL = _(
    "单元格是数字格式,Excel 只保留15位有效数字,末几位已丢失。请把该列设为“文本”格式,重新录入完整号码后再导入。"
)


class _Workbook:
    def __init__(self, archive, *, row_limit):
        self.archive, self.row_limit = archive, row_limit
        self.members = {info.filename: info for info in archive.infolist()}
        self.formulas, self.cells = [], {}
        self.sheet_name = self.sheet_path = None

    def check(self):
        self._refuse_bombs()
        visible = self._visible_sheets()
        for name, path in visible:
            self._look_at(name, path)
        filled = [name for name, path in visible if self.cells[path]]
        if not filled:
            raise ImportFileError(_("工作簿的可见工作表是空的。"))
        if len(filled) > 1:
            raise ImportFileError(
                _("工作簿有%(count)s个有内容的可见工作表(%(names)s)。请只保留要导入的一个,其余删除或隐藏。"),
                count=len(filled),
                names="、".join(name[:20] for name in filled[:5]),
            )
        self.sheet_name, self.sheet_path = next((name, path) for name, path in visible if name == filled[0])

    # Sizes -------------------------------------------------------------------------------------------------

    def _refuse_bombs(self):
        """Refuse by the declared sizes, then prove that those are true."""
        if len(self.members) != len(self.archive.infolist()) or len(self.members) > 1000:
            raise _damaged()
        if "xl/workbook.xml" not in self.members:
            raise ImportFileError(_("这不是 CSV 或 XLSX 文件。"))
        limit = self.row_limit * BYTES_PER_ROW + BYTES_BESIDE_ROWS
        if sum(info.file_size for info in self.members.values()) > limit:
            raise ImportFileError(_("工作簿解压后过大,无法导入。请拆分成几个文件。"))
        for name, info in self.members.items():
            if name.startswith("xl/") and not name.startswith("xl/worksheets/sheet"):
                self._refuse_long_text(name, info)

    def _refuse_long_text(self, name, info):
        for piece in _pieces(self.archive, info):
            if name.endswith("sharedStrings.xml") and _has_long_text(piece):
                raise _too_long()

    # Sheets ------------------------------------------------------------------------------------------------

    def _visible_sheets(self):
        targets = {
            relation.get("Id"): relation.get("Target") for relation in self._parsed("xl/_rels/workbook.xml.rels")
        }
        book = self._parsed("xl/workbook.xml")
        sheets = book.findall("m:sheets/m:sheet", NAMESPACE) + book.findall("strict:sheets/strict:sheet", NAMESPACE)
        return [
            (sheet.get("name"), _member(targets[sheet.get(RELATION) or sheet.get(STRICT_RELATION)]))
            for sheet in sheets
            if sheet.get("state", "visible") == "visible"
        ]

    def _parsed(self, name):
        data = self.archive.read(name)
        if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
            raise _damaged()
        return ElementTree.fromstring(data)  # noqa: S314 - no entities in it

    def _look_at(self, name, path):
        """One pass over a sheet: its size, its first cell, formulas, merged cells."""
        count, first = 0, None
        for piece in _between_cells(_pieces(self.archive, self.members[path])):
            count += piece.count(b"<c ")
            first = first or FIRST_CELL.search(piece)
            if count > self.row_limit * CELLS_PER_ROW + CELLS_BESIDE_ROWS:
                raise ImportFileError(_("工作表的单元格过多,无法导入。"))
            self._refuse_unreadable(name, piece)
            if b"<f" in piece:
                self.formulas += _formula_cells(piece)
        self.cells[path] = count if first else 0
        if first and first.groups() != (b"A", b"1"):
            raise ImportFileError(_("工作表“%(name)s”的表格应从 A1 单元格开始,第一行是列标题。"), name=name[:20])

    def _refuse_unreadable(self, name, piece):
        if UNREADABLE.search(piece, 0, OVERLAP):
            raise _damaged()
        if _has_long_text(piece):
            raise _too_long()
        if b"<mergeCell " in piece and (merged := MERGED.search(piece)):
            raise ImportFileError(
                _("工作表“%(name)s”有合并单元格(%(ref)s)。请取消合并并填满每个单元格。"),
                name=name[:20],
                ref=merged[1].decode(),
            )

    def numeric_cells(self, archive, letters):
        """Yield (column, row, what follows) of the cells of some columns that hold something and aren't text."""
        cell = re.compile(
            rb'<c r="(%s)([0-9]+)"(?![^<>]*\bt="(?:s|str|inlineStr)")[^<>]*(?<!/)>([^<>]*<v>[^<>]*<)?'
            % b"|".join(letters)
        )
        for piece in _between_cells(_pieces(archive, self.members[self.sheet_path])):
            for match in cell.finditer(piece):
                if match[3]:
                    yield match[1], int(match[2]), match[3]


def _has_long_text(piece):
    """Tell whether a text has MAX_TEXT_BYTES. It would fill a whole step: one look at each spares the search."""
    step = MAX_TEXT_BYTES // 2
    filled = (at for at in range(0, len(piece) - step + 1, step) if piece.find(b"<", at, at + step) < 0)
    return any(LONG_TEXT.search(piece, max(at - step, 0), at + 2 * step) for at in filled)


def _formula_cells(piece):
    for match in FORMULA.finditer(piece):
        references = REFERENCE.findall(piece, max(match.start() - OVERLAP, 0), match.start())
        if references:
            column, row = references[-1]
            yield column.decode(), int(row)


def _between_cells(pieces):
    """Cut anew where a cell begins, so that no cell is seen in halves."""
    rest = b""
    for piece in pieces:
        rest += piece
        cut = rest.rfind(b"<c ")
        if cut > 0:
            yield rest[:cut]
            rest = rest[cut:]
        elif len(rest) > 2 * PIECE:
            raise _damaged()
    yield rest


def _pieces(archive, info):
    """Yield a member inflated. One that is longer or shorter than declared is a lie; neither parser must meet it."""
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or info.flag_bits & 1:
        raise _damaged()
    produced = 0
    for piece in _inflated(_packed(archive.fp, info), stored=info.compress_type == zipfile.ZIP_STORED):
        produced += len(piece)
        if produced > info.file_size:
            raise _damaged()
        yield piece
    if produced != info.file_size:
        raise _damaged()


def _packed(file, info):
    file.seek(info.header_offset)
    name_length, extra_length = LOCAL_HEADER.unpack(file.read(LOCAL_HEADER.size))
    position = info.header_offset + LOCAL_HEADER.size + name_length + extra_length
    end = position + info.compress_size
    while position < end:
        file.seek(position)  # another member may have been read meanwhile
        packed = file.read(min(PIECE, end - position))
        if not packed:
            raise _damaged()
        position += len(packed)
        yield packed


def _inflated(packed_pieces, *, stored):
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    for packed in packed_pieces:
        if stored:
            yield packed
            continue
        while packed:
            yield inflate.decompress(packed, PIECE)
            packed = inflate.unconsumed_tail
    if not stored:
        yield inflate.flush()


def _member(target):
    return target.removeprefix("/") if target.startswith("/") else f"xl/{target}"


def _column_letter(number):
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _column_number(letters):
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def _digits(value):
    try:
        return len(str(int(float(re.search(rb">([^<]+)<", value)[1]))))
    except (TypeError, ValueError, OverflowError):
        return 99


def _damaged():
    return ImportFileError(_("工作簿已损坏或不是普通的 XLSX 文件。请用 Excel 或 WPS 另存为 .xlsx 后再试。"))


def _too_long():
    return ImportFileError(_("工作簿中有过长的文字,无法导入。"))
