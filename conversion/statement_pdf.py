"""The PDF of 学分对账单: lines in, bytes out."""

from dataclasses import dataclass
from datetime import date

from conversion.typesetting import PDF_STANDARDS, TEMPLATES, as_printed, refuse_missing_glyphs, typeset

TEMPLATE = TEMPLATES / "statement.typ"


@dataclass(frozen=True, kw_only=True)
class StatementLine:
    """One entry; amounts are texts with their sign."""

    number: str
    on: date
    kind: str
    title: str
    course: str = ""
    rule: str = ""
    credits: str
    balance: str


@dataclass(frozen=True, kw_only=True)
class Statement:
    number: str
    learner_name: str
    document_kind: str
    masked_document: str
    printed_on: date
    awarded: str
    reversed: str
    balance: str
    entries: tuple[StatementLine, ...] = ()


def render_statement(statement, **output):
    """Return the PDF; raises `MissingGlyphError` rather than printing a box."""
    printed = as_printed(statement)
    refuse_missing_glyphs(printed)
    output = output or {"format": "pdf", "pdf_standards": PDF_STANDARDS}
    return typeset(TEMPLATE, {"statement": printed}, on=statement.printed_on, **output)
