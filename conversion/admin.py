from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from conversion.forms.review import ReviewerDocumentForm
from conversion.models import (
    Application,
    CalendarDay,
    Certificate,
    CreditEntry,
    LedgerRoot,
    ReasonCode,
    ReviewerDocument,
    ReviewRecord,
    ReviewStage,
)
from conversion.queue import visible_applications
from conversion.rule_admin import versions  # noqa: F401 - registers where rules are kept
from conversion.services.clock import reckon_again
from conversion.views import certificate_desk, desk, review, revocation
from vault.read_only import ReadOnlyAdmin
from vault.whole_forms import WholeRowMixin


@admin.register(Application)
class ApplicationAdmin(ReadOnlyAdmin):
    """The reviewers' queue and cases, each on a page of our own; what stays stock is the address and the rights."""

    def get_queryset(self, request):
        return visible_applications(request.user)

    def changelist_view(self, request, extra_context=None):
        if not self.has_view_permission(request):
            raise PermissionDenied
        return desk.application_queue(request)

    def change_view(self, request, object_id, form_url="", extra_context=None):
        """A case opens on its own page, wherever the admin links to it."""
        application = self.get_object(request, unquote(object_id))
        if application is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return redirect("admin:conversion_application_review", application.pk)

    def get_urls(self):
        def staff(view):
            return self.admin_site.admin_view(self._for_reviewers(view))

        evidence = "<int:pk>/evidence/<int:file_pk>/"
        return [
            path("bulk/", staff(desk.application_bulk), name="conversion_application_bulk"),
            path("<int:pk>/claim/", staff(desk.application_claim), name="conversion_application_claim"),
            path("<int:pk>/release/", staff(desk.application_release), name="conversion_application_release"),
            path("<int:pk>/review/", staff(review.application_review), name="conversion_application_review"),
            path("<int:pk>/revoke/", staff(revocation.application_revoke), name="conversion_application_revoke"),
            path("<int:pk>/document/", staff(review.application_document), name="conversion_application_document"),
            path(evidence, staff(review.application_evidence), name="conversion_application_evidence"),
            path(
                f"{evidence}thumbnail/",
                staff(review.application_evidence),
                {"thumbnail": True},
                name="conversion_application_thumbnail",
            ),
            path(
                f"{evidence}pages/<int:page>/",
                staff(review.application_evidence),
                name="conversion_application_page",
            ),
            *super().get_urls(),
        ]

    def _for_reviewers(self, view):
        """`admin_view` checks for active staff only; a case needs the right to view cases."""

        def guarded(request, *args, **kwargs):
            if not self.has_view_permission(request):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return guarded


@admin.register(ReasonCode)
class ReasonCodeAdmin(admin.ModelAdmin):
    list_display = [
        "code", "text", "for_refusal", "for_return", "for_revocation", "for_met_rule", "is_active", "position",
    ]  # fmt: skip

    def get_readonly_fields(self, request, obj=None):
        """Words that records have given stay (trigger `keeps_words`); the rest of a reason may change."""
        return ["code", "text"] if obj and ReviewRecord.objects.filter(reason=obj).exists() else []

    def get_fieldsets(self, request, obj=None):
        kept = self.get_readonly_fields(request, obj)
        words = _("已在审核记录中使用,代码和文字不能再改。需要别的说法时,请停用这一条并新建。") if kept else ""
        fields = [name for name in self.get_fields(request, obj) if name not in {"code", "text"}]
        return [(None, {"fields": ["code", "text"], "description": words}), (None, {"fields": fields})]


class ReckonedMixin:
    """A change of what due dates are computed from moves those of the waiting cases."""

    def save_model(self, request, obj, form, change):
        super().save_model(request, obj, form, change)
        self._reckon(request)

    def delete_model(self, request, obj):
        super().delete_model(request, obj)
        self._reckon(request)

    def delete_queryset(self, request, queryset):
        super().delete_queryset(request, queryset)
        self._reckon(request)

    def _reckon(self, request):
        if moved := reckon_again():
            self.message_user(request, _("%d 件待审申请的应办结日期已重新计算。") % moved)


class ReviewStageForm(WholeRowMixin, forms.ModelForm):
    """The last stage and appeals stay, and recognition stays the centre's."""


@admin.register(ReviewStage)
class ReviewStageAdmin(ReckonedMixin, admin.ModelAdmin):
    """How many stages a review has, whose they are and how long they may take; the rows themselves stay."""

    form = ReviewStageForm
    list_display = ["kind", "step", "name", "owner", "permission", "due_days", "is_active"]
    list_display_links = ["name"]
    list_filter = ["kind"]
    readonly_fields = ["kind", "step"]

    def save_model(self, request, obj, form, change):
        super().save_model(request, obj, form, change)
        if obj.is_active and not obj.reviewers().exists():
            text = _("还没有工作人员能审核“%(stage)s”:请把有关人员加入有“%(right)s”权限的组,否则申请会一直等待。")
            names = {"stage": obj, "right": obj.get_permission_display()}
            self.message_user(request, text % names, messages.WARNING)

    def has_add_permission(self, request):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


