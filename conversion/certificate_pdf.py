"""The PDF of 转换证明: frozen content in, bytes out. Looks nothing up and stores nothing."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from io import BytesIO

import segno

from conversion.typesetting import PDF_STANDARDS, TEMPLATES, as_printed, refuse_missing_glyphs, typeset

TEMPLATE = TEMPLATES / "certificate.typ"
# Any of the eight masks can be read; weighing them all is three quarters of the time of a code, and signatures
# look random under each.
QR_MASK = 3


@dataclass(frozen=True, kw_only=True)
class SourceLine:
    """One achievement that was converted."""

    name: str
    kind: str = ""
    level: str = ""
    certificate_number: str = ""
    awarding_body: str = ""
    obtained_on: date | None = None
    score: str | Decimal = ""
    credits: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class StageLine:
    """One passed stage of review: the unit that decided, never the person."""

    name: str
    unit: str = ""
    decided_on: date | None = None


@dataclass(frozen=True, kw_only=True)
class CertificateContent:
    """What the page says. Empty text and None are unknown and left out; a Decimal of 0 is printed."""

    number: str
    learner_name: str
    document_kind: str = ""
    masked_document: str = ""
    sources: tuple[SourceLine, ...]
    institution: str
    institution_code: str = ""
    programme: str = ""
    cohort: str = ""
    course_code: str = ""
    course_name: str = ""
    course_credits: Decimal | None = None
    course_kind: str = ""
    outcome: str = ""
    score: str | Decimal = ""
    credits: Decimal
    rule_code: str
    rule_version: str | int
    rule_title: str = ""
    stages: tuple[StageLine, ...] = ()
    issued_on: date
    verification_url: str
    verification_code: str
    qr_text: str = ""  # the verification address with the signature behind it
    attached: str = ""  # what was signed, as a file inside the PDF
    status: str = ""


def render_certificate(content):
    """Return the PDF of one certificate; equal content gives equal bytes.

    Raise MissingGlyphError for a character that no font has. The first call of a process loads the fonts.
    Never call it before a fork: typst's threads don't survive one, and the child would wait for ever.
    """
    return compile_certificates([content], format="pdf", pdf_standards=PDF_STANDARDS)


def render_certificates(contents):
    """Return one PDF for printing several certificates, each from page 1 on; as `render_certificate`.

    The files inside, which nobody prints, stay away.
    """
    contents = [replace(content, attached="") for content in contents]
    return compile_certificates(contents, format="pdf", pdf_standards=PDF_STANDARDS)


def compile_certificates(contents, **output):
    data = [_page_data(content) for content in contents]
    newest = max(content.issued_on for content in contents)
    return typeset(TEMPLATE, {"certificates": data}, on=newest, **output)


def _page_data(content):
    printed = as_printed(replace(content, attached=""))
    refuse_missing_glyphs(printed)
    attached = {"attached": content.attached} if content.attached else {}
    return printed | attached | {"qr": qr_svg(content.qr_text or content.verification_url)}


def qr_svg(url):
    drawing = BytesIO()
    segno.make_qr(url, error="m", mask=QR_MASK).save(drawing, kind="svg", xmldecl=False, dark="#000", border=0)
    return drawing.getvalue().decode()
