from accounts.importers.roster import import_roster
from accounts.management.import_command import InstitutionImportCommand


class Command(InstitutionImportCommand):
    help = (
        "Import an institution's roster (CSV or XLSX). Refused rows don't stop the others; see docs/roster-import.md."
    )
    progress_label = "导入名册"

    def import_file(self, *, path, institution, dry_run, report, on_progress, **options):
        return import_roster(
            path=path, institution=institution, dry_run=dry_run, report=report, on_progress=on_progress
        )
