"""Serving a private file to somebody the caller has authorised (promises: Files)."""

from pathlib import PurePath

from django.conf import settings
from django.http import FileResponse, Http404, HttpResponse
from django.utils.http import content_disposition_header

from evidence import storage
from evidence.inspection import CONTENT_TYPES

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
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response
