import json
import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from portal import benches
from portal.management.commands.demo_accounts import width

# What would lead a bench to servers or files that somebody uses.
FOREIGN = {"DATABASE_URL", "REDIS_URL", "TEST_DATABASE_URL", "TEST_REDIS_URL", "MEDIA_ROOT", "LEDGER_ROOT_DIR"}


class Command(BaseCommand):
    help = "Measure the portal in a throw-away database of its own; without NAME, list the benches."

    def add_arguments(self, parser):
        names = parser.add_subparsers(dest="bench", metavar="NAME")
        for name in benches.NAMES:
            bench = benches.load(name)
            own = names.add_parser(name, help=bench.HELP, description=bench.HELP)
            own.add_argument("--json", action="store_true", help="end with one JSON object on a line of its own")
            bench.add_arguments(own)

    def handle(self, *args, bench=None, json=False, **options):
        if bench is None:
            for name in benches.NAMES:
                self.stdout.write(f"{name}  {benches.load(name).HELP}")
            return
        result = measure(bench, options)
        self.stdout.write(as_table(result["rows"]))
        if json:
            self.stdout.write(as_json(bench, result))


def measure(bench, options):
    """Run a bench in a process with its own PostgreSQL, Valkey, files and secrets; return its result as a dict."""
    with tempfile.TemporaryDirectory(prefix="creditbank-bench-") as folder:
        result_file = Path(folder) / "result.json"
        environment = {name: value for name, value in os.environ.items() if name not in FOREIGN}
        keys = {name: secrets.token_hex(32) for name in ("SECRET_KEY", "DIGEST_KEY", "PERSONAL_DATA_KEYS")}
        keys["SIGNING_KEY"] = secrets.token_urlsafe(32)
        environment |= keys | {
            "CREDITBANK_ENV": "development",
            "DEBUG": "0",
            "MEDIA_ROOT": str(Path(folder) / "files"),
            "LEDGER_ROOT_DIR": str(Path(folder) / "roots"),
        }
        command = [sys.executable, "-m", "creditbank.testing"]
        command += [sys.executable, "-m", "portal.benches", bench, json.dumps(options, default=str), result_file]
        done = subprocess.run(command, env=environment, cwd=settings.BASE_DIR)  # noqa: S603 - our own command
        if done.returncode:
            raise CommandError(f"The bench {bench} failed: its messages are above.")
        return json.loads(result_file.read_text(encoding="utf-8"))


def as_json(bench, result):
    return json.dumps({"bench": bench, "ratios": result["ratios"], "figures": result["figures"]}, ensure_ascii=False)


def as_table(rows):
    """Align columns: words to the left, numbers to the right."""
    texts = [[_cell(value) for value in row] for row in rows]
    widths = [max(map(width, column)) for column in zip(*texts, strict=True)]
    lines = [zip(row, cells, widths, strict=True) for row, cells in zip(rows, texts, strict=True)]
    return "\n".join("  ".join(_aligned(*cell) for cell in line).rstrip() for line in lines)


def _cell(value):
    return "" if value is None else f"{value:,.2f}" if isinstance(value, float) else str(value)


def _aligned(value, text, size):
    padding = " " * (size - width(text))
    return padding + text if isinstance(value, (int, float)) else text + padding
