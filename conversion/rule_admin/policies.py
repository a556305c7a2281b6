from django.contrib import admin

from conversion.forms.rules import ConversionCapForm, ExclusivityGroupForm
from conversion.models import ConversionCap, ExclusivityGroup, PolicyCategory
from conversion.rule_admin.scope import OwnInstitution


@admin.register(PolicyCategory)
class PolicyCategoryAdmin(admin.ModelAdmin):
    """What caps tell rules apart by; the same for every institution."""

    list_display = ["code", "name"]
    search_fields = ["code", "name"]


@admin.register(ExclusivityGroup)
class ExclusivityGroupAdmin(OwnInstitution):
    """The centre's groups are for every institution's rules."""

    form = ExclusivityGroupForm
    list_display = ["code", "name", "institution", "scope"]
    list_select_related = ["institution"]
    list_filter = ["scope"]
    search_fields = ["code", "name"]
    autocomplete_fields = ["institution"]
    choices_of = {"institution": "pk"}
    shares_centre = True


@admin.register(ConversionCap)
class ConversionCapAdmin(OwnInstitution):
    """A cap holds from its first day on, for submissions and approvals."""

    form = ConversionCapForm
    list_display = [
        "institution", "programme", "policy_category", "course_nature", "kind", "value", "valid_from", "valid_to",
    ]  # fmt: skip
    list_select_related = ["institution", "programme__institution", "policy_category"]
    list_filter = ["kind", "policy_category"]
    search_fields = ["institution__name", "programme__name", "policy_basis"]
    autocomplete_fields = ["institution", "programme"]
    choices_of = {"institution": "pk", "programme": "institution"}
