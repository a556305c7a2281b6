"""成果导入: what an institution's learners have achieved, uploaded by the institution."""

from django.utils import timezone

from accounts.decorators import institution_required
from accounts.views.uploads import job_page, job_report, upload_page
from achievements.forms.imports import AchievementUploadForm
from achievements.importers.achievements import achievement_columns
from achievements.models import AchievementImport


@institution_required
def achievement_upload(request, institution):
    columns = achievement_columns(today=timezone.localdate())
    template = "achievements/achievementimport_list.html"
    return upload_page(request, AchievementUploadForm, template, institution, {"columns": columns})


@institution_required
def achievement_import(request, pk, institution):
    return job_page(request, AchievementImport, pk, "achievements/achievementimport_detail.html", institution)


@institution_required
def achievement_report(request, pk, institution):
    return job_report(AchievementImport, pk, institution, "achievements")
