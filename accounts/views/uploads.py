"""The pages of an uploaded import: upload, progress and the institution's word, the report."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from accounts.services.uploads import cancel_upload, confirm_upload
from accounts.views.pages import page_of


def upload_page(request, form_class, template, institution, context=None):
    """Upload a file; the dry run comes first."""
    form = form_class(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid() and (job := form.save(institution=institution, by=request.user)):
        return redirect(job)
    page_obj = page_of(request, form.model.objects.filter(institution=institution))
    context = {"form": form, "institution": institution, "page_obj": page_obj} | (context or {})
    return render(request, template, context)


def job_page(request, model, pk, template, institution):
    """How far a file is: progress, what the dry run found, and the institution's word."""
    job = get_object_or_404(model, pk=pk, institution=institution)
    if request.method == "POST":
        if request.POST.get("action") == "cancel":
            cancel_upload(job=job)
        else:
            confirm_upload(job=job)
        return redirect(job)
    return render(request, "accounts/includes/import_progress.html" if request.htmx else template, {"job": job})


def job_report(model, pk, institution, name):
    """The refused rows with their reasons, as a CSV that Excel opens."""
    job = get_object_or_404(model, pk=pk, institution=institution)
    response = HttpResponse("\ufeff" + job.report, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}-{job.pk}-refused.csv"'
    return response
