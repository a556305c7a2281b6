from pathlib import Path

from accounts.management.import_command import InstitutionImportCommand
from conversion.importers.rules import import_rules
from conversion.management.commands.copy_cohort import drafter_named


class Command(InstitutionImportCommand):
    help = (
        "Import an institution's conversion rules (CSV or XLSX, one row per source) as drafts; published versions "
        "stay as they are. See docs/rules.md."
    )
    progress_label = "导入规则"

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("--by", metavar="USERNAME", help="whose drafts they are; another has to publish them")

    def import_file(self, *, path, institution, by, dry_run, report, on_progress, **options):
        return import_rules(
            path=path,
            institution=institution,
            by=drafter_named(by),
            dry_run=dry_run,
            report=report,
            on_progress=on_progress,
            name=f" {Path(path).name}",
        )
