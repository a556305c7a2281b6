from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils import timezone

from accounts.code_tables import region_rows
from accounts.models import Region

FIELDS = ["name", "parent_id", "level", "valid_from", "valid_to"]


class Command(BaseCommand):
    help = (
        "Load the GB/T 2260 regions of accounts/data/regions.csv; codes that vanished from it are closed, not deleted."
    )

    def handle(self, *args, **options):
        with transaction.atomic():
            known = {region.code: region for region in Region.objects.select_for_update()}
            wanted = {row.code: _region(row) for row in region_rows()}
            counts = self.write(known, wanted), self.close(known.keys() - wanted.keys())
        (created, updated, unchanged), closed = counts
        self.stdout.write(f"Regions: {created} created, {updated} updated, {unchanged} unchanged, {closed} closed.")

    def write(self, known, wanted):
        """Insert new rows and bring changed ones in line; return how many were created, updated, left alone."""
        new = wanted.keys() - known.keys()
        changed = {code for code in wanted.keys() & known.keys() if _values(wanted[code]) != _values(known[code])}
        Region.objects.bulk_create(
            (region for code, region in wanted.items() if code in new | changed),
            update_conflicts=True,
            unique_fields=["code"],
            update_fields=[field.removesuffix("_id") for field in FIELDS],
        )
        return len(new), len(changed), len(wanted) - len(new) - len(changed)

    def close(self, vanished):
        still_open = Region.objects.filter(code__in=vanished, valid_to=None)
        return still_open.update(valid_to=timezone.localdate())


def _region(row):
    return Region(
        code=row.code,
        name=row.name,
        parent_id=row.parent,
        level=row.level,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
    )


def _values(region):
    return [getattr(region, field) for field in FIELDS]
