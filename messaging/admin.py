from django.contrib import admin

from messaging.models import SmsAttempt, SmsMessage
from vault.bounded_rows import BoundedRowsMixin
from vault.read_only import ReadOnly, ReadOnlyAdmin


class SmsAttemptInline(BoundedRowsMixin, ReadOnly, admin.TabularInline):
    model = SmsAttempt
    fields = ["number", "provider", "started_at", "finished_at", "outcome", "detail"]
    ordering = ["number"]


@admin.register(SmsMessage)
class SmsMessageAdmin(ReadOnlyAdmin):
    list_display = ["pk", "purpose", "status", "attempts", "failure", "created_at", "sent_at"]
    list_filter = ["status", "purpose"]
    fields = [
        "purpose", "status", "attempts", "failure",
        "created_at", "next_attempt_at", "claimed_at", "give_up_at", "sent_at",
    ]  # fmt: skip
    inlines = [SmsAttemptInline]


@admin.register(SmsAttempt)
class SmsAttemptAdmin(ReadOnlyAdmin):
    list_display = ["message", "number", "provider", "started_at", "finished_at", "outcome", "detail"]
    list_filter = ["outcome", "provider"]
    list_select_related = ["message"]
    fields = ["message", "number", "provider", "started_at", "finished_at", "outcome", "detail"]
