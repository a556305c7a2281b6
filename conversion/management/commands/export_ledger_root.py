from datetime import date

from django.core.management.base import BaseCommand, CommandError

from conversion.models import LedgerRoot
from conversion.services.roots import RootFileError, export_root, newest_finished_day, seal_days


class Command(BaseCommand):
    help = "Make the ledger's daily roots that are due and export them; with --date, also export that day's again."

    def add_arguments(self, parser):
        parser.add_argument("--date", type=date.fromisoformat, help="a finished day, as 2026-11-23")

    def handle(self, *args, **options):
        wanted = options["date"]
        if wanted and wanted > newest_finished_day():
            raise CommandError(f"{wanted} isn't over yet: its root is made ten minutes after midnight.")
        try:
            paths = [export_root(root) for root in seal_days(until=wanted)]
            if wanted:
                root = LedgerRoot.objects.filter(on=wanted).first()
                if root is None:
                    raise CommandError(f"{wanted} is before the first record: there is nothing to seal.")
                paths = [*paths[:-1], export_root(root)]
        except RootFileError as error:
            raise CommandError(str(error)) from error
        for path in paths:
            self.stdout.write(str(path))
        if not paths:
            newest = LedgerRoot.objects.first()
            sealed = f"all days up to {newest.on} are sealed" if newest else "there is no record of a finished day yet"
            self.stdout.write(f"No root is due: {sealed}.")
