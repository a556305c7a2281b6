from django.contrib import admin

from achievements.models import (
    Achievement,
    AchievementType,
    CatalogueEntry,
    FrameworkLevel,
    FrameworkVersion,
    IndustryStandard,
    TypeField,
)


class TypeFieldInline(admin.TabularInline):
    model = TypeField
    extra = 0


@admin.register(AchievementType)
class AchievementTypeAdmin(admin.ModelAdmin):
    list_display = ["name", "parent", "code", "is_performance", "is_active"]
    list_select_related = ["parent"]
    inlines = [TypeFieldInline]


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
