"""Serving a private file to somebody the caller has authorised (promises: Files)."""

from django.http import FileResponse, Http404

from achievements import storage

CONTENT_TYPES = {"jpg": "image/jpeg", "png": "image/png", "gif": "image/gif", "pdf": "application/pdf"}


def evidence_response(evidence, thumbnail=False):
    """The clean copy (or small picture) of a file that passed; 404 for any other."""
    path = storage.path_of(evidence.clean_sha256, "thumbnail" if thumbnail else "")
    if not (evidence.is_passed and path.exists()):
        raise Http404
    # Browsers won't show a PDF in a sandbox, so it is handed over as a download.
    response = FileResponse(path.open("rb"), as_attachment=evidence.kind == "pdf", filename=evidence.name)
    response["Content-Type"] = "image/jpeg" if thumbnail else CONTENT_TYPES[evidence.kind]
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response
