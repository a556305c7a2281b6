from django import forms
from django.contrib import admin, messages
from django.db import models
from django.shortcuts import redirect
from django.urls import path
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _

from accounts.typed_choices import TypedChoicesMixin
from achievements.forms.entries import AliasAdminForm, EntryAdminForm
from achievements.forms.standards import FrameworkLevelFormSet, FrameworkVersionForm
from achievements.forms.types import TypeFieldFormSet, TypeMaterialFormSet
from achievements.importers.catalogue_export import ExportError
from achievements.models import (
    Achievement,
    AchievementType,
    CatalogueAlias,
    CatalogueEntry,
    FrameworkLevel,
    FrameworkVersion,
    IndustryStandard,
    LevelFamily,
    TypeField,
    TypeMaterial,
)
from achievements.search import WORDS_AT_MOST, matching, terms_of
from achievements.services import catalogue, standards
from achievements.services.catalogue import EntryError
from achievements.views import catalogue_files
from vault.bounded_rows import BoundedRowsMixin
from vault.read_only import ReadOnlyAdmin

WITHOUT_SCRIPT = 1  # an empty row for browsers without JavaScript, which otherwise could add none


class TypeFieldInline(BoundedRowsMixin, admin.StackedInline):
    model = TypeField
    formset = TypeFieldFormSet
    rows_at_once = 20
    extra = WITHOUT_SCRIPT
    fields = [
        ("label", "key", "kind", "position"),
        ("required", "is_active", "hint"),
        "choices",
        ("minimum", "maximum", "decimals"),
        ("not_before", "allows_future"),
        "names_event",
    ]
    formfield_overrides = {models.TextField: {"widget": forms.Textarea({"rows": 5, "cols": 40})}}


class TypeMaterialInline(BoundedRowsMixin, admin.TabularInline):
    model = TypeMaterial
    formset = TypeMaterialFormSet
    extra = WITHOUT_SCRIPT


@admin.register(AchievementType)
class AchievementTypeAdmin(admin.ModelAdmin):
    """A type is data: saved here, learners can add achievements of it (product.md: Types)."""

    list_display = ["name", "parent", "code", "position", "is_performance", "is_active"]
    list_select_related = ["parent"]
    list_filter = ["is_active", "is_performance", "parent"]
    search_fields = ["name", "code"]
    fieldsets = [
        (None, {"fields": ["parent", "name", "code", "position", "is_performance", "is_active"]}),
        (_("表单上的标签"), {"fields": [("name_label", "body_label"), ("number_label", "obtained_label")]}),
        (_("证明材料"), {"fields": ["min_files"]}),
    ]
    inlines = [TypeFieldInline, TypeMaterialInline]

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        if db_field.name == "parent":
            kwargs["queryset"] = AchievementType.objects.filter(parent=None)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class AliasInline(BoundedRowsMixin, admin.TabularInline):
    model = CatalogueAlias
    form = AliasAdminForm
    extra = WITHOUT_SCRIPT


@admin.register(LevelFamily)
class LevelFamilyAdmin(admin.ModelAdmin):
    """Levels of one thing. An entry joins a family on its own page, with a reason."""

    list_display = ["name", "members"]
    search_fields = ["name"]
    fields = ["name", "members"]
    readonly_fields = ["members"]

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("entries")

    @admin.display(description=_("各级成果"))
    def members(self, family):
        entries = sorted(family.entries.all(), key=lambda entry: entry.family_rank) if family.pk else []
        return ";".join(f"{entry.family_rank} {entry.name}" for entry in entries) or "-"


def _verb(function, told):
    return {"verb": function, "told": told}


class LeafTypeFilter(admin.RelatedFieldListFilter):
    """Entries are of level-2 types only."""

    def field_choices(self, field, request, model_admin):
        return field.get_choices(include_blank=False, limit_choices_to={"parent__isnull": False})


