import json

from django.core.management.base import BaseCommand, CommandError

from conversion.ledger_check import differences, snapshot, unsealed_days


class Command(BaseCommand):
    help = "Recompute records, ledger, certificates and daily roots; name every difference and fail when there is one."

    def add_arguments(self, parser):
        parser.add_argument("--json", action="store_true", help="print one JSON object per line; the last is the sum")

    def handle(self, *args, json=False, **options):
        counts, found = {}, 0
        with snapshot():
            for difference in differences(counts):
                found += 1
                self.stdout.write(as_json(difference._asdict()) if json else as_text(difference))
            unsealed = unsealed_days()
        total = {"ok": not found, "differences": found, "checked": counts}
        self.stdout.write(as_json(total) if json else summary(total))
        if unsealed:
            self.stderr.write(note_of(unsealed))
        if found:
            raise CommandError(f"The ledger differs in {found} place{'s' if found > 1 else ''}.", returncode=1)


def note_of(unsealed):
    """No difference, but nothing of these days is found that was taken back everywhere at once."""
    days = f"{unsealed[0]}" if len(unsealed) == 1 else f"{len(unsealed)} days since {unsealed[0]}"
    return f"Note: {days} without a daily root. Does Beat run? `export_ledger_root` makes what is missing."


def as_json(value):
    return json.dumps(value, ensure_ascii=False)


def as_text(difference):
    return f"{difference.check}: {difference.subject}: {difference.detail}"


def summary(total):
    checked = ", ".join(f"{count} {name}" for name, count in total["checked"].items())
    return f"Checked {checked}: {total['differences'] or 'no'} differences."
