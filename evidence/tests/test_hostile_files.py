"""The table of docs/evidence.md, row by row, as an attacker meets it: uploaded through the form, then inspected.

Every row of *Hostile or broken file* has its files here, and every entry here its row; the details of each kind of
fault are in test_inspection.py.
"""

import resource
import time
import uuid
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from accounts.tests.factories import UserFactory
from achievements.tests.factories import TypeFactory
from achievements.tests.test_pages import typed
from evidence import inspection
from evidence.inspection import Limits
from evidence.models import EvidenceFile
from evidence.services import inspect_evidence
from evidence.tests.test_inspection import (
    ACTIONS,
    ATTACHMENTS,
    BROKEN,
    FLATE,
    SCRIPTS,
    animation,
    annotation,
    bomb,
    in_object_stream,
    noise,
    pdf,
    photo_with_secrets,
    picture,
    png_by_hand,
    slow_pdf,
    stream,
)

pytestmark = pytest.mark.django_db
TOO_LARGE = b"\x89PNG\r\n\x1a\n" + bytes(10 << 20)
SVG = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
JAVASCRIPT_GIF = picture("GIF")[:6] + b"/*" + picture("GIF")[8:]
PASSES = ""


def broken(name):
    data, code = BROKEN[name]
    return ("a.pdf", data, code)


def action(name):
    return ("a.pdf", pdf(f"<< /S /{name} /F (a) >>", catalog="/OpenAction 4 0 R"), str(ACTIONS[name]))


def multimedia(subtype):
    return ("a.pdf", pdf(**annotation(f"/Subtype /{subtype}")), "multimedia")


FILES = {  # the row's first cell: [(name, content, code of the refusal or "" …)]
    "empty; over 10 MB": [("a.png", b"", "empty"), ("a.png", TOO_LARGE, "too_large")],
    "svg, html, exe, heic … by name": [(f"a.{end}", SVG, "unknown_type") for end in ["svg", "html", "exe", "heic"]],
    "svg, html, zip or another kind named .png, .jpg …": [
        ("a.png", SVG, "wrong_content"), ("a.jpg", b"<html>", "wrong_content"),
        ("a.pdf", b"PK\x03\x04", "wrong_content"), ("a.jpg", picture(), "wrong_content"),
    ],
    "`%PDF-` anywhere but at byte 0": [("a.pdf", b"\n" + pdf(), "wrong_content"), broken("pdf behind a zip")],
    "PNG or GIF bomb (20,000 × 20,000 pixels in a few kB)": [
        ("a.png", png_by_hand(20_000, 20_000), "too_many_pixels"),
        ("a.gif", b"GIF89a\xff\xff\xff\xff" + picture("GIF")[10:], "too_many_pixels"),
    ],
    "51 GIF frames": [("a.gif", animation(51), "too_many_frames")],
    "GIF head with svg or html behind it": [("a.gif", b"GIF89a" + SVG, "damaged")],
    "GIF that is also JavaScript (`GIF89a/*…`)": [("a.gif", JAVASCRIPT_GIF, PASSES)],
    "picture cut short": [
        ("a.png", noise("PNG")[:-2000], "damaged"), ("a.jpg", noise("JPEG")[:-2000], "damaged"),
        ("a.gif", noise("GIF")[:-2000], "damaged"),
    ],
    "zip, html, script behind the end of a picture or PDF": [
        ("a.png", picture() + b"PK\x03\x04SECRET", PASSES), ("a.jpg", picture("JPEG") + b"<script>SECRET", PASSES),
        ("a.pdf", pdf() + b"PK\x03\x04SECRET", PASSES),
    ],
    "GPS and camera data, comments": [("a.jpg", photo_with_secrets, PASSES)],
    "PDF cut short or with a broken cross-reference": [broken("cut"), broken("wrong cross-reference")],
    "PDF with page data that can't be unpacked": [
        ("a.pdf", pdf(stream(b"no zlib at all", FLATE), page="/Contents 4 0 R"), "damaged")
    ],
    "PDF without pages; with 101": [broken("without pages"), broken("101 pages")],
    "encrypted PDF, also with an empty user password": [
        broken("encrypted"), broken("encrypted with an empty password"),
    ],
    "JavaScript anywhere": [("a.pdf", data, "script") for data in SCRIPTS.values()],
    "`Launch`": [action("Launch")],
    "`SubmitForm`, `ImportData`": [action("SubmitForm"), action("ImportData")],
    "`GoToR`, `GoToE`, a stream whose data are in another file": [
        action("GoToR"), action("GoToE"), broken("data in another file"),
    ],
    "embedded or associated file, file annotation, portfolio": [
        ("a.pdf", data, "attachment") for data in ATTACHMENTS.values()
    ],
    "`RichMedia`, `Screen`, `Movie`, `Sound`, `3D` annotations": [
        *(multimedia(name) for name in ["RichMedia", "Screen", "Movie", "Sound", "3D"]), action("Rendition"),
    ],
    "XFA form": [broken("xfa")],
    "script in an earlier revision or an unreachable object": [("a.pdf", pdf("<< /S /X /JS (SECRET) >>"), PASSES)],
    "unpacking bomb in a stream, nested, or before a picture filter": [
        broken("unpacking bomb"), broken("bomb in a bomb"), broken("bomb before a picture filter"),
    ],
    "unpacking bomb as an object stream": [("a.pdf", lambda: in_object_stream(bytes(140 << 20)), "damaged")],
    "arrays nested over 499 deep": [
        broken("deep nesting"), ("a.pdf", lambda: pdf(f"[{'0 ' * 4_000_000}]", catalog="/X 4 0 R"), "too_complex"),
    ],
    "page tree in a circle": [broken("page tree in a circle")],
    "anything that takes too long or too much memory, or crashes the child": [("a.pdf", slow_pdf, "too_complex")],
    "known to clamd (where one is configured)": [],  # test_clamd.py
    "**fine:** `/OpenAction` with `GoTo` or a destination": [
        ("a.pdf", pdf(catalog="/OpenAction [3 0 R /XYZ 0 0 0]"), PASSES),
        ("a.pdf", pdf(**annotation("/Subtype /Link /A << /S /URI /URI (https://a.test/) >>")), PASSES),
    ],
}  # fmt: skip
FILES["unpacking bomb in a stream, nested, or before a picture filter"].append(
    ("a.png", lambda: noise("PNG")[:33] + b"\0\0\0\0" + bomb()[:9], "damaged")
)


