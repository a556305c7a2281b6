"""The benches of `manage.py bench`: every speed and memory figure that the project gives comes from one of them.

A bench is a module of this package, named like the bench, with
- `HELP`, one line;
- `add_arguments(parser)` for options of its own;
- `run(options)`, which returns a `Result`. It finds an empty, migrated database of its own (and queue, and
  `MEDIA_ROOT`), in a process of its own; progress goes to stderr, stdout belongs to the result.
"""

from dataclasses import dataclass, field
from importlib import import_module

NAMES = ("catalogue", "desk", "journey", "ledger", "pages", "roster", "rules")


@dataclass(frozen=True)
class Result:
    """Ratios hold on any machine, figures on this one; `rows` is the table for people, headings first."""

    ratios: dict[str, float]
    figures: dict
    rows: list[list] = field(default_factory=list)


def load(name):
    return import_module(f"portal.benches.{name}")
