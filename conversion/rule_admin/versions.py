from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404, redirect
from django.urls import path
from django.utils.translation import gettext_lazy as _

from accounts.row_ids import row_ids
from conversion.examples import run_examples
from conversion.forms.rules import RuleMoveForm, RuleVersionForm
from conversion.models import (
    ConversionRule,
    ReviewCriterion,
    RuleVersion,
)
from conversion.rule_admin.cohorts import CohortFilter, FoundByCohort
from conversion.rule_admin.scope import DraftOnly
from conversion.services.drafting import save_new_draft
from conversion.services.publishing import PublishingError, moves_of, publish_version
from conversion.views import rule_keeping
from vault.bounded_rows import BoundedRowsMixin


class ReviewCriterionInline(BoundedRowsMixin, admin.TabularInline):
    model = ReviewCriterion
    extra = 0
    verbose_name_plural = _("审核指标(初审员要填写的数字,可以没有)")


@admin.register(RuleVersion)
class RuleVersionAdmin(FoundByCohort, DraftOnly):
    """A draft is made in steps; what was published is read only, and moves on by its buttons.

    Groups, lines of a table and examples have rows of their own, so each has a page (`parts`) that the version lists.
    """

    form = RuleVersionForm
    version_path = ""
    institution_path = "rule__institution_id"
    programme_path = "course__programme__"
    choices_of = {"rule": "institution", "course": "programme__institution"}
    change_form_template = "admin/conversion/ruleversion/change_form.html"
    list_display = ["rule", "number", "status", "course", "credits", "valid_from", "valid_to"]
    list_select_related = ["rule", "course__programme__institution"]
    list_filter = ["status", CohortFilter, "outcome", "policy_category"]
    search_fields = ["rule__title", "rule__code"]
    search_help_text = _("规则编号、名称或年级")
    autocomplete_fields = ["rule", "course"]
    actions = ["publish"]
    show_full_result_count = False
    fieldsets = [
        (_("第1步 转换成什么"), {"fields": ["rule", "number", "status", "course", "achievement_type"]}),
        (_("结果"), {"fields": ["outcome", "credits", "score_policy", "fixed_score"]}),
        (_("使用"), {"fields": ["use_policy", "fills_course_once", "exclusivity_groups", "policy_category"]}),
        (_("有效期"), {"fields": ["version_selected_by", "valid_from", "valid_to", "policy_basis"]}),
        (_("经手人"), {"fields": ["drafter", "publisher", "published_at"]}),
    ]
    readonly_fields = ["number", "status", "drafter", "publisher", "published_at"]

    def get_readonly_fields(self, request, obj=None):
        return [*self.readonly_fields, "rule"] if obj else self.readonly_fields

    def get_fieldsets(self, request, obj=None):
        return self.fieldsets if obj else self.fieldsets[:-1]

    def get_inlines(self, request, obj):
        return [ReviewCriterionInline] if obj else []

    def formfield_for_manytomany(self, db_field, request, **kwargs):
        kwargs["widget"] = forms.CheckboxSelectMultiple()
        field = super().formfield_for_manytomany(db_field, request, **kwargs)
        if db_field.name == "exclusivity_groups" and not request.user.belongs_to_centre:
            own = field.queryset.filter(institution=request.user.institution_id)
            field.queryset = own | field.queryset.filter(institution=None)
        return field

    # Names without links: who reads rules may not open staff accounts.
    @admin.display(description=_("起草人"))
    def drafter(self, version):
        return version.drafted_by or "-"

    @admin.display(description=_("发布人"))
    def publisher(self, version):
        return version.published_by or "-"

    def view_on_site(self, version):
        """What everybody sees of the rule: nothing before a first version is published."""
        is_public = version.rule.versions.exclude(status=RuleVersion.Status.DRAFT).exists()
        return version.get_absolute_url() if is_public else None

    def save_model(self, request, obj, form, change):
        """Whoever changed a draft last is its drafter: somebody else has to publish it."""
        if change:
            obj.drafted_by = request.user
            super().save_model(request, obj, form, change)
        else:
            save_new_draft(version=obj, by=request.user)

    def response_add(self, request, obj, post_url_continue=None):
        """The other steps follow on the version's own page."""
        if "_addanother" in request.POST:
            return super().response_add(request, obj, post_url_continue)
        self.message_user(request, _("已保存草稿,请继续填写下面各步。"))
        return redirect("admin:conversion_ruleversion_change", obj.pk)

    def change_view(self, request, object_id, form_url="", extra_context=None):
        version = self.get_queryset(request).filter(pk__in=row_ids([object_id])).first()
        context = self._keeping(request, version) if version else {}
        return super().change_view(request, object_id, form_url, context | (extra_context or {}))

    def _keeping(self, request, version):
        """What the page shows below the form: moves, examples with their present result, other versions, records."""
        return {
            "is_performance": version.rule.kind == ConversionRule.Kind.PERFORMANCE,
            "groups": version.groups.prefetch_related("sources__entry__institution"),
            "may_change": self.has_change_permission(request, version),
            "moves": moves_of(version) if self.has_publish_permission(request) else [],
            "move_form": RuleMoveForm(),
            "is_drafter": version.drafted_by_id == request.user.pk,
            "superseded": version.rule.versions.filter(status=RuleVersion.Status.PUBLISHED).first(),
            "has_gap": version.starts_later,
            "may_draft": self.has_add_permission(request) and version.status != RuleVersion.Status.DRAFT,
            "results": run_examples(version),
            "others": version.rule.versions.exclude(pk=version.pk).order_by("-number"),
            "records": version.records.select_related("by"),
        }

    def get_urls(self):
        def kept(view, right="view"):
            return self.admin_site.admin_view(self._guarded(view, right))

        pages = [
            path("<int:pk>/move/", kept(rule_keeping.version_move, "publish"), name="conversion_ruleversion_move"),
            path("<int:pk>/draft/", kept(rule_keeping.version_draft, "add"), name="conversion_ruleversion_draft"),
            path(
                "<int:pk>/levels/<int:group>/",
                kept(rule_keeping.version_levels, "change"),
                name="conversion_ruleversion_levels",
            ),
            path("<int:pk>/examples/", kept(rule_keeping.version_examples), name="conversion_ruleversion_examples"),
            path(
                "<int:pk>/changes/<int:number>/",
                kept(rule_keeping.version_changes),
                name="conversion_ruleversion_changes",
            ),
        ]
        return [*pages, *super().get_urls()]

    def _guarded(self, view, right):
        """`admin_view` checks for active staff only: a version needs a right, and must be of one's own institution."""
        has_right = {
            "view": self.has_view_permission,
            "add": self.has_add_permission,
            "change": self.has_change_permission,
            "publish": self.has_publish_permission,
        }[right]

        def guarded(request, pk, **kwargs):
            if not has_right(request):
                raise PermissionDenied
            rows = self.get_queryset(request).select_related("rule__institution", "course__programme__institution")
            return view(request, get_object_or_404(rows, pk=pk), **kwargs)

        return guarded

    @admin.action(description=_("发布所选版本(须由起草人以外的人操作)"), permissions=["publish"])
    def publish(self, request, queryset):
        for version in queryset:
            try:
                publish_version(version=version, by=request.user)
            except PublishingError as error:
                self.message_user(request, f"{version}:{error.message}", level="error")
            else:
                self.message_user(request, _("已发布:%s") % version)

    def has_publish_permission(self, request):
        return request.user.has_perm("conversion.publish_ruleversion")