class DateHierarchyMixin:
    """Before a `ModelAdmin` with a `date_hierarchy`: a year of twenty digits is a look-up that can't be, as others."""

    def get_changelist_instance(self, request):
        try:
            return super().get_changelist_instance(request)
        except OverflowError as error:
            raise IncorrectLookupParameters from error


@admin.register(CalendarDay)
class CalendarDayAdmin(ReckonedMixin, DateHierarchyMixin, admin.ModelAdmin):
    list_display = ["day", "name", "is_workday", "source"]
    date_hierarchy = "day"
    list_filter = ["is_workday"]


@admin.register(ReviewerDocument)
class ReviewerDocumentAdmin(admin.ModelAdmin):
    form = ReviewerDocumentForm
    list_display = ["user", "recorded_at"]
    list_select_related = ["user"]

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        if db_field.name == "user":
            kwargs["queryset"] = User.objects.filter(is_staff=True, reviewer_document=None)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def has_change_permission(self, request, obj=None):
        return False


@admin.register(CreditEntry)
class CreditEntryAdmin(ReadOnlyAdmin):
    list_display = ["number", "learner", "application", "kind", "credits", "created_at"]
    list_select_related = ["learner", "application"]
    list_filter = ["kind"]
    search_fields = ["=learner__name", "=application__pk"]
    search_help_text = _("学习者姓名或申请编号")
    fields = ["number", "person", "application", "kind", "credits", "recorder", "created_at"]

    def get_queryset(self, request):
        """The centre sees all, an institution's staff what its own courses gave."""
        entries = super().get_queryset(request)
        if request.user.belongs_to_centre:
            return entries
        return entries.filter(application__receiving_institution=request.user.institution_id)

    @admin.display(description=_("流水号"), ordering="pk")
    def number(self, entry):
        return entry.number

    @admin.display(description=_("记账人"))
    def recorder(self, entry):
        return entry.by or "-"

    @admin.display(description=_("学习者"))
    def person(self, entry):
        """A name without a link: reviewers may not open people's records."""
        return entry.learner


@admin.register(Certificate)
class CertificateAdmin(DateHierarchyMixin, ReadOnlyAdmin):
    list_display = ["number", "issued_at", "shown_state", "revoked_at", "revocation_reason"]
    list_filter = [("revoked_at", admin.EmptyFieldListFilter), ("replaced_at", admin.EmptyFieldListFilter)]
    date_hierarchy = "issued_at"
    search_fields = ["=number"]
    search_help_text = _("证明编号")
    actions = ["print_selected"]
    fields = [
        "number", "shown_state", "application", "issued_at", "key_id", "replaces", "replaced_at", "replacer",
        "replacement_reason", "revoked_at", "revoker", "revocation_reason",
    ]  # fmt: skip

    def get_queryset(self, request):
        return certificate_desk.visible_certificates(request.user)

    # Names without links: who reads certificates may not open staff accounts.
    @admin.display(description=_("更正人"))
    def replacer(self, certificate):
        return certificate.replaced_by or "-"

    @admin.display(description=_("撤销人"))
    def revoker(self, certificate):
        return certificate.revoked_by or "-"

    @admin.display(description=_("状态"))
    def shown_state(self, certificate):
        return certificate.state.label

    @admin.action(description=_("打印所选证明(PDF)"), permissions=["view"])
    def print_selected(self, request, queryset):
        return certificate_desk.certificates_printed(request, list(queryset.order_by("issued_at", "pk")))

    def get_urls(self):
        replace = self.admin_site.admin_view(certificate_desk.certificate_replace)
        return [path("<int:pk>/replace/", replace, name="conversion_certificate_replace"), *super().get_urls()]

    def change_view(self, request, object_id, form_url="", extra_context=None):
        certificate = self.get_object(request, unquote(object_id))
        replaceable = certificate and certificate.is_valid and certificate_desk.may_replace(request.user)
        url = reverse("admin:conversion_certificate_replace", args=[certificate.pk]) if replaceable else ""
        context = {"replace_url": url, "certificate": certificate}
        return super().change_view(request, object_id, form_url, context | (extra_context or {}))

    def view_on_site(self, certificate):
        """The public check: the PDF of `get_absolute_url` is its learner's."""
        return reverse("conversion:verify_token", args=[certificate.token])


@admin.register(LedgerRoot)
class LedgerRootAdmin(ReadOnlyAdmin):
    list_display = ["on", "records", "entries", "certificates", "root"]
