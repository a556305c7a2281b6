"""Keeping the qualifications framework."""

from django.db import transaction

from achievements.models import FrameworkVersion


@transaction.atomic
def put_in_force(*, version):
    """Save a version as the one in force; the one that was makes room."""
    versions = FrameworkVersion.objects.select_for_update().order_by("pk")
    list(versions)  # two at once wait for each other
    FrameworkVersion.objects.filter(is_current=True).exclude(pk=version.pk).update(is_current=False)
    version.is_current = True
    version.save()
