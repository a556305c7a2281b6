from django.contrib import admin

from messaging.models import SmsAttempt, SmsMessage


class ReadOnly:
    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


class SmsAttemptInline(ReadOnly, admin.TabularInline):
    model = SmsAttempt
    fields = ["number", "provider", "started_at", "finished_at", "outcome", "detail"]
    ordering = ["number"]


@admin.register(SmsMessage)
class SmsMessageAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["pk", "purpose", "status", "attempts", "failure", "created_at", "sent_at"]
    list_filter = ["status", "purpose"]
    fields = [
        "purpose", "status", "attempts", "failure",
        "created_at", "next_attempt_at", "claimed_at", "give_up_at", "sent_at",
    ]  # fmt: skip
    inlines = [SmsAttemptInline]


@admin.register(SmsAttempt)
class SmsAttemptAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["message", "number", "provider", "started_at", "finished_at", "outcome", "detail"]
    list_filter = ["outcome", "provider"]
    list_select_related = ["message"]
    fields = ["message", "number", "provider", "started_at", "finished_at", "outcome", "detail"]
