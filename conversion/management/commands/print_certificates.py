from datetime import date
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from conversion.models import Certificate
from conversion.services.certificates import lacking_glyphs, print_certificates
from conversion.typesetting import MissingGlyphError


class Command(BaseCommand):
    help = "Print valid certificates into PDF files of some each, oldest first; an existing file is not overwritten."

    def add_arguments(self, parser):
        parser.add_argument("folder", type=Path, help="where the files go")
        parser.add_argument("--institution", help="only those of an institution's courses: its code, as gdlg00001")
        parser.add_argument("--since", type=date.fromisoformat, help="issued on this day or later")
        parser.add_argument("--until", type=date.fromisoformat, help="issued on this day or earlier")
        parser.add_argument(
            "--per-file", type=int, default=settings.CERTIFICATES_PER_PRINT, help="default: %(default)s"
        )

    def handle(self, *args, folder, per_file, **options):
        folder.mkdir(parents=True, exist_ok=True)
        refused = 0
        for number, certificates in enumerate(in_parts(chosen(options), max(per_file, 1)), start=1):
            pdf, lacking = printed(certificates)
            for certificate, error in lacking:
                refused += 1
                self.stderr.write(f"{certificate.number} is left out: no font at hand has {error.codepoint}.")
            if pdf:
                path = folder / f"certificates-{number:04}.pdf"
                with path.open("xb") as file:
                    file.write(pdf)
                self.stdout.write(str(path))
        if refused:
            raise CommandError(f"{refused} certificates could not be printed; see CERTIFICATE_FONT_DIRS.")


def chosen(options):
    certificates = Certificate.objects.filter(revoked_at=None, replaced_at=None).order_by("issued_at", "pk")
    wanted = {
        "application__receiving_institution__bank_code": options["institution"],
        "issued_at__date__gte": options["since"],
        "issued_at__date__lte": options["until"],
    }
    return certificates.filter(**{lookup: value for lookup, value in wanted.items() if value})


def in_parts(certificates, size):
    part = []
    for certificate in certificates.iterator(chunk_size=size):
        part.append(certificate)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part


def printed(certificates):
    """(PDF or None, [(certificate, error)…] of those that no font can show)."""
    lacking = []
    while certificates:
        try:
            return print_certificates(certificates), lacking
        except MissingGlyphError:
            # Rare: find out which ones, one by one, and print the others.
            lacking = lacking_glyphs(certificates)
            certificates = [row for row in certificates if row not in dict(lacking)]
    return None, lacking
