"""Public pages of 标准体系: the qualifications framework and the industry standards."""

from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.views.pages import page_of
from achievements.forms.standards import LevelComparisonForm, StandardSearchForm
from achievements.models import FrameworkVersion, IndustryStandard


@require_safe
def framework(request, pk=None):
    """The levels of the version in force, or of an older one; `?first=3&second=4` puts two side by side."""
    versions = list(FrameworkVersion.objects.order_by("-is_current", "-pk"))
    chosen = FrameworkVersion.objects.filter(pk=pk) if pk else FrameworkVersion.objects.filter(is_current=True)
    version = get_object_or_404(chosen.prefetch_related("levels")) if pk else chosen.prefetch_related("levels").first()
    levels = list(version.levels.all()) if version else []
    is_asked = {"first", "second"} & set(request.GET)
    form = LevelComparisonForm(request.GET if is_asked else None, levels=levels)
    context = {"version": version, "versions": versions, "levels": levels, "form": form, "compared": form.compared()}
    return render(request, "achievements/framework_detail.html", context)


@require_safe
def standards(request):
    form = StandardSearchForm(request.GET)
    page_obj = page_of(request, form.standards())
    context = {"form": form, "page_obj": page_obj, "terms": form.terms, "industries": IndustryStandard.industries()}
    return render(request, "achievements/industrystandard_list.html", context)
