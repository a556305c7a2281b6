"""How the bytes of uploaded files are kept until a form has looked at them (promises: Files)."""

from django.conf import settings
from django.core.files import uploadhandler

CHUNK = 256 * 1024  # with Django's 64 kB a request takes twice the time; the smallest of all handlers counts


class MemoryUploadHandler(uploadhandler.MemoryFileUploadHandler):
    """Django's for small requests."""

    chunk_size = CHUNK


class BoundedUploadHandler(uploadhandler.TemporaryFileUploadHandler):
    """Keep a file as long as some form may take it. Of a larger one only name and size are left, for the refusal.

    The request is read to its end all the same, so that the form comes back with everything else that was filled in.
    """

    chunk_size = CHUNK

    def receive_data_chunk(self, raw_data, start):
        if start + len(raw_data) <= settings.UPLOAD_BYTES_PER_FILE:
            super().receive_data_chunk(raw_data, start)
        elif start <= settings.UPLOAD_BYTES_PER_FILE:
            self.file.truncate(0)
