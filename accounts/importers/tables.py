"""Open a file by what it is, not by what its name says."""

from pathlib import Path

from django.utils.translation import gettext_lazy as _

from accounts.importers.columns import ImportFileError
from accounts.importers.delimited import UTF16, DelimitedTable
from accounts.importers.spreadsheets import SpreadsheetTable

ZIP = b"PK\x03\x04"
OLE = b"\xd0\xcf\x11\xe0"
LOOK_AT = 4096
LOOK_FOR_CONTROLS = 64
CONTROLS = set(range(32)) - set(b"\t\r\n")


def open_table(path, columns, *, row_limit):
    """Return a table with `fields`, `chunks()` and `refusals()`.

    `columns` are those the file may have. Raise `ImportFileError` for what is no CSV and no XLSX, and for headings
    that are missing, unknown or there twice.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            head = file.read(LOOK_AT)
    except OSError as error:
        raise ImportFileError(_("文件无法打开:%(reason)s"), reason=error.strerror) from None
    if head.startswith(ZIP):
        return SpreadsheetTable(path, columns, row_limit=row_limit)
    _refuse_other_kinds(head)
    return DelimitedTable(path, columns)


def _refuse_other_kinds(head):
    if not head.strip(b"\xef\xbb\xbf \t\r\n"):
        raise ImportFileError(_("文件是空的。"))
    if head.startswith(OLE):
        raise ImportFileError(_("这是旧版 .xls 或加了密码的工作簿。请在 Excel 中另存为不带密码的 .xlsx 后再试。"))
    if head.startswith(UTF16):
        raise ImportFileError(_("文件是 UTF-16(Unicode 文本)编码。请在 Excel 中另存为“CSV UTF-8”后再试。"))
    # Controls stand in no column heading; in a row they refuse that row only.
    if head.startswith((b"%PDF", b"{\\rtf", b"<")) or CONTROLS.intersection(head[:LOOK_FOR_CONTROLS]):
        raise ImportFileError(_("这不是 CSV 或 XLSX 文件。"))
