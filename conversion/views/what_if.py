"""规则查询 without an account: by certificates, and by course. Everything that was asked stands in the address."""

from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.views.pages import page_of
from conversion import what_if
from conversion.forms.search import CourseSearchForm, WhatIfForm
from conversion.models import Course, RuleVersion


@require_safe
def what_if_rules(request):
    """我的证书能转换什么: chosen entries with score and date, and what each rule says to them."""
    form = WhatIfForm(request.GET)
    achievements = form.achievements()
    context = {"form": form, "achievements": achievements, "hits": form.hits(), "terms": form.terms}
    if achievements:
        page_obj = page_of(request, form.versions(achievements), size=20)
        page_obj.object_list = what_if.prospects(page_obj.object_list, achievements)
        context |= {"page_obj": page_obj, "open_count": what_if.open_rules(achievements).count()}
        context["lower_levels"] = [(found, _with_entry(request, found.lower)) for found in _lower_levels(form)]
    return render(request, "conversion/what_if.html", context)


def _lower_levels(form):
    return [] if form.is_full else what_if.lower_levels(form.entries)


def _with_entry(request, entry):
    """The present question with one more certificate, as a query string."""
    asked = request.GET.copy()
    asked.pop("page", None)
    asked.appendlist("entry", entry.pk)
    return asked.urlencode()


@require_safe
def course_list(request):
    form = CourseSearchForm(request.GET)
    return render(request, "conversion/course_list.html", {"form": form, "page_obj": page_of(request, form.courses())})


@require_safe
def course_rules(request, pk):
    """这门课可以用什么成果转换: every rule in force that fills a course, with all that it asks for."""
    course = get_object_or_404(Course.objects.select_related("programme__institution"), pk=pk)
    versions = (
        RuleVersion.objects.in_force().filter(course=course).with_target().with_sources().order_by("rule__title")
    )
    versions = versions.select_related("achievement_type").prefetch_related("criteria__tests__field")
    return render(request, "conversion/course_rules.html", {"course": course, "page_obj": page_of(request, versions)})
