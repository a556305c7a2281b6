"""The yardstick of `bench desk`: Django's own admin list of the applications, with the queue's columns."""

from django.contrib.admin import AdminSite, ModelAdmin

from conversion.models import Application


class StockAdmin(ModelAdmin):
    list_display = ["title", "kind", "learner", "receiving_institution", "status", "waiting_since", "submitted_at"]
    list_filter = ["status", "kind"]
    search_fields = ["learner__name"]


site = AdminSite("stock")
site.register(Application, StockAdmin)
