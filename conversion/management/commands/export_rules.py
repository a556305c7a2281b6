from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from accounts.models import Institution
from conversion.importers.rule_export import export_rules, last_versions
from conversion.models import ConversionRule


class Command(BaseCommand):
    help = "Export an institution's conversion rules to FILE.csv or FILE.xlsx; import_rules takes it back unchanged."

    def add_arguments(self, parser):
        parser.add_argument("file", help="its name ends in .csv or .xlsx")
        parser.add_argument("--institution", required=True, metavar="CODE", help="bank code, such as xfyh00001")

    def handle(self, *, file, institution, **options):
        kind = Path(file).suffix.lower().removeprefix(".")
        if kind not in {"csv", "xlsx"}:
            raise CommandError(_("文件名应以 .csv 或 .xlsx 结尾。"))
        row = Institution.objects.filter(bank_code=institution).first()
        if row is None:
            raise CommandError(_("没有代码为“%(code)s”的机构。") % {"code": institution[:20]})
        versions = last_versions(ConversionRule.objects.filter(institution=row))
        try:
            with open(file, "wb") as out:
                count = export_rules(versions=versions, file=out, kind=kind)
        except OSError as error:
            raise CommandError(_("文件无法写入:%s") % error.strerror) from None
        self.stdout.write(_("已导出 %s 条规则。") % count)
