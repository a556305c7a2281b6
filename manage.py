#!/usr/bin/env python
"""Django's command-line utility."""

import os
import sys


def main():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "creditbank.settings")
    try:
        from django.core.management import execute_from_command_line

        from creditbank.local_services import LocalServicesError
    except ModuleNotFoundError as error:
        sys.exit(f"The package {error.name} is missing: run `make install`, then use .venv/bin/python manage.py.")
    try:
        execute_from_command_line(sys.argv)
    except LocalServicesError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
