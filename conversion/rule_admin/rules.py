from django.contrib import admin

from conversion.models import ConversionRule, RuleVersion
from conversion.rule_admin.scope import OwnInstitution


class RuleVersionInline(admin.StackedInline):
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
class ConversionRuleAdmin(OwnInstitution):
    list_display = ["code", "title", "institution", "kind"]
    list_select_related = ["institution"]
    list_filter = ["kind"]
    search_fields = ["code", "title"]
    autocomplete_fields = ["institution"]
    choices_of = {"institution": "pk"}
    inlines = [RuleVersionInline]

    def get_readonly_fields(self, request, obj=None):
        """What versions, courses and files refer to stays as it is."""
        return ["code", "kind", "institution"] if obj else []
