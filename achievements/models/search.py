from django.contrib.postgres.fields import DateRangeField
from django.db import models
from django.utils.translation import gettext_lazy as _


class CatalogueText(models.Model):
    """What an entry is found by. Triggers keep it (migration 0003); only `achievements.search` reads it.

    Each text is folded (width, case, blanks) and stands between line feeds; `names` has a line per name of the entry.
    Indexes that only SQL can spell hold their characters and pairs: `catalogue_by_grams_…`.
    """

    entry = models.OneToOneField(
        "achievements.CatalogueEntry", models.CASCADE, primary_key=True, related_name="text", db_constraint=False
    )
    project = models.TextField()
    names = models.TextField()
    institution = models.TextField()
    is_public = models.BooleanField()
    choosable = DateRangeField()  # the days on which the entry is valid; empty if it is stopped

    class Meta:
        verbose_name = verbose_name_plural = _("名录成果检索文本")

    def __str__(self):
        return self.names.strip()
