from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as StockUserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from accounts.forms import StaffSignInForm
from accounts.forms.institution import InstitutionAdminForm
from accounts.forms.personal_data import UnmaskForm
from accounts.models import (
    Enrolment,
    IdentityCheck,
    Institution,
    Learner,
    LearnerMerge,
    PersonalDataAccess,
    Region,
    User,
)
from accounts.services.activation import issue_activation_code
from accounts.services.institutions import NotPendingError, approve_institution, refuse_institution
from accounts.services.second_factor import reset_second_factor
from accounts.typed_choices import TypedChoicesMixin
from accounts.views import identity_desk, institution_desk, learner_desk
from vault.bounded_rows import BoundedRowsMixin
from vault.read_only import ReadOnly, ReadOnlyAdmin
from vault.whole_forms import WholeRowMixin

admin.site.site_header = _("广东终身教育学分银行 管理后台")
admin.site.site_title = _("学分银行管理后台")
admin.site.index_title = _("工作台")
admin.site.login_form = StaffSignInForm


class AccountForm(WholeRowMixin, UserChangeForm):
    """A learner's account never becomes one of staff."""


@admin.register(User)
class UserAdmin(TypedChoicesMixin, StockUserAdmin):
    form = AccountForm
    list_display = ["username", "name", "institution", "is_staff", "is_active"]
    list_filter = ["is_staff", "is_active", "groups"]
    list_select_related = ["institution"]
    search_fields = ["username", "name"]
    ordering = ["username"]
    autocomplete_fields = ["institution"]
    readonly_fields = ["learner", "last_login", "date_joined"]
    fieldsets = [
        (None, {"fields": ["username", "password", "name"]}),
        (_("联系方式"), {"fields": ["email", "phone"]}),
        (_("身份"), {"fields": ["learner", "institution"]}),
        (_("权限"), {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]}),
        (_("时间"), {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [
        (None, {"fields": ["username", "name", "institution", "usable_password", "password1", "password2"]})
    ]
    actions = ["reset_second_factors"]

    def get_fieldsets(self, request, obj=None):
        """Who may only look gets no digest of the password, and no link to a page that refuses him."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return fieldsets
        return [(title, {"fields": [name for name in of["fields"] if name != "password"]}) for title, of in fieldsets]

    @admin.action(description=_("重置所选同事的两步验证"), permissions=["reset_second_factor"])
    def reset_second_factors(self, request, queryset):
        for user in queryset:
            if user == request.user:
                self.message_user(request, _("不能重置自己的两步验证,请由另一位管理员操作。"), level="error")
            elif user.is_superuser and not request.user.is_superuser:
                self.message_user(request, _("%s 是超级管理员,只能由超级管理员重置。") % user, level="error")
            elif reset_second_factor(user=user):
                self.log_change(request, user, _("重置两步验证"))
                self.message_user(request, _("已重置 %s 的两步验证,下次登录时重新设置。") % user)
            else:
                self.message_user(request, _("%s 还没有设置两步验证。") % user, level="warning")

    def has_reset_second_factor_permission(self, request):
        return request.user.belongs_to_centre and request.user.has_perm("accounts.delete_stafftotp")


@admin.register(Institution)
class InstitutionAdmin(admin.ModelAdmin):
    form = InstitutionAdminForm
    list_display = ["name", "bank_code", "kind", "status", "valid_from", "valid_to"]
    list_filter = ["status", "kind"]
    search_fields = ["name", "bank_code", "uscc"]
    fields = [
        "name", "bank_code", "uscc", "kind", "status", "valid_from", "valid_to", "licence_file", "contact_name",
        "contact_phone",
    ]  # fmt: skip
    readonly_fields = ["licence_file"]
    actions = ["approve", "refuse"]

    def get_fields(self, request, obj=None):
        """A licence is shown to those who decide about it, not to every reviewer who may look up an institution."""
        fields = super().get_fields(request, obj)
        if obj and institution_desk.may_see_licences(request.user):
            return fields
        return [name for name in fields if name != "licence_file"]

    def get_urls(self):
        licence, evidence = self.admin_site.admin_view(institution_desk.licence), "<int:pk>/licence/<int:file_pk>/"
        thumbnail = {"thumbnail": True}
        return [
            path(evidence, licence, name="accounts_institution_licence"),
            path(f"{evidence}thumbnail/", licence, thumbnail, name="accounts_institution_licence_thumbnail"),
            *super().get_urls(),
        ]

    @admin.display(description=_("证照"))
    def licence_file(self, institution):
        return institution_desk.shown_licence(institution)

    @admin.action(description=_("批准所选机构入册"), permissions=["change"])
    def approve(self, request, queryset):
        self._decide_all(request, queryset, approve_institution, _("已入册:%s"))

    @admin.action(description=_("不批准所选机构"), permissions=["change"])
    def refuse(self, request, queryset):
        self._decide_all(request, queryset, refuse_institution, _("未批准:%s"))

    def _decide_all(self, request, queryset, decide, done):
        for institution in queryset:
            try:
                decide(institution=institution, by=request.user)
            except NotPendingError:
                self.message_user(request, _("%s 不在待审核状态,未作处理。") % institution, level="error")
            else:
                self.message_user(request, done % institution)


def _guarded(view, model_admin):
    """`admin_view` checks for active staff only; these pages need the right to view the model."""

    def guarded(request, *args, **kwargs):
        if not model_admin.has_view_permission(request):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded


class EnrolmentInline(BoundedRowsMixin, ReadOnly, admin.TabularInline):
    model = Enrolment
    fields = ["institution", "student_number", "cohort", "programme_name", "status"]


class MergeFilter(admin.SimpleListFilter):
    """待合并: self-registered people whose number a proven person holds."""

    title = _("合并")
    parameter_name = "merge"

    def lookups(self, request, model_admin):
        return [("waiting", _("待合并")), ("merged", _("已合并"))]

    def queryset(self, request, queryset):
        if self.value() == "waiting":
            return queryset.to_merge()
        return queryset.exclude(merged_into=None) if self.value() == "merged" else queryset


@admin.register(Learner)
class LearnerAdmin(admin.ModelAdmin):
    """People are registered or imported, never typed in here; their numbers stay masked."""

    list_display = ["name", "document_kind", "masked", "verified_at", "created_at"]
    list_filter = [MergeFilter]
    search_fields = ["name"]
    inlines = [EnrolmentInline]
    fields = readonly_fields = [
        "name", "document_kind", "masked", "sex", "birth_on", "ethnicity", "nationality", "region", "address",
        "verified_at", "created_at",
    ]  # fmt: skip

    def get_queryset(self, request):
        return learner_desk.visible_learners(request.user)

    def get_urls(self):
        staff = self.admin_site.admin_view
        unmask = staff(_guarded(learner_desk.learner_unmask, self))
        merge = staff(_guarded(learner_desk.learner_merge, self))
        return [
            path("<int:pk>/document/", unmask, name="accounts_learner_unmask"),
            path("<int:pk>/merge/", merge, name="accounts_learner_merge"),
            *super().get_urls(),
        ]

    def change_view(self, request, object_id, form_url="", extra_context=None):
        learner = self.get_object(request, object_id)
        mergeable = learner and learner_desk.may_merge(request.user) and learner_desk.is_mergeable(learner)
        context = {
            "unmask_form": UnmaskForm(),
            "full_document": "",
            "unmask_url": reverse("admin:accounts_learner_unmask", args=[learner.pk]) if learner else "",
            "merge_url": reverse("admin:accounts_learner_merge", args=[learner.pk]) if mergeable else "",
        }
        return super().change_view(request, object_id, form_url, context | (extra_context or {}))

    @admin.display(description=_("证件号码"))
    def masked(self, learner):
        return learner.masked_document

    def has_add_permission(self, request):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(Enrolment)
class EnrolmentAdmin(ReadOnlyAdmin):
    """Roster rows: imported, never typed in; the centre issues activation codes where an institution can't."""

    list_display = ["learner", "masked", "institution", "student_number", "cohort", "programme_name"]
    list_select_related = ["learner", "institution"]
    search_fields = ["learner__name", "=student_number"]
    list_filter = ["status"]
    actions = ["issue_code"]
    fields = readonly_fields = [
        "learner", "masked", "institution", "student_number", "cohort", "education_level", "study_form",
        "programme_code", "programme_name", "status", "created_at",
    ]  # fmt: skip

    @admin.display(description=_("证件号码"))
    def masked(self, enrolment):
        return enrolment.learner.masked_document

    @admin.action(description=_("为所选的一人签发激活码"), permissions=["issue"])
    def issue_code(self, request, queryset):
        enrolments = list(queryset.select_related("learner")[:2])
        if len(enrolments) != 1 or User.objects.filter(learner=enrolments[0].learner_id).exists():
            self.message_user(request, _("请只选择一位尚未激活的学习者。"), level="error")
            return None
        code = issue_activation_code(enrolment=enrolments[0], by=request.user)
        context = {**self.admin_site.each_context(request), "enrolment": enrolments[0], "code": code}
        return render(request, "admin/accounts/enrolment/code_issued.html", context | {"title": _("激活码")})

    def has_issue_permission(self, request):
        return request.user.belongs_to_centre and request.user.has_perm("accounts.add_activationcode")


@admin.register(Region)
class RegionAdmin(TypedChoicesMixin, admin.ModelAdmin):
    list_display = ["code", "name", "level", "valid_to"]
    search_fields = ["=code", "name"]
    list_filter = ["level"]
    autocomplete_fields = ["parent"]


class WaitingFilter(admin.SimpleListFilter):
    """待我核对: what the reader may decide next."""

    title = _("待办")
    parameter_name = "waiting"

    def lookups(self, request, model_admin):
        return [("mine", _("待我核对"))]

    def queryset(self, request, queryset):
        return queryset.waiting_for(request.user) if self.value() else queryset


@admin.register(IdentityCheck)
class IdentityCheckAdmin(ReadOnlyAdmin):
    """人工核对: the centre's queue, longest waiting first; a case opens on its own page."""

    list_display = ["applicant", "masked_document", "masked_phone", "status", "first_by", "final_by", "created_at"]
    list_display_links = None
    list_select_related = ["first_by", "final_by"]
    list_filter = [WaitingFilter, "status"]
    search_fields = ["name"]
    fields = ["name", "masked_document", "masked_phone", "status"]

    def get_urls(self):
        staff, photo = self.admin_site.admin_view, identity_desk.identity_evidence
        evidence = "<int:pk>/evidence/<int:file_pk>/"
        return [
            path("<int:pk>/desk/", staff(identity_desk.identity_desk), name="accounts_identitycheck_desk"),
            path(evidence, staff(photo), name="accounts_identitycheck_evidence"),
            path(f"{evidence}thumbnail/", staff(photo), {"thumbnail": True}, name="accounts_identitycheck_thumbnail"),
            *super().get_urls(),
        ]

    def has_view_permission(self, request, obj=None):
        return identity_desk.may_see_checks(request.user)

    @admin.display(description=_("申请人"))
    def applicant(self, check):
        return format_html('<a href="{}">{}</a>', reverse(identity_desk.DESK, args=[check.pk]), check.name)

    @admin.display(description=_("证件号码"))
    def masked_document(self, check):
        return check.masked_document

    @admin.display(description=_("已验证的手机号码"))
    def masked_phone(self, check):
        return check.masked_phone


@admin.register(PersonalDataAccess)
class PersonalDataAccessAdmin(ReadOnlyAdmin):
    list_display = ["at", "learner", "unit", "by", "purpose", "note", "address"]
    list_select_related = ["learner", "by"]
    list_filter = ["purpose"]
    search_fields = ["by__name", "learner__name", "unit"]


@admin.register(LearnerMerge)
class LearnerMergeAdmin(ReadOnlyAdmin):
    list_display = ["at", "unverified", "verified", "outcome", "by", "note"]
    list_select_related = ["unverified", "verified", "by"]
    list_filter = ["outcome"]


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(admin.ModelAdmin):
    search_fields = ["name"]
    filter_horizontal = ["permissions"]