@admin.register(CatalogueEntry)
class CatalogueEntryAdmin(TypedChoicesMixin, admin.ModelAdmin):
    """The centre keeps all entries; approving, returning and stopping are verbs of their own, with a reason."""

    form = EntryAdminForm
    change_form_template = "admin/achievements/catalogueentry/change_form.html"
    list_display = ["name", "project_name", "institution", "type", "status", "is_active", "level", "framework_level"]
    list_select_related = ["institution", "type"]
    list_filter = ["status", "is_active", "keeper", ("type", LeafTypeFilter), "level", "framework_level"]
    search_fields = ["name", "project_name", "institution__name"]  # in truth `achievements.search`
    show_full_result_count = False
    autocomplete_fields = ["institution", "family"]
    actions = ["approve_selected", "export_xlsx", "export_csv"]
    inlines = [AliasInline]
    readonly_fields = ["status", "keeper", "drafted_by", "approval", "activity", "history"]
    fieldsets = [
        (None, {"fields": ["project_name", "name", "institution", "type"]}),
        (_("等级"), {"fields": ["level", "framework_level", ("family", "family_rank")]}),
        (_("学习量和学分"), {"fields": [("hours", "hours_unit"), ("credits", "credit_basis")]}),
        (None, {"fields": [("valid_from", "valid_to"), "description", "reason"]}),
        (_("状态"), {"fields": ["status", "keeper", "drafted_by", "approval", "activity", "history"]}),
    ]
    DECISIONS = {
        "_approve": _verb(catalogue.approve_entry, _("已批准,进入成果名录。")),
        "_return": _verb(catalogue.return_entry, _("已退回,原因已发给机构。")),
        "_stop": _verb(catalogue.stop_entry, _("已停用。")),
        "_resume": _verb(catalogue.resume_entry, _("已恢复启用。")),
    }

    def get_search_results(self, request, queryset, search_term):
        if request.resolver_match.view_name == "admin:autocomplete":
            queryset = queryset.shared()  # rules name what everybody can hold
        return matching(queryset, terms_of(anywhere=search_term)[:WORDS_AT_MOST]), False

    def get_urls(self):
        pages = [
            ("import/", catalogue_files.admin_upload, "_upload"),
            ("import/<int:pk>/", catalogue_files.admin_job, ""),
            ("import/<int:pk>/report.csv", catalogue_files.admin_report, "_report"),
        ]
        own = [
            path(
                route,
                self.admin_site.admin_view(catalogue_files.for_centre(view)),
                name=f"achievements_catalogue_import{name}",
            )
            for route, view, name in pages
        ]
        return own + super().get_urls()

    def get_queryset(self, request):
        rows = super().get_queryset(request)
        if request.user.belongs_to_centre:
            return rows
        own = models.Q(keeper="institution", institution=request.user.institution_id)
        return rows.filter(models.Q(status="approved") | own)

    def view_on_site(self, entry):
        return entry.get_absolute_url() if entry.status == CatalogueEntry.Status.APPROVED else None

    def has_add_permission(self, request):
        return request.user.belongs_to_centre and super().has_add_permission(request)

    def has_change_permission(self, request, obj=None):
        return request.user.belongs_to_centre and super().has_change_permission(request, obj)

    def has_delete_permission(self, request, obj=None):
        """What was public once stays: it is stopped instead."""
        is_draft = obj is not None and not obj.is_settled
        return is_draft and request.user.belongs_to_centre and super().has_delete_permission(request, obj)

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        if db_field.name == "type":
            kwargs["queryset"] = AchievementType.objects.filter(parent__isnull=False)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request, obj, form, change):
        if change:
            fields = [name for name in form.changed_data if name != "reason"]
            reason = form.cleaned_data.get("reason", "")
            catalogue.change_entry(entry=obj, by=request.user, reason=reason, fields=fields)
        else:
            obj.drafted_by = request.user
            obj.save()

    def response_add(self, request, obj, **kwargs):
        return self._decide(request, obj) or super().response_add(request, obj, **kwargs)

    def response_change(self, request, obj):
        return self._decide(request, obj) or super().response_change(request, obj)

    def _decide(self, request, entry):
        """Carry out the decision whose button was pressed; None when it was only saved."""
        decision = next((verb for name, verb in self.DECISIONS.items() if name in request.POST), None)
        if decision is None:
            return None
        needs_reason = decision["verb"] in {catalogue.return_entry, catalogue.stop_entry}
        reason = {"reason": request.POST.get("reason", "")[:500]} if needs_reason else {}
        try:
            decision["verb"](entry=entry, by=request.user, **reason)
        except EntryError as error:
            self.message_user(request, error.message, messages.ERROR)
        else:
            self.message_user(request, f"“{entry}”{decision['told']}", messages.SUCCESS)
        return redirect("admin:achievements_catalogueentry_change", entry.pk)

    @admin.action(description=_("批准所选名录成果"), permissions=["approve"])
    def approve_selected(self, request, queryset):
        approved = 0
        for entry in queryset:
            try:
                catalogue.approve_entry(entry=entry, by=request.user)
            except EntryError as error:
                self.message_user(request, f"{entry}:{error.message}", messages.ERROR)
            else:
                approved += 1
        self.message_user(request, _("已批准%s项。") % approved, messages.SUCCESS if approved else messages.WARNING)

    @admin.action(description=_("导出所选为 XLSX"), permissions=["view"])
    def export_xlsx(self, request, queryset):
        try:
            return catalogue_files.catalogue_file(queryset, "xlsx")
        except ExportError as error:
            self.message_user(request, str(error), messages.ERROR)

    @admin.action(description=_("导出所选为 CSV"), permissions=["view"])
    def export_csv(self, request, queryset):
        return catalogue_files.catalogue_file(queryset, "csv")

    def has_approve_permission(self, request):
        return request.user.belongs_to_centre and request.user.has_perm("achievements.approve_catalogueentry")

    @admin.display(description=_("批准"))
    def approval(self, entry):
        if not entry.approved_at:
            return entry.return_reason or "-"
        return f"{timezone.localtime(entry.approved_at):%Y-%m-%d %H:%M} {entry.approved_by or ''}"

    @admin.display(description=_("启用"))
    def activity(self, entry):
        return _("启用") if entry.is_active else _("停用:%s") % entry.stop_reason

    @admin.display(description=_("经过"))
    def history(self, entry):
        records = entry.records.select_related("by") if entry.pk else []
        return format_html_join("", "<p>{}</p>", ((_record_line(record),) for record in records)) or "-"


