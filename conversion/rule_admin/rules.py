from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _

from conversion.models import ConversionRule, RuleVersion
from conversion.rule_admin.cohorts import CohortFilter, FoundByCohort
from conversion.rule_admin.scope import OwnInstitution
from conversion.views import rule_files
from vault.bounded_rows import BoundedRowsMixin


def _with_rights(view, rights):
    """`admin_view` checks for active staff only."""

    def guarded(request, *args, **kwargs):
        if not request.user.has_perms(rights):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded


class RuleVersionInline(BoundedRowsMixin, admin.StackedInline):
    model = RuleVersion
    extra = 0
    show_change_link = True
    fields = ["number", "status", "course", "outcome", "credits", "valid_from", "valid_to"]
    readonly_fields = fields
    can_delete = False

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("rule", "course__programme__institution")

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False


@admin.register(ConversionRule)
class ConversionRuleAdmin(FoundByCohort, OwnInstitution):
    list_display = ["code", "title", "institution", "kind"]
    list_select_related = ["institution"]
    list_filter = ["kind", CohortFilter]
    search_fields = ["code", "title"]
    search_help_text = _("规则编号、名称或年级")
    autocomplete_fields = ["institution"]
    choices_of = {"institution": "pk"}
    inlines = [RuleVersionInline]
    change_form_template = "admin/conversion/conversionrule/change_form.html"
    change_list_template = "admin/conversion/conversionrule/change_list.html"
    actions = ["export_xlsx"]

    def about(self, cohorts):
        """A rule has several versions, and stands in the list once."""
        versions = RuleVersion.objects.filter(cohorts.among("course__programme__"))
        return Q(pk__in=versions.values("rule"))

    @admin.action(description=_("导出所选为 XLSX"), permissions=["view"])
    def export_xlsx(self, request, queryset):
        return rule_files.rules_file(queryset)

    def get_urls(self):
        def page(route, view, name, *rights):
            guarded = self.admin_site.admin_view(_with_rights(view, rights))
            return path(route, guarded, name=f"conversion_rule_{name}")

        makes = ["conversion.add_conversionrule", "conversion.add_ruleversion", "conversion.add_course"]
        return [
            page("import/", rule_files.rule_upload, "import_upload", *makes),
            page("import/<int:pk>/", rule_files.rule_job, "import_job", *makes),
            page("import/<int:pk>/report.csv", rule_files.rule_report, "import_report", *makes),
            page("export.xlsx", rule_files.rule_export, "export", "conversion.view_conversionrule"),
            *super().get_urls(),
        ]

    def response_add(self, request, obj, post_url_continue=None):
        """The first version follows: a rule without one says nothing."""
        asks_otherwise = {"_continue", "_addanother", "_popup"} & request.POST.keys()
        if asks_otherwise or not request.user.has_perm("conversion.add_ruleversion"):
            return super().response_add(request, obj, post_url_continue)
        self.message_user(request, _("已保存规则“%s”,请填写它的第一个版本。") % obj)
        return redirect(f"{reverse('admin:conversion_ruleversion_add')}?rule={obj.pk}")

    def render_change_form(self, request, context, *args, obj=None, **kwargs):
        """「新建版本」 where the rule has no version yet; else a version's page makes the next one."""
        may_add = request.user.has_perm("conversion.add_ruleversion")
        context["wants_version"] = bool(obj and may_add and not obj.versions.exists())
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)

    def get_readonly_fields(self, request, obj=None):
        """What versions, courses and files refer to stays as it is."""
        return ["code", "kind", "institution"] if obj else []