def documented():
    """The first cells of the table, up to the colon or semicolon behind which it goes into details."""
    text = Path(settings.BASE_DIR, "docs", "evidence.md").read_text(encoding="utf-8")
    table = text.partition("| file | what happens | code |")[2].partition("\n\n")[0]
    return [row.split(" | ")[0].removeprefix("| ") for row in table.splitlines()[2:]]


def test_every_row_of_the_table_is_tried():
    rows = documented()
    assert len(rows) == len(FILES)
    for row, name in zip(rows, FILES, strict=True):
        assert row.startswith(name)


@pytest.fixture
def upload(client, settings, tmp_path):
    """Return a function that uploads a file as upload.js does and inspects it; it returns the row, or the answer."""
    settings.MEDIA_ROOT = tmp_path
    client.force_login(UserFactory())
    type_ = TypeFactory()

    def send(name, content):
        file = SimpleUploadedFile(name, content)
        data = typed(type_, action="autosave", draft=uuid.uuid4(), files=file)
        started = time.monotonic()
        answer = client.post(reverse("achievements:add"), data, headers={"X-Draft": "1"})
        assert time.monotonic() - started < 5
        if answer.status_code == 422:
            return None, answer.content.decode()
        assert answer.status_code == 200
        evidence = EvidenceFile.objects.latest("pk")
        inspect_evidence(pk=evidence.pk)
        evidence.refresh_from_db()
        return evidence, evidence.refusal

    return send


CASES = [
    pytest.param(*file, id=f"{row[:40]}-{number}") for row, files in FILES.items() for number, file in enumerate(files)
]


@pytest.mark.parametrize(("name", "content", "code"), CASES)
def test_uploaded_file_is_refused_with_its_reason_or_made_harmless(upload, client, settings, name, content, code):
    if content is slow_pdf:
        settings.EVIDENCE_LIMITS = {"seconds": 1}
    content = content() if callable(content) else content
    evidence, refusal = upload(name, content)
    expected = str(inspection.refused(code, Limits()).message) if code else ""
    assert refusal.removeprefix(f"{name}:") == expected
    if code:
        assert evidence is None or evidence.state == "refused"
        assert evidence is None or client.get(evidence.get_absolute_url()).status_code == 404
    else:
        served = b"".join(client.get(evidence.get_absolute_url()).streaming_content)
        assert b"SECRET" not in served
        assert b"/*" not in served[:8]


def test_no_process_takes_300_megabytes_more_for_any_of_them(upload):
    """This process, which takes the upload as a web server does and starts the children; they are watched singly."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    upload("a.png", TOO_LARGE)
    upload("a.png", png_by_hand(20_000, 20_000))
    upload("a.pdf", BROKEN["unpacking bomb"][0]())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000