def _record_line(record):
    changes = ";".join(f"{label}:{before or '-'} → {after or '-'}" for label, before, after in record.change_rows)
    when = f"{timezone.localtime(record.at):%Y-%m-%d %H:%M}"
    return " ".join(filter(None, [when, str(record.by or ""), str(record), changes, record.reason]))


class FrameworkLevelInline(BoundedRowsMixin, admin.StackedInline):
    model = FrameworkLevel
    formset = FrameworkLevelFormSet
    max_num = 7
    formfield_overrides = {models.TextField: {"widget": forms.Textarea({"rows": 2, "cols": 80})}}

    def get_extra(self, request, obj=None, **kwargs):
        return self.max_num - (obj.levels.count() if obj else 0)


@admin.register(FrameworkVersion)
class FrameworkVersionAdmin(admin.ModelAdmin):
    form = FrameworkVersionForm
    list_display = ["name", "source", "is_official", "is_current"]
    inlines = [FrameworkLevelInline]

    def save_model(self, request, obj, form, change):
        if obj.is_current:
            standards.put_in_force(version=obj)
        else:
            obj.save()


@admin.register(IndustryStandard)
class IndustryStandardAdmin(admin.ModelAdmin):
    list_display = ["title", "industry", "occupation", "level", "code"]
    list_filter = ["level", "industry"]
    search_fields = ["title", "industry", "occupation", "code"]


@admin.register(Achievement)
class AchievementAdmin(ReadOnlyAdmin):
    """For looking up only: learners add achievements, reviews decide about them."""

    list_display = ["name", "type", "learner", "body_name", "obtained_on", "origin"]
    list_select_related = ["type", "learner"]
    list_filter = ["origin", ("type", LeafTypeFilter)]
    search_fields = ["name", "learner__name"]
    show_full_result_count = False
    view_on_site = False  # its page is its learner's
