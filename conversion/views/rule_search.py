from django.db.models import Case, Q, Value, When
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.views.pages import page_of
from conversion import rules
from conversion.forms.search import RuleFilterForm
from conversion.models import RuleVersion


@require_safe
def rule_list(request):
    """规则查询: open to all."""
    form = RuleFilterForm(request.GET)
    versions = form.apply(RuleVersion.objects.in_force().with_target().with_sources())
    page_obj = page_of(request, versions.order_by(*rules.BY_TARGET))
    return render(request, "conversion/conversionrule_list.html", {"form": form, "page_obj": page_obj})


def _public_versions(pk):
    """What was ever published of a rule, the version that counts first: an earlier one may be back in force."""
    versions = RuleVersion.objects.exclude(status=RuleVersion.Status.DRAFT).filter(rule=pk)
    versions = versions.with_target().with_sources().select_related("achievement_type")
    place = Case(When(status=RuleVersion.Status.PUBLISHED, then=Value(0)), default=Value(1))
    return versions.prefetch_related("criteria__tests__field").order_by(place, "-number")


@require_safe
def rule_detail(request, pk):
    versions = _public_versions(pk)
    version = get_object_or_404(versions[:1])
    former = RuleVersion.objects.filter(rule=pk).exclude(Q(status=RuleVersion.Status.DRAFT) | Q(pk=version.pk))
    is_open = RuleVersion.objects.in_force().filter(pk=version.pk).exists()
    caps = rules.cap_words(version, rules.caps_of([version], timezone.localdate()))
    context = {"version": version, "former": former.order_by("-number"), "is_open": is_open, "caps": caps}
    return render(request, "conversion/conversionrule_detail.html", context)


@require_safe
def rule_changes(request, pk, number):
    """What the rule says now that version `number` doesn't."""
    versions = _public_versions(pk)
    after = get_object_or_404(versions[:1])
    before = get_object_or_404(versions.filter(number=number).exclude(pk=after.pk))
    context = {"version": after, "before": before, "changes": rules.differences(before, after)}
    return render(request, "conversion/conversionrule_changes.html", context)
