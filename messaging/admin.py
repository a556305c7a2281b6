from django.contrib import admin

from messaging.models import SmsMessage


@admin.register(SmsMessage)
class SmsMessageAdmin(admin.ModelAdmin):
    list_display = ["pk", "purpose", "status", "attempts", "failure", "created_at", "sent_at"]
    list_filter = ["status", "purpose"]
    fields = readonly_fields = [
        "purpose", "status", "attempts", "failure", "created_at", "next_attempt_at", "give_up_at", "sent_at",
    ]  # fmt: skip

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False
