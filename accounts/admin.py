from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as StockUserAdmin
from django.contrib.auth.models import Group
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from accounts.forms import StaffSignInForm
from accounts.models import Enrolment, Institution, Learner, Region, User
from accounts.services.activation import issue_activation_code
from accounts.services.institutions import NotPendingError, approve_institution, refuse_institution

admin.site.site_header = _("广东终身教育学分银行 管理后台")
admin.site.site_title = _("学分银行管理后台")
admin.site.index_title = _("工作台")
admin.site.login_form = StaffSignInForm


@admin.register(User)
class UserAdmin(StockUserAdmin):
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


@admin.register(Institution)
class InstitutionAdmin(admin.ModelAdmin):
    list_display = ["name", "bank_code", "kind", "status", "valid_from", "valid_to"]
    list_filter = ["status", "kind"]
    search_fields = ["name", "bank_code"]
    actions = ["approve", "refuse"]

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


class EnrolmentInline(admin.TabularInline):
    model = Enrolment
    extra = 0
    can_delete = False
    fields = readonly_fields = ["institution", "student_number", "cohort", "programme_name", "status"]

    def has_add_permission(self, request, obj=None):
        return False


@admin.register(Learner)
class LearnerAdmin(admin.ModelAdmin):
    """People are registered or imported, never typed in here; their numbers stay masked."""

    list_display = ["name", "document_kind", "masked", "verified_at", "created_at"]
    search_fields = ["name"]
    inlines = [EnrolmentInline]
    fields = readonly_fields = [
        "name", "document_kind", "masked", "sex", "birth_on", "ethnicity", "nationality", "region", "address",
        "verified_at", "created_at",
    ]  # fmt: skip

    @admin.display(description=_("证件号码"))
    def masked(self, learner):
        return learner.masked_document

    def has_add_permission(self, request):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(Enrolment)
class EnrolmentAdmin(admin.ModelAdmin):
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

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(Region)
class RegionAdmin(admin.ModelAdmin):
    list_display = ["code", "name", "level", "valid_to"]
    search_fields = ["=code", "name"]
    list_filter = ["level"]
    autocomplete_fields = ["parent"]


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(admin.ModelAdmin):
    search_fields = ["name"]
    filter_horizontal = ["permissions"]
