"""Groups, lines of a performance table and examples: each has rows of its own, so each has a page, reached from its
version's and leading back to it."""

from django.contrib import admin
from django.db.models import Max
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from accounts.row_ids import row_ids
from accounts.typed_choices import TypedChoicesMixin
from achievements.models import CatalogueEntry
from conversion.criteria_forms import CriteriaTestForm, CriteriaTestFormSet, ExampleValueForm, ExampleValueFormSet
from conversion.forms.rules import VersionPartForm
from conversion.models import (
    ConversionRule,
    CriteriaRow,
    CriteriaTest,
    RuleExample,
    RuleExampleItem,
    RuleExampleValue,
    RuleGroup,
    RuleSource,
    RuleVersion,
)
from conversion.rule_admin.scope import PUBLISHED, DraftOnly
from vault.bounded_rows import BoundedRowsMixin


class EntryInline(BoundedRowsMixin, TypedChoicesMixin, admin.StackedInline):
    """Rows that name a catalogue entry: an approved one. Stacked, since a table of them is wider than a phone."""

    extra = 1
    autocomplete_fields = ["entry"]

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == "entry":
            field.queryset = field.queryset.filter(status=CatalogueEntry.Status.APPROVED)
        return field


class RuleSourceInline(EntryInline):
    model = RuleSource
    fields = ["entry", ("min_score", "min_framework_level"), ("obtained_from", "obtained_to"), "max_age_months"]


class RuleExampleItemInline(EntryInline):
    model = RuleExampleItem
    fields = ["entry", ("score", "obtained_on")]
    min_num = 1
    extra = 0


class TypeFieldInline(admin.TabularInline):
    """The form set brings as many lines as the type of the version has extra fields."""

    extra = 0
    max_num = 0


class CriteriaTestInline(TypeFieldInline):
    model = CriteriaTest
    form = CriteriaTestForm
    formset = CriteriaTestFormSet
    verbose_name_plural = _("各附加项的要求(不作要求的留空)")


class RuleExampleValueInline(TypeFieldInline):
    model = RuleExampleValue
    form = ExampleValueForm
    formset = ExampleValueFormSet
    verbose_name_plural = _("例子中的成果填写了什么(没有填写的留空)")


class PartAdmin(DraftOnly):
    """A part of a version: found on the version's page, not in the index."""

    form = VersionPartForm
    institution_path = "version__rule__institution_id"
    list_select_related = ["version__rule"]
    autocomplete_fields = ["version"]
    choices_of = {"version": "rule__institution"}
    change_form_template = "admin/conversion/ruleversion/part_form.html"

    def get_model_perms(self, request):
        return {}

    def get_changeform_initial_data(self, request):
        """The version whose page leads here, and the next place in it."""
        initial = super().get_changeform_initial_data(request)
        version = request.GET.get("version", "")
        if "position" in self.own_fields and (ids := row_ids([version])):
            last = self.model.objects.filter(version__in=ids).aggregate(last=Max("position"))["last"]
            initial.setdefault("position", (last or 0) + 1)
        return initial

    def get_readonly_fields(self, request, obj=None):
        return ["version_link"] if obj else []

    def get_fields(self, request, obj=None):
        return ["version_link" if obj else "version", *self.own_fields]

    @admin.display(description=RuleGroup._meta.get_field("version").verbose_name)
    def version_link(self, part):
        url = reverse("admin:conversion_ruleversion_change", args=[part.version_id])
        return format_html('<a href="{}">{}</a>', url, part.version)

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == "version":
            field.queryset = field.queryset.filter(status="draft")
            field.error_messages["invalid_choice"] = PUBLISHED
        return field

    def _version(self, request, obj):
        """The version of a part, on the page of a new one the version asked for; None for a wrong id."""
        asked = request.POST.get("version") or request.GET.get("version") or ""
        ids = [obj.version_id] if obj and obj.version_id else row_ids([asked])
        return RuleVersion.objects.select_related("rule").filter(pk__in=ids).first()

    def get_formset_kwargs(self, request, obj, inline, prefix):
        """Which fields there are to speak of: those of the type of the part's version."""
        kwargs = super().get_formset_kwargs(request, obj, inline, prefix)
        if isinstance(inline, TypeFieldInline):
            version = self._version(request, obj)
            kwargs["achievement_type"] = version.achievement_type_id if version else None
        return kwargs

    def save_related(self, request, form, formsets, change):
        """Whoever changed a draft last is its drafter: somebody else has to publish it."""
        super().save_related(request, form, formsets, change)
        RuleVersion.objects.filter(pk=form.instance.version_id).update(drafted_by=request.user)

    def delete_model(self, request, obj):
        """Taking a part out is a change too."""
        super().delete_model(request, obj)
        RuleVersion.objects.filter(pk=obj.version_id).update(drafted_by=request.user)
        request.part_of = obj.version_id

    def response_delete(self, request, obj_display, obj_id):
        super().response_delete(request, obj_display, obj_id)  # says what is gone
        return redirect("admin:conversion_ruleversion_change", request.part_of)

    def response_post_save_add(self, request, obj):
        """To the version, unless somebody wants to go on here."""
        return redirect("admin:conversion_ruleversion_change", obj.version_id)

    response_post_save_change = response_post_save_add


@admin.register(RuleGroup)
class RuleGroupAdmin(PartAdmin):
    own_fields = ["position", "choose"]
    list_display = ["version", "position", "choose"]
    inlines = [RuleSourceInline]


@admin.register(CriteriaRow)
class CriteriaRowAdmin(PartAdmin):
    own_fields = ["position", "credits"]
    list_display = ["version", "position", "credits"]
    inlines = [CriteriaTestInline]


@admin.register(RuleExample)
class RuleExampleAdmin(PartAdmin):
    """Of a conversion rule achievements, of a performance table what one says in the fields of its type."""

    own_fields = ["name", "should_match"]
    list_display = ["version", "name", "should_match"]

    def _is_of_table(self, request, obj):
        version = self._version(request, obj)
        return version is not None and version.rule.kind == ConversionRule.Kind.PERFORMANCE

    def get_inlines(self, request, obj):
        return [RuleExampleValueInline] if self._is_of_table(request, obj) else [RuleExampleItemInline]

    def get_fields(self, request, obj=None):
        asked = ["credits", "obtained_on"] if self._is_of_table(request, obj) else []
        return ["version_link" if obj else "version", *self.own_fields, *asked]
