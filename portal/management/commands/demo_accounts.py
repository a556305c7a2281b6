import unicodedata

from django.conf import settings
from django.core.management.base import BaseCommand

from accounts.models import User
from demo.accounts import ACCOUNTS, MARKER, PASSWORD

HEADINGS = ("角色", "账号", "密码", "在哪里", "可以试试")


class Command(BaseCommand):
    help = "List the accounts of the demonstration data and what to try with each."

    def handle(self, *args, **options):
        if settings.PRODUCTION or not User.objects.filter(username=MARKER).exists():
            self.stdout.write("There are no demo accounts here; `manage.py load_demo` makes them (development only).")
            return
        rows = [HEADINGS, *(_row(account) for account in ACCOUNTS)]
        widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = [cell + " " * (size - width(cell)) for cell, size in zip(row, widths, strict=True)]
            self.stdout.write("  ".join(cells).rstrip())


def _row(account):
    return account.role, account.username, PASSWORD, account.where, account.to_try


def width(text):
    """Columns of a terminal: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
