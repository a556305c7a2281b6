"""What a roster file is made of: its columns, and the errors that concern the file as a whole."""

import difflib
import re
from typing import NamedTuple

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts.documents import half_width, strip_separators


class RosterFileError(Exception):
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


HEADERS = {
    "name": _("姓名"),
    "document_kind": _("证件类型"),
    "document_number": _("证件号码"),
    "sex": _("性别"),
    "birth_on": _("出生日期"),
    "ethnicity": _("民族"),
    "nationality": _("国籍"),
    "phone": _("手机号码"),
    "email": _("电子邮箱"),
    "region_id": _("行政区划代码"),
    "address": _("详细地址"),
    "student_number": _("学号"),
    "cohort": _("年级"),
    "education_level": _("层次"),
    "study_form": _("学习形式"),
    "programme_code": _("专业代码"),
    "programme_name": _("专业名称"),
    "status": _("学籍状态"),
}
REQUIRED = ("name", "document_kind", "document_number")
LEARNER_FIELDS = (
    "name",
    "document_kind",
    "sex",
    "birth_on",
    "ethnicity",
    "nationality",
    "region_id",
    "address",
)
ENROLMENT_FIELDS = (
    "phone",
    "email",
    "cohort",
    "education_level",
    "study_form",
    "programme_code",
    "programme_name",
    "status",
)
MARKS = re.compile(r"[*(\[].*$")  # 姓名*, 姓名(必填)


def header(field):
    """The heading of a column as the file has it."""
    return str(HEADERS[field])


def fields_of(cells):
    """Return the field of every cell of the first line, None for an empty heading behind the last one.

    Raise `RosterFileError` for headings that are missing, unknown or there twice.
    """
    names = [_heading(cell or "") for cell in cells]
    while names and not names[-1]:
        names.pop()
    _refuse_unknown(names)
    known = {str(text): field for field, text in HEADERS.items()}
    fields = [known[name] for name in names]
    _refuse_missing(fields)
    _refuse_twice(names)
    return fields + [None] * (len(cells) - len(fields))


def _heading(cell):
    return MARKS.sub("", strip_separators(half_width(cell)))


def _refuse_unknown(names):
    known = [str(text) for text in HEADERS.values()]
    for number, name in enumerate(names, start=1):
        if not name:
            raise RosterFileError(_("第%(number)s列没有列标题。第一行应是列标题。"), number=number)
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
            hint = format_lazy(_("是不是“{name}”?"), name=near[0]) if near else ""
            raise RosterFileError(
                _("第%(number)s列的标题“%(name)s”不认识。%(hint)s可用的标题:%(known)s。"),
                number=number,
                name=name[:20],
                hint=hint,
                known="、".join(known),
            )


def _refuse_missing(fields):
    missing = [header(field) for field in REQUIRED if field not in fields]
    if missing:
        raise RosterFileError(_("第一行应是列标题,缺少必需的列:%(names)s。"), names="、".join(missing))


def _refuse_twice(names):
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise RosterFileError(_("列标题重复:%(names)s。请只保留一列。"), names="、".join(twice))
