"""Import and export of the catalogue: an institution's own entries on the site, all of them in the admin."""

import tempfile

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from accounts.decorators import institution_required
from accounts.services.uploads import cancel_upload, confirm_upload
from accounts.views.uploads import job_page, job_report, upload_page
from achievements.forms.entries import CatalogueUploadForm
from achievements.importers.catalogue_columns import COLUMNS
from achievements.importers.catalogue_export import ExportError, export_catalogue
from achievements.models import CatalogueEntry, CatalogueImport

TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
IN_MEMORY = 5 * 1024**2
JOBS_SHOWN = 20


def catalogue_file(entries, kind):
    """Entries as a download; raises `ExportError`."""
    file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - the response closes it
    export_catalogue(entries=entries, file=file, kind=kind)
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=f"catalogue.{kind}", content_type=TYPES[kind])


# An institution's pages ------------------------------------------------------------------------------------------


@institution_required
def import_upload(request, institution):
    return upload_page(request, CatalogueUploadForm, "achievements/catalogueimport_list.html", institution)


@institution_required
def import_job(request, pk, institution):
    return job_page(request, CatalogueImport, pk, "achievements/catalogueimport_detail.html", institution)


@institution_required
def import_report(request, pk, institution):
    return job_report(CatalogueImport, pk, institution, "catalogue")


@institution_required
def own_entries_export(request, kind, institution):
    if kind not in TYPES:
        raise Http404
    try:
        return catalogue_file(CatalogueEntry.objects.filter(institution=institution), kind)
    except ExportError as error:
        return render(request, "achievements/catalogue_not_exported.html", {"reason": str(error)}, status=409)


# The admin -------------------------------------------------------------------------------------------------------


def for_centre(view):
    """Importing is adding and changing: both rights, and staff of the centre."""

    def guarded(request, *args, **kwargs):
        rights = ["achievements.add_catalogueentry", "achievements.change_catalogueentry"]
        if not (request.user.belongs_to_centre and request.user.has_perms(rights)):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded


def _admin_page(request, template, **context):
    shared = {**admin.site.each_context(request), "opts": CatalogueEntry._meta, "title": _("导入名录成果")}
    return render(request, f"admin/achievements/catalogueentry/{template}", shared | context)


def admin_upload(request):
    form = CatalogueUploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid() and (job := form.save(institution=None, by=request.user)):
        return redirect(job)
    jobs = CatalogueImport.objects.filter(institution=None).select_related("uploaded_by")[:JOBS_SHOWN]
    return _admin_page(request, "import_list.html", form=form, jobs=jobs, columns=COLUMNS)


def admin_job(request, pk):
    job = get_object_or_404(CatalogueImport, pk=pk, institution=None)
    if request.method == "POST":
        (cancel_upload if request.POST.get("action") == "cancel" else confirm_upload)(job=job)
        return redirect(job)
    return _admin_page(request, "import_detail.html", job=job)


def admin_report(request, pk):
    return job_report(CatalogueImport, pk, None, "catalogue")
