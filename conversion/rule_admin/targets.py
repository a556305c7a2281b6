from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.urls import path
from django.utils.translation import gettext_lazy as _

from conversion.forms.rules import CourseForm, ProgrammeForm
from conversion.models import Course, Programme
from conversion.rule_admin.cohorts import CohortFilter, FoundByCohort
from conversion.rule_admin.scope import OwnInstitution
from conversion.views.cohort_copy import cohort_copy


@admin.register(Programme)
class ProgrammeAdmin(FoundByCohort, OwnInstitution):
    form = ProgrammeForm
    fields = ["institution", "name", "cohorts", "total_credits"]
    list_display = ["name", "shown_cohorts", "institution", "total_credits"]
    list_select_related = ["institution"]
    list_filter = [CohortFilter]
    search_fields = ["name", "institution__name"]
    search_help_text = _("专业、年级或机构")
    autocomplete_fields = ["institution"]
    choices_of = {"institution": "pk"}
    change_list_template = "admin/conversion/programme/change_list.html"

    @admin.display(description=_("年级"), ordering="cohort")
    def shown_cohorts(self, programme):
        return programme.cohorts

    def get_urls(self):
        copy = self.admin_site.admin_view(self._cohort_copy)
        return [path("copy/", copy, name="conversion_programme_copy"), *super().get_urls()]

    def _cohort_copy(self, request):
        """Copying makes programmes, courses, rules and drafts: it takes the right to add each."""
        made = ["programme", "course", "conversionrule", "ruleversion"]
        if not request.user.has_perms(f"conversion.add_{name}" for name in made):
            raise PermissionDenied
        return cohort_copy(request)

    def get_readonly_fields(self, request, obj=None):
        return ["institution"] if obj else []


@admin.register(Course)
class CourseAdmin(FoundByCohort, OwnInstitution):
    form = CourseForm
    programme_path = "programme__"
    institution_path = "programme__institution_id"
    list_display = ["name", "code", "programme", "credits", "nature"]
    list_select_related = ["programme__institution"]
    list_filter = [CohortFilter, "nature"]
    search_fields = ["name", "code", "programme__name"]
    search_help_text = _("课程名称、代码、专业或年级")
    autocomplete_fields = ["programme"]
    choices_of = {"programme": "institution"}

    def get_readonly_fields(self, request, obj=None):
        return ["programme"] if obj else []
