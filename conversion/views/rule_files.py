"""Import and export of rules in the admin: an institution's staff its own, the centre everybody's."""

import tempfile

from django.http import FileResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from accounts.services.uploads import cancel_upload, confirm_upload
from accounts.views.uploads import job_report
from conversion.forms.rules import RuleUploadForm
from conversion.importers.rule_columns import column_sets
from conversion.importers.rule_export import export_rules, last_versions
from conversion.models import ConversionRule, RuleImport
from conversion.views.rule_keeping import keeping_page

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
IN_MEMORY = 5 * 1024**2
JOBS_SHOWN = 20


def _jobs(user):
    jobs = RuleImport.objects.select_related("uploaded_by", "institution")
    return jobs if user.belongs_to_centre else jobs.filter(institution=user.institution_id)


def rule_upload(request):
    form = RuleUploadForm(request.POST or None, request.FILES or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        job = form.save(institution=form.cleaned_data["institution"], by=request.user)
        if job:
            return redirect(job)
    context = {"form": form, "jobs": _jobs(request.user)[:JOBS_SHOWN], "column_sets": column_sets()}
    return keeping_page(request, "ruleversion/import_list.html", _("导入规则"), **context)


def rule_job(request, pk):
    """How far a file is, what the dry run found, and the word to import it."""
    job = get_object_or_404(_jobs(request.user), pk=pk)
    if request.method == "POST":
        (cancel_upload if request.POST.get("action") == "cancel" else confirm_upload)(job=job)
        return redirect(job)
    return keeping_page(request, "ruleversion/import_detail.html", _("导入规则"), job=job)


def rule_report(request, pk):
    job = get_object_or_404(_jobs(request.user), pk=pk)
    return job_report(RuleImport, pk, job.institution, "rules")


def rules_file(rules):
    """The last versions of rules as an XLSX download."""
    file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - the response closes it
    export_rules(versions=last_versions(rules), file=file, kind="xlsx")
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename="rules.xlsx", content_type=XLSX)


def rule_export(request):
    return rules_file(ConversionRule.objects.kept_by(request.user))
