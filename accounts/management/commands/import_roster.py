import contextlib
import json
import sys

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from tqdm import tqdm

from accounts.importers.roster import RosterFileError, import_roster
from accounts.models import Institution

LABELS = {"created": "新建", "updated": "更新", "unchanged": "不变", "refused": "拒绝", "rows": "共"}


class Command(BaseCommand):
    help = (
        "Import an institution's roster (CSV or XLSX). Refused rows don't stop the others; see docs/roster-import.md."
    )

    def add_arguments(self, parser):
        parser.add_argument("file", help="CSV (UTF-8 or GB18030) or XLSX")
        parser.add_argument("--institution", required=True, metavar="CODE", help="bank code, such as xfyh00001")
        parser.add_argument("--dry-run", action="store_true", help="check and count everything, change nothing")
        parser.add_argument("--report", metavar="FILE", help="write every refused row, with its reason, to this CSV")
        parser.add_argument("--json", action="store_true", help="end with one JSON object of the counts")

    def handle(self, *, file, institution, dry_run, report, **options):
        try:
            with _progress_bar() as on_progress:
                counts = import_roster(
                    path=file,
                    institution=_institution(institution),
                    dry_run=dry_run,
                    report=report,
                    on_progress=on_progress,
                )
        except RosterFileError as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(_("报告无法写入:%(reason)s") % {"reason": error.strerror}) from None
        if not options["json"]:
            self._tell(counts, dry_run, report)
        else:
            self.stdout.write(json.dumps(counts.as_dict()))

    def _tell(self, counts, dry_run, report):
        numbers = [f"{LABELS[name]} {number}" for name, number in counts.as_dict().items()]
        self.stdout.write((_("(试运行,未写入)") if dry_run else "") + ",".join(numbers) + _(" 行"))
        if counts.refused and report:
            self.stdout.write(_("拒绝的行及原因见 %(report)s") % {"report": report})
        elif counts.refused:
            self.stdout.write(_("加上 --report 文件名 可得到拒绝的行及原因。"))


def _institution(code):
    institution = Institution.objects.filter(bank_code=code.strip()).first()
    if institution is None:
        raise RosterFileError(_("没有代码为“%(code)s”的机构。"), code=code[:20])
    return institution


@contextlib.contextmanager
def _progress_bar():
    """Yield a function that takes the share done; a bar on a terminal, nothing elsewhere."""
    form = "{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}"
    with tqdm(total=1.0, desc=_("导入名册"), bar_format=form, file=sys.stderr, disable=None) as bar:

        def move_to(share):
            bar.update(share - bar.n)

        yield move_to
