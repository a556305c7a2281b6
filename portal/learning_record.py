"""学习成果清单: everything a person holds, with what the bank has said about it, as a PDF to print."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from django.utils import timezone
from django.utils.translation import gettext as _

from achievements.models import Achievement
from conversion.models import ApplicationSource
from conversion.models.application import Kind, Status
from conversion.statuses import STATUS_LABELS, AchievementStatus, with_status
from conversion.typesetting import PDF_STANDARDS, as_printed, refuse_missing_glyphs, typeset

TEMPLATE = Path(__file__).parent / "typst" / "learning_record.typ"


@dataclass(frozen=True, kw_only=True)
class RecordLine:
    """One achievement, and the courses that it was converted into."""

    name: str
    kind: str
    body: str = ""
    certificate_number: str = ""
    obtained_on: date
    status: str
    origin: str
    converted: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LearningRecord:
    learner_name: str
    doubt: str  # empty for a proven person
    document_kind: str
    masked_document: str
    printed_on: date
    total: str
    listed: str
    recognised: str
    achievements: tuple[RecordLine, ...] = ()


def learning_record(user):
    """What the list of a learner's account says today."""
    learner = user.learner
    rows = with_status(Achievement.objects.of(user).current().select_related("type", "imported_from"))
    rows = list(rows.order_by("-obtained_on", "-pk"))
    converted = _conversions(rows)
    statuses = [row.status for row in rows]
    return LearningRecord(
        learner_name=learner.name,
        doubt="" if learner.verified_at else _("未实名核验"),
        document_kind=learner.get_document_kind_display(),
        masked_document=learner.masked_document,
        printed_on=timezone.localdate(),
        total=str(len(rows)),
        listed=str(statuses.count(AchievementStatus.LISTED)),
        recognised=str(statuses.count(AchievementStatus.RECOGNISED)),
        achievements=tuple(_line(row, converted.get(row.line, ())) for row in rows),
    )


def _line(row, converted):
    return RecordLine(
        name=row.name,
        kind=row.type.name,
        body=row.body_name,
        certificate_number=row.certificate_number,
        obtained_on=row.obtained_on,
        status=str(STATUS_LABELS[row.status]),
        origin=f"{row.imported_from.name}导入" if row.imported_from else row.get_origin_display(),
        converted=tuple(converted),
    )


def _conversions(rows):
    """{line: [institution and course of each approved conversion]}, of all versions, from the cases' snapshots."""
    uses = ApplicationSource.objects.filter(
        line__in=[row.line for row in rows],
        application_status=Status.APPROVED,
        kind__in=[Kind.CONVERSION, Kind.PERFORMANCE],
    )
    found = {}
    for line, snapshot in uses.order_by("pk").values_list("line", "application__snapshot"):
        target = snapshot["target"]
        found.setdefault(line, []).append(f"{target['institution']} {target['course']}")
    return found


def render_learning_record(record, **output):
    """Return the PDF; raises `MissingGlyphError` rather than printing a box."""
    printed = as_printed(record)
    refuse_missing_glyphs(printed)
    output = output or {"format": "pdf", "pdf_standards": PDF_STANDARDS}
    return typeset(TEMPLATE, {"record": printed}, on=record.printed_on, **output)
