"""What every command that imports a file has in common."""

import contextlib
import json
import sys

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from tqdm import tqdm

from accounts.importers.columns import ImportFileError
from accounts.models import Institution

LABELS = {"created": "新建", "updated": "更新", "unchanged": "不变", "refused": "拒绝", "rows": "共"}


class ImportCommand(BaseCommand):
    """Reads FILE, shows progress on a terminal, tells the counts; a subclass has `import_file`.

    It ends with status 0 when the file was imported, refused rows or not; with 1 when the file as a whole was refused.
    """

    progress_label = "导入"

    def import_file(self, *, path, dry_run, report, on_progress, **options):
        """Return the `Counts`; raise `ImportFileError` when the file as a whole can't be imported."""
        raise NotImplementedError

    def add_arguments(self, parser):
        parser.add_argument("file", help="CSV (UTF-8 or GB18030) or XLSX")
        parser.add_argument("--dry-run", action="store_true", help="check and count everything, change nothing")
        parser.add_argument("--report", metavar="FILE", help="write every refused row, with its reason, to this CSV")
        parser.add_argument("--json", action="store_true", help="end with one JSON object of the counts")

    def handle(self, *, file, **options):
        try:
            with progress_bar(self.progress_label) as on_progress:
                counts = self.import_file(path=file, on_progress=on_progress, **options)
        except ImportFileError as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(_("报告无法写入:%(reason)s") % {"reason": error.strerror}) from None
        if options["json"]:
            self.stdout.write(json.dumps(counts.as_dict()))
        else:
            self._tell(counts, options["dry_run"], options["report"])

    def _tell(self, counts, dry_run, report):
        numbers = [f"{LABELS[name]} {number}" for name, number in counts.as_dict().items()]
        self.stdout.write((_("(试运行,未写入)") if dry_run else "") + ",".join(numbers) + _(" 行"))
        if counts.refused and report:
            self.stdout.write(_("拒绝的行及原因见 %(report)s") % {"report": report})
        elif counts.refused:
            self.stdout.write(_("加上 --report 文件名 可得到拒绝的行及原因。"))


class InstitutionImportCommand(ImportCommand):
    """An import on behalf of the institution that `--institution` names; `import_file` gets it as `institution`."""

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("--institution", required=True, metavar="CODE", help="bank code, such as xfyh00001")

    def handle(self, *, institution, **options):
        row = Institution.objects.filter(bank_code=institution.strip()).first()
        if row is None:
            raise CommandError(_("没有代码为“%(code)s”的机构。") % {"code": institution[:20]})
        super().handle(institution=row, **options)


@contextlib.contextmanager
def progress_bar(label):
    """Yield a function that takes the share done; a bar on a terminal, nothing elsewhere."""
    form = "{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}"
    with tqdm(total=1.0, desc=label, bar_format=form, file=sys.stderr, disable=None) as bar:

        def move_to(share):
            bar.update(share - bar.n)

        yield move_to
