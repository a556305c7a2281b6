from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from accounts.models import User
from demo import content
from demo.accounts import MARKER
from demo.achievements import create_achievements
from demo.cases import create_cases
from demo.changes import create_changes
from demo.keeping import draft_stricter_version
from demo.people import create_institution_accounts, create_learners, create_staff
from demo.rulebook import create_rules


class Command(BaseCommand):
    help = "Fill a development installation with made-up people, institutions, rules and applications, once."

    def handle(self, *args, **options):
        if settings.PRODUCTION:
            raise CommandError("Demonstration data is never loaded in production.")
        loaded = User.objects.filter(username=MARKER).exists()
        if not loaded:
            load(options["verbosity"])
        if options["verbosity"]:
            self.stdout.write("Demo data was there already." if loaded else "Demo data loaded.")


@transaction.atomic
def load(verbosity):
    """Load everything or nothing."""
    call_command("load_reference", verbosity=verbosity)
    institutions = content.create_institutions()
    staff = create_staff(institutions)
    content.create_framework()
    content.create_standards()
    content.create_articles(by=staff["guanli1"])
    entries = content.create_catalogue(institutions)
    create_rules(institutions, entries, drafted_by=staff["guanli1"], published_by=staff["guanli2"])
    draft_stricter_version(by=staff["guize1"])
    learners = create_learners()
    content.create_questions(asked_by=learners["xiaofang"])
    achievements = create_achievements(learners, entries)
    create_cases(learners, staff, achievements, institutions["centre"])
    create_changes(learners, achievements)
    (clerk,) = create_institution_accounts(institutions)
    content.create_own_entries(by=clerk, operator=staff["guanli1"])
    with connection.cursor() as cursor:
        # Thousands of rows at once: until autovacuum came round, the planner would go by near-empty tables.
        cursor.execute("ANALYZE")
