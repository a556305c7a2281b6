from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from accounts.models import User
from conversion.models import Cohorts, Programme
from conversion.services.cohorts import CohortError, copy_cohort


class Command(BaseCommand):
    help = (
        "Copy the published rules of a programme's cohorts to others, as drafts, with programme and courses. "
        "A second run makes only what is missing; see docs/rules.md."
    )

    def add_arguments(self, parser):
        parser.add_argument("--institution", required=True, metavar="CODE", help="bank code, such as xfyh00001")
        parser.add_argument("--programme", required=True, metavar="NAME")
        parser.add_argument("--from", required=True, metavar="COHORT", dest="before", help="such as 2018 or 2018-2020")
        parser.add_argument("--to", required=True, metavar="COHORT", dest="after", help="such as 2019 or 2021-2023")
        parser.add_argument("--by", metavar="USERNAME", help="whose drafts they are; another has to publish them")
        parser.add_argument("--dry-run", action="store_true", help="tell what would be made, change nothing")

    def handle(self, *, institution, programme, before, after, by, dry_run, **options):
        before, after = _cohorts(before), _cohorts(after)
        rows = Programme.objects.filter(institution__bank_code=institution, name=programme)
        row = rows.filter(cohort=before.first, cohort_to=before.last).first()
        if row is None:
            raise CommandError(
                _("没有找到这个机构%(cohort)s级的“%(name)s”专业。") % {"cohort": before, "name": programme}
            )
        try:
            lines = copy_cohort(programme=row, to=after, by=drafter_named(by), dry_run=dry_run)
        except CohortError as error:
            raise CommandError(error.message) from None
        for line in lines:
            self.stdout.write(" ".join(filter(None, [str(line.label), line.kind, line.name, line.reason])))
        if dry_run:
            self.stdout.write(_("(试运行,未写入)"))


def _cohorts(text):
    try:
        return Cohorts.read(text)
    except ValidationError as error:
        raise CommandError(error.message) from None


def drafter_named(username):
    """The account that drafts, None without a name."""
    if not username:
        return None
    user = User.objects.filter(username=username, is_active=True, is_staff=True).first()
    if user is None:
        raise CommandError(_("没有用户名为“%s”的工作账号。") % username[:30])
    return user
