"""Finding what is about a cohort (年级) in lists of the admin: 2019 is in 2018—2020."""

from django.contrib import admin
from django.db.models import Max, Min
from django.utils.translation import gettext_lazy as _

from conversion.models import Cohorts, Programme
from conversion.models.cohorts import search_words


class CohortFilter(admin.SimpleListFilter):
    """Every cohort that the programmes of one's own institution hold for; for a `FoundByCohort`."""

    title = _("年级")
    parameter_name = "cohort"

    def lookups(self, request, model_admin):
        self.about = model_admin.about
        own = Programme.objects.all()
        if not request.user.belongs_to_centre:
            own = own.filter(institution=request.user.institution_id)
        ends = own.aggregate(first=Min("cohort"), last=Max("cohort_to"))
        years = range(ends["last"], ends["first"] - 1, -1) if ends["last"] else []
        return [(str(year), _("%d级") % year) for year in years]

    def queryset(self, request, queryset):
        known = dict(self.lookup_choices)
        if self.value() not in known:
            return queryset
        year = int(self.value())
        return queryset.filter(self.about(Cohorts(year, year)))


class FoundByCohort(admin.ModelAdmin):
    """`programme_path` leads from the model to its programme, with `__` behind it."""

    programme_path = ""

    def about(self, cohorts):
        """The condition that a row is about one of these cohorts."""
        return cohorts.among(self.programme_path)

    def get_search_results(self, request, queryset, search_term):
        """As ever; where cohorts are named, each word as ever or as cohorts."""
        words, repeats = search_words(search_term), False
        if not any(cohorts for _word, cohorts in words):
            return super().get_search_results(request, queryset, search_term)
        for word, cohorts in words:
            found, repeats = super().get_search_results(request, queryset, word)
            queryset = found | queryset.filter(self.about(cohorts)) if cohorts else found
        return queryset, repeats
