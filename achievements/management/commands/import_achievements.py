from accounts.management.import_command import InstitutionImportCommand
from achievements.importers.achievements import import_achievements


class Command(InstitutionImportCommand):
    help = "Import achievements of an institution's learners (CSV or XLSX); see docs/achievement-import.md."
    progress_label = "导入成果"

    def import_file(self, *, path, institution, dry_run, report, on_progress, **options):
        return import_achievements(
            path=path, institution=institution, dry_run=dry_run, report=report, on_progress=on_progress
        )
