"""Admin pages of records that services write and people only read."""

from django.contrib import admin


class ReadOnly:
    """For pages and inlines alike: nothing is added, changed or deleted there."""

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


class ReadOnlyAdmin(ReadOnly, admin.ModelAdmin):
    pass
