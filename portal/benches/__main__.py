"""Run one bench in a database that must be empty: `python -m portal.benches NAME OPTIONS-AS-JSON RESULT-FILE`.

`manage.py bench` starts this with a throw-away database.
"""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

import django
from django.core.management import call_command
from django.db import connection

from portal import benches


def main(name, options, result_file):
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "creditbank.settings")
    django.setup()
    if connection.introspection.table_names():
        sys.exit("This database is in use: a bench runs in an empty one only.")
    call_command("migrate", verbosity=0)
    result = benches.load(name).run(json.loads(options))
    Path(result_file).write_text(json.dumps(asdict(result)), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
