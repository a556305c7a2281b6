"""名册导入: the roster of an institution, uploaded by itself."""

from accounts.decorators import institution_required
from accounts.forms.uploads import RosterUploadForm
from accounts.models import RosterImport
from accounts.views.uploads import job_page, job_report, upload_page


@institution_required
def roster_upload(request, institution):
    return upload_page(request, RosterUploadForm, "accounts/rosterimport_list.html", institution)


@institution_required
def roster_import(request, pk, institution):
    return job_page(request, RosterImport, pk, "accounts/rosterimport_detail.html", institution)


@institution_required
def roster_report(request, pk, institution):
    return job_report(RosterImport, pk, institution, "roster")
