from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from achievements.importers.catalogue_export import ExportError, export_catalogue
from achievements.models import CatalogueEntry


class Command(BaseCommand):
    help = "Export the catalogue to FILE.csv or FILE.xlsx; import_catalogue takes it back unchanged."

    def add_arguments(self, parser):
        parser.add_argument("file", help="its name ends in .csv or .xlsx")
        parser.add_argument(
            "--institution", metavar="CODE", help="only entries of the institution with this bank code"
        )
        parser.add_argument("--status", choices=CatalogueEntry.Status.values, help="only entries in this state")

    def handle(self, *, file, institution, status, **options):
        kind = Path(file).suffix.lower().removeprefix(".")
        if kind not in {"csv", "xlsx"}:
            raise CommandError(_("文件名应以 .csv 或 .xlsx 结尾。"))
        entries = CatalogueEntry.objects.all()
        if institution:
            entries = entries.filter(institution__bank_code=institution)
        if status:
            entries = entries.filter(status=status)
        self.stdout.write(_("已导出 %s 项。") % self._export(entries, file, kind))

    def _export(self, entries, file, kind):
        try:
            with open(file, "wb") as out:
                return export_catalogue(entries=entries, file=out, kind=kind)
        except ExportError as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(_("文件无法写入:%s") % error.strerror) from None
