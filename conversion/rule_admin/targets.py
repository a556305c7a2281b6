from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from conversion.models import Course, Programme
from conversion.rule_admin.scope import OwnInstitution


@admin.register(Programme)
class ProgrammeAdmin(OwnInstitution):
    list_display = ["name", "cohort", "institution", "total_credits"]
    list_select_related = ["institution"]
    search_fields = ["name", "cohort", "institution__name"]
    autocomplete_fields = ["institution"]
    choices_of = {"institution": "pk"}

    def get_readonly_fields(self, request, obj=None):
        return ["institution"] if obj else []


@admin.register(Course)
class CourseAdmin(OwnInstitution):
    institution_path = "programme__institution_id"
    list_display = ["name", "code", "programme", "credits", "nature"]
    list_select_related = ["programme__institution"]
    list_filter = ["nature"]
    search_fields = ["name", "code", "programme__name", "programme__cohort"]
    search_help_text = _("课程名称、代码、专业或年级")
    autocomplete_fields = ["programme"]
    choices_of = {"programme": "institution"}

    def get_readonly_fields(self, request, obj=None):
        return ["programme"] if obj else []
