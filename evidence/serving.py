"""Serving a private file to somebody the caller has authorised (promises: Files)."""

import logging
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory

from django.conf import settings
from django.http import FileResponse, Http404, HttpResponse
from django.utils.http import content_disposition_header

from evidence import storage
from evidence.inspection import CONTENT_TYPES, FileRefusedError, draw_page

logger = logging.getLogger(__name__)

# The clean copy of a GIF is a PNG of its first frame.
CLEAN_SUFFIX = {"gif": ".png"}


def _handed_over(path, *, as_attachment, filename):
    """The file itself, or where nginx finds it (`EVIDENCE_ACCEL_PREFIX`, an internal location)."""
    if not settings.EVIDENCE_ACCEL_PREFIX:
        return FileResponse(path.open("rb"), as_attachment=as_attachment, filename=filename)
    response = HttpResponse()
    response["Content-Disposition"] = content_disposition_header(as_attachment, filename)
    response["X-Accel-Redirect"] = settings.EVIDENCE_ACCEL_PREFIX + str(path.relative_to(storage.root()))
    return response


def evidence_response(evidence, thumbnail=False):
    """The clean copy (or small picture) of a file that passed; 404 for any other."""
    path = storage.path_of(evidence.clean_sha256, "thumbnail" if thumbnail else "")
    if not (evidence.is_passed and path.exists()):
        raise Http404
    name = PurePath(evidence.name)
    name = name.with_suffix(CLEAN_SUFFIX.get(evidence.kind, name.suffix))
    # Browsers won't show a PDF in a sandbox, so it is handed over as a download.
    response = _handed_over(path, as_attachment=evidence.kind == "pdf", filename=str(name))
    response["Content-Type"] = "image/jpeg" if thumbnail else CONTENT_TYPES[evidence.kind]
    return _guarded(response)


def page_response(evidence, number):
    """A page of a PDF that passed as a picture, which a browser shows in a page; 404 where there is none.

    It is drawn when somebody first asks for it and kept beside the clean copy, like a thumbnail. 503 while the machine
    is too busy or its disk full.
    """
    if not (evidence.is_passed and 1 <= number <= (evidence.pages or 0)):
        raise Http404
    variant = f"page-{number}"
    path = storage.path_of(evidence.clean_sha256, variant)
    try:
        if not path.exists():
            _draw(evidence, number, variant)
    except OSError as fault:
        logger.warning("page %s of evidence %s can't be drawn now: %s", number, evidence.pk, fault)
        return HttpResponse(status=503, headers={"Retry-After": "10"})
    response = _handed_over(path, as_attachment=False, filename=f"{PurePath(evidence.name).stem}-{number}.jpg")
    response["Content-Type"] = "image/jpeg"
    return _guarded(response)


def _draw(evidence, number, variant):
    with TemporaryDirectory() as folder:
        picture = Path(folder, "page.jpg")
        try:
            draw_page(storage.path_of(evidence.clean_sha256), number, picture)
        except FileRefusedError:
            raise Http404 from None
        storage.store_variant(picture, evidence.clean_sha256, variant)


def _guarded(response):
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response
