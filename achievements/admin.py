from django import forms
from django.contrib import admin
from django.db import models
from django.utils.translation import gettext_lazy as _

from achievements.forms.types import TypeFieldFormSet
from achievements.models import (
    Achievement,
    AchievementType,
    CatalogueEntry,
    FrameworkLevel,
    FrameworkVersion,
    IndustryStandard,
    TypeField,
    TypeMaterial,
)


class TypeFieldInline(admin.StackedInline):
    model = TypeField
    formset = TypeFieldFormSet
    extra = 0
    fields = [
        ("label", "key", "kind", "position"),
        ("required", "is_active", "hint"),
        "choices",
        ("minimum", "maximum", "decimals"),
        ("not_before", "allows_future"),
    ]
    formfield_overrides = {models.TextField: {"widget": forms.Textarea({"rows": 5, "cols": 40})}}


class TypeMaterialInline(admin.TabularInline):
    model = TypeMaterial
    extra = 0


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


@admin.register(CatalogueEntry)
class CatalogueEntryAdmin(admin.ModelAdmin):
    list_display = ["name", "project_name", "institution", "type", "level", "framework_level", "is_active"]
    list_select_related = ["institution", "type"]
    list_filter = ["is_active", "type", "level", "framework_level"]
    search_fields = ["name", "project_name", "institution__name"]
    autocomplete_fields = ["institution"]


class FrameworkLevelInline(admin.StackedInline):
    model = FrameworkLevel
    extra = 0


@admin.register(FrameworkVersion)
class FrameworkVersionAdmin(admin.ModelAdmin):
    list_display = ["name", "source", "is_official", "is_current"]
    inlines = [FrameworkLevelInline]


@admin.register(IndustryStandard)
class IndustryStandardAdmin(admin.ModelAdmin):
    list_display = ["title", "industry", "occupation", "level", "code"]
    list_filter = ["level", "industry"]
    search_fields = ["title", "industry", "occupation", "code"]


@admin.register(Achievement)
class AchievementAdmin(admin.ModelAdmin):
    """For looking up only: learners add achievements, reviews decide about them."""

    list_display = ["name", "type", "learner", "body_name", "obtained_on", "origin"]
    list_select_related = ["type", "learner"]
    list_filter = ["origin", "type"]
    search_fields = ["name", "learner__name"]
    show_full_result_count = False

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False
