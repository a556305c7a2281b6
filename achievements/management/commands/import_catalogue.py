from pathlib import Path

from django.core.management import CommandError
from django.utils.translation import gettext as _

from accounts.management.import_command import ImportCommand
from accounts.models import User
from achievements.importers.catalogue import import_catalogue


class Command(ImportCommand):
    help = (
        "Import entries of the catalogue (CSV or XLSX), as somebody: the centre's are approved at once, an "
        "institution account's are drafts. Refused rows don't stop the others; see docs/catalogue.md."
    )
    progress_label = "导入名录成果"

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("--by", required=True, metavar="USERNAME", help="whose import it is")
        parser.add_argument("--draft", action="store_true", help="new entries wait for their approval")

    def import_file(self, *, path, by, draft, dry_run, report, on_progress, **options):
        user = User.objects.filter(username=by, is_active=True).first()
        if user is None:
            raise CommandError(_("没有用户名为“%s”的账号。") % by[:30])
        return import_catalogue(
            path=path,
            by=user,
            as_draft=draft,
            dry_run=dry_run,
            report=report,
            on_progress=on_progress,
            name=f" {Path(path).name}",
        )
