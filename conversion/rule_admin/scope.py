"""Whose rules somebody of the staff sees and changes: his institution's, at the centre every one."""

from django.contrib import admin
from django.db import IntegrityError
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.typed_choices import TypedChoicesMixin
from conversion.models import RuleVersion
from conversion.services.drafting import DraftExistsError

PUBLISHED = _("这个版本刚刚已发布,不能再修改。请由它新建草稿后再改。")


def _value(obj, path):
    for name in path.split("__"):
        obj = getattr(obj, name)
    return obj


class OwnInstitution(TypedChoicesMixin, admin.ModelAdmin):
    """`institution_path` leads from the model to the id of its institution; `choices_of` {field: path} narrows what
    a foreign key offers. With `shares_centre` rows without an institution are seen by all, changed by the centre.
    """

    institution_path = "institution_id"
    choices_of = {}
    shares_centre = False

    def get_queryset(self, request):
        rows = super().get_queryset(request)
        if request.user.belongs_to_centre:
            return rows
        own = Q(**{self.institution_path: request.user.institution_id or 0})
        return rows.filter(own | Q(**{self.institution_path: None})) if self.shares_centre else rows.filter(own)

    def changeform_view(self, request, *args, **kwargs):
        """Who loses a race for a number, a code, the one draft is asked once more: now the form sees what won, says so
        beside its field, and has all that was typed.
        """
        try:
            return super().changeform_view(request, *args, **kwargs)
        except (IntegrityError, DraftExistsError):
            return super().changeform_view(request, *args, **kwargs)

    def _is_own(self, request, obj):
        if obj is None or request.user.belongs_to_centre:
            return True
        return _value(obj, self.institution_path) == request.user.institution_id

    def has_view_permission(self, request, obj=None):
        shared = self.shares_centre and obj is not None and _value(obj, self.institution_path) is None
        return super().has_view_permission(request, obj) and (shared or self._is_own(request, obj))

    def has_change_permission(self, request, obj=None):
        return super().has_change_permission(request, obj) and self._is_own(request, obj)

    def has_delete_permission(self, request, obj=None):
        return super().has_delete_permission(request, obj) and self._is_own(request, obj)

    def get_actions(self, request):
        """No deletion of several at once: it would ask nobody whether each may go."""
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}

    def get_autocomplete_fields(self, request):
        """An institution's staff has one institution to choose."""
        fields = super().get_autocomplete_fields(request)
        return fields if request.user.belongs_to_centre else [name for name in fields if name != "institution"]

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        path = self.choices_of.get(db_field.name)
        if path and field and not request.user.belongs_to_centre:
            field.queryset = field.queryset.filter(**{path: request.user.institution_id})
            if db_field.name == "institution":
                field.empty_label, field.required = None, True
        return field


class DraftOnly(OwnInstitution):
    """A version that was published never changes, nor its parts: applications may have frozen it."""

    version_path = "version"

    def _version_of(self, obj):
        return _value(obj, self.version_path) if self.version_path else obj

    def _is_draft(self, obj):
        return obj is None or self._version_of(obj).status == RuleVersion.Status.DRAFT

    def has_change_permission(self, request, obj=None):
        return super().has_change_permission(request, obj) and self._is_draft(obj)

    def has_delete_permission(self, request, obj=None):
        return super().has_delete_permission(request, obj) and self._is_draft(obj)

    def get_object(self, request, object_id, from_field=None):
        """What is being changed waits for a publication under way, and is found published then."""
        obj = super().get_object(request, object_id, from_field)
        if obj is not None and request.method == "POST":
            version = self._version_of(obj)
            locked = RuleVersion.objects.select_for_update(of=["self"]).filter(pk=version.pk)
            version.status = locked.values_list("status", flat=True).first() or version.status
        return obj
