import csv
import io
import json
from itertools import product
from pathlib import Path

from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import transaction

from achievements.models import AchievementType, TypeField, TypeMaterial
from conversion.models import ReasonCode, ReviewStage
from conversion.models.application import Kind, Step
from conversion.services.calendar import load_calendar
from conversion.stages import default_stage

DATA = Path(__file__).resolve().parents[2] / "data"
REASON_USES = ["refusal", "return", "revocation", "met_rule"]
LABELS = ["name_label", "body_label", "number_label", "obtained_label"]


class Command(BaseCommand):
    help = (
        "Load what every installation starts with: regions, achievement types, review reasons, stages and calendar, "
        "and staff groups. "
        "Adds what is missing; what operators have changed stays."
    )

    @transaction.atomic
    def handle(self, *args, **options):
        quiet = io.StringIO()
        call_command("load_regions", stdout=self.stdout if options["verbosity"] else quiet)
        types, type_items = load_types()
        counts = {
            "types": types,
            "fields and materials of types": type_items,
            "reasons": load_reasons(),
            "review stages": load_stages(),
            "calendar days": load_calendar(),
            "groups": load_groups(),
        }
        if options["verbosity"]:
            added = ", ".join(f"{count} {what}" for what, count in counts.items())
            self.stdout.write(f"Reference data: {added} added.")


def read_json(name):
    return json.loads((DATA / name).read_text(encoding="utf-8"))


def load_types():
    """Add the types of achievement_types.json that are missing, and to known ones what a newer release asks for.

    Returns how many types, and how many extra fields and materials, new types' included.
    """
    types = items = 0
    for row, position, parent_code in _type_rows():
        type_, created = _add_type(row, position, parent_code)
        types, items = types + created, items + _add_items(type_, row)
    return types, items


def _type_rows():
    for position, row in enumerate(read_json("achievement_types.json"), 1):
        yield row, position, None
        yield from ((child, position * 100 + place, row["code"]) for place, child in enumerate(row["children"], 1))


def _add_type(row, position, parent_code):
    labels = dict(zip(LABELS, row.get("labels", []), strict=False))
    defaults = {"name": row["name"], "position": position, **labels}
    defaults["is_performance"] = row.get("performance", False)
    if known := AchievementType.objects.filter(code=row["code"]).first():
        return known, False
    parent = AchievementType.objects.get(code=parent_code) if parent_code else None
    return AchievementType.objects.create(code=row["code"], parent=parent, **defaults), True


def _add_items(type_, row):
    """Add the fields and materials that this type never had; return how many.

    What an operator renamed, stopped or deleted since it was brought stays so (`AchievementType.brought`).
    """
    fields = [_type_field(type_, field, place) for place, field in enumerate(row.get("fields", []), 1)]
    materials = [_material(type_, material, place) for place, material in enumerate(row.get("materials", []), 1)]
    offered = [field.key for field in fields] + [material.label for material in materials]
    if set(offered) <= set(type_.brought):
        return 0
    kept = {*type_.brought, *_held(type_)}
    fields = [field for field in fields if field.key not in kept and not _second_event(type_, field)]
    materials = [material for material in materials if material.label not in kept]
    TypeField.objects.bulk_create(fields)
    TypeMaterial.objects.bulk_create(materials)
    type_.brought = list(dict.fromkeys([*type_.brought, *offered]))
    type_.save(update_fields=["brought"])
    return len(fields) + len(materials)


def _held(type_):
    yield from type_.extra_fields.values_list("key", flat=True)
    yield from type_.materials.values_list("label", flat=True)


def _second_event(type_, field):
    """Whether an operator has already given the type a field that names its events."""
    return field.names_event and type_.extra_fields.filter(names_event=True).exists()


def _type_field(type_, field, position):
    choices = field.get("choices", [])
    return TypeField(
        type=type_,
        key=field["key"],
        label=field["label"],
        kind=field.get("kind", TypeField.Kind.CHOICE if choices else TypeField.Kind.TEXT),
        choices="\n".join(choices),
        required=field.get("required", True),
        hint=field.get("hint", ""),
        minimum=field.get("min"),
        maximum=field.get("max"),
        decimals=field.get("decimals", 0),
        not_before=field.get("not_before", ""),
        names_event=field.get("event", False),
        position=position,
    )


def _material(type_, material, position):
    return TypeMaterial(
        type=type_,
        label=material["label"],
        hint=material.get("hint", ""),
        is_required=material.get("required", True),
        position=position,
    )


def load_reasons():
    added = 0
    with (DATA / "reason_codes.csv").open(encoding="utf-8", newline="") as lines:
        for position, row in enumerate(csv.DictReader(lines), 1):
            uses = {f"for_{use}": use in row["uses"].split() for use in REASON_USES}
            defaults = {"text": row["text"], "position": position, **uses}
            added += ReasonCode.objects.get_or_create(code=row["code"], defaults=defaults)[1]
    return added


def load_stages():
    """Add the review stages that are missing, as `conversion.stages` has them without a row."""
    known = set(ReviewStage.objects.values_list("kind", "step"))
    missing = [
        default_stage(kind, step) for kind, step in product(Kind.values, Step.values) if (kind, step) not in known
    ]
    return len(ReviewStage.objects.bulk_create(missing))


def load_groups():
    """Add missing groups, and to known ones the rights that a newer release brings; none is ever taken away."""
    added = 0
    rights = {(p.content_type.app_label, p.codename): p for p in Permission.objects.select_related("content_type")}
    for name, models in read_json("groups.json").items():
        group, created = Group.objects.get_or_create(name=name)
        group.permissions.add(*(rights[key] for key in _codenames(models)))
        added += created
    return added


def _codenames(models):
    for label, actions in models.items():
        app, model = label.split(".")
        yield from ((app, f"{action}_{model}") for action in actions)
