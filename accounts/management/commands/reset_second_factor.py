from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from accounts.services.second_factor import reset_second_factor


class Command(BaseCommand):
    help = "Let an account set up its second factor anew: for the last administrator, whom no colleague can help."

    def add_arguments(self, parser):
        parser.add_argument("username")

    def handle(self, *, username, **options):
        user = User.objects.filter(username__iexact=username).first()
        if user is None or not reset_second_factor(user=user):
            raise CommandError(f"{username} has no second factor.")
        self.stdout.write(f"{user.username} sets up a second factor at the next sign-in.")
