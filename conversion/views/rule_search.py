from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from accounts.views.pages import page_of
from conversion import rules
from conversion.forms import RuleFilterForm
from conversion.models import RuleVersion


@require_GET
def rule_list(request):
    """规则查询: open to all."""
    form = RuleFilterForm(request.GET)
    versions = form.apply(RuleVersion.objects.in_force().with_target().with_sources())
    page_obj = page_of(request, versions.order_by(*rules.BY_TARGET))
    return render(request, "conversion/conversionrule_list.html", {"form": form, "page_obj": page_obj})


@require_GET
def rule_detail(request, pk):
    versions = RuleVersion.objects.exclude(status=RuleVersion.Status.DRAFT).with_target().with_sources()
    version = get_object_or_404(versions.filter(rule=pk).order_by("-number")[:1])
    return render(request, "conversion/conversionrule_detail.html", {"version": version})
