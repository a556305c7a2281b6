"""People who keep rules, and forms as the admin's pages send them."""

import csv
import datetime as dt
import json
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.db.models import Q
from django.urls import reverse

from accounts.models import User
from achievements.models import AchievementType
from conversion.importers.rules import import_rules
from conversion.models import ConversionRule, CriteriaRow, CriteriaTest, RuleExample, RuleExampleItem
from conversion.tests.scene import make_institution, make_version, numbers

GROUPS = json.loads((Path(settings.BASE_DIR) / "portal/data/groups.json").read_text(encoding="utf-8"))


def make_keeper(institution=None, group=None):
    """Somebody with the rights of 机构规则管理员, or at the centre those of 运营管理员."""
    group = group or ("机构规则管理员" if institution else "运营管理员")
    number = next(numbers)
    user = User.objects.create(
        username=f"keeper{number}", name=f"规则员{number}", institution=institution, is_staff=True, password="!"
    )
    wanted = Q()
    for model, names in GROUPS[group].items():
        app, name = model.split(".")
        codes = [f"{verb}_{name}" for verb in names]
        wanted |= Q(content_type__app_label=app, codename__in=codes)
    user.user_permissions.set(Permission.objects.filter(wanted))
    return user


def formset(prefix, rows=(), initial=0):
    """The fields of an inline: its management form and its rows."""
    data = {f"{prefix}-TOTAL_FORMS": len(rows), f"{prefix}-INITIAL_FORMS": initial}
    for n, row in enumerate(rows):
        data |= {f"{prefix}-{n}-{name}": value for name, value in row.items()}
    return data


def page(version, name="change", **kwargs):
    return reverse(f"admin:conversion_ruleversion_{name}", kwargs={"pk": version.pk} | kwargs)


def change_page(version):
    return reverse("admin:conversion_ruleversion_change", args=[version.pk])


def add_example(version, entry, *, score, should_match=True, name="例"):
    example = RuleExample.objects.create(version=version, name=name, should_match=should_match)
    RuleExampleItem.objects.create(example=example, entry=entry, score=score, obtained_on=dt.date(2024, 6, 1))
    return example


def make_table_draft():
    """A draft of a performance rule for competitions, without lines."""
    call_command("load_reference", verbosity=0)
    type_ = AchievementType.objects.get(code="performance-competition")
    version = make_version(
        make_institution(), [], publish=False, achievement_type=type_, valid_from=dt.date(2024, 1, 1)
    )
    ConversionRule.objects.filter(pk=version.rule_id).update(kind="performance")
    version.refresh_from_db()
    return version


def field_of(draft, key):
    return draft.achievement_type.extra_fields.get(key=key)


def add_row(draft, credits, **tests):
    """A row whose tests are {key: value, or (min, max)}."""
    row = CriteriaRow.objects.create(version=draft, position=draft.criteria.count() + 1, credits=credits)
    for key, asked in tests.items():
        low, high = (None, None) if isinstance(asked, str) else asked
        value = asked if isinstance(asked, str) else ""
        CriteriaTest.objects.create(row=row, field=field_of(draft, key), value=value, min_number=low, max_number=high)
    return row


def write_rows(rows, folder, **options):
    """Import rows of cells by heading; return (counts, [(line, column, reason)…])."""
    path, report = folder / "rules.csv", folder / "report.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)))
        writer.writeheader()
        writer.writerows(rows)
    counts = import_rules(path=path, report=report, **options)
    with report.open(encoding="utf-8-sig", newline="") as file:
        return counts, [(int(line), column, reason) for line, column, _content, reason in list(csv.reader(file))[1:]]
