"""Public pages of 标准体系: the qualifications framework and the industry standards."""

from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.views.pages import page_of
from achievements.forms.standards import StandardSearchForm
from achievements.models import FrameworkVersion


@require_GET
def framework(request):
    version = FrameworkVersion.objects.filter(is_current=True).prefetch_related("levels").first()
    return render(request, "achievements/framework_detail.html", {"version": version})


@require_GET
def standards(request):
    form = StandardSearchForm(request.GET)
    page_obj = page_of(request, form.standards())
    return render(request, "achievements/industrystandard_list.html", {"form": form, "page_obj": page_obj})
