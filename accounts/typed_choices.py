"""Choosing one of very many rows in the admin: with scripts from a list that searches, without them by its words."""

from functools import partial

from django import forms
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.row_ids import row_ids

MOST = 10  # rows that are named where words mean several


class Typed(str):
    """What was typed, as opposed to the id of a row that was chosen."""

    __slots__ = ()


class TypedSelect(AutocompleteSelect):
    """The admin's searching select; without scripts, which fill it, a text box beside it."""

    template_name = "admin/includes/typed_select.html"

    def value_from_datadict(self, data, files, name):
        typed = data.get(f"{name}-typed", "").replace("\x00", "").strip()
        return Typed(typed) if typed else super().value_from_datadict(data, files, name)

    def get_context(self, name, value, attrs):
        context = super().get_context(name, value, attrs)
        context["widget"]["typed"] = value if isinstance(value, Typed) else ""
        return context

    def optgroups(self, name, value, attr=None):
        """Django looks for whatever was sent, and fails at what is no id."""
        return super().optgroups(name, [str(pk) for pk in row_ids(map(str, value))], attr)


class TypedChoiceField(forms.ModelChoiceField):
    """Takes the id of a row, or `Typed` words that one row alone is found by; `#12` names one of several by its id."""

    find = None  # (rows, words) → those that the words find

    def to_python(self, value):
        if not isinstance(value, Typed):
            return super().to_python(value)
        if value.startswith("#"):
            return super().to_python(str(value[1:]))
        found = list(self.find(self.queryset, value)[: MOST + 1])
        if not found:
            raise ValidationError(_("没有找到“%s”,请换个词。") % value)
        if len(found) > 1:
            raise ValidationError(self._several(found))
        return found[0]

    def _several(self, found):
        names = ";".join(f"#{row.pk} {self.label_from_instance(row)}" for row in found[:MOST])
        more = _(";还有更多,请多写几个词") if len(found) > MOST else ""
        return _("找到不止一项,请改写成其中一项的编号(如 #%(pk)s)。%(names)s%(more)s") % {
            "pk": found[0].pk,
            "names": names,
            "more": more,
        }


class TypedChoicesMixin:
    """Before a `ModelAdmin` or inline: its `autocomplete_fields` can be filled in without scripts too."""

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs["widget"] = TypedSelect(db_field, self.admin_site)
            kwargs["form_class"] = TypedChoiceField
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if isinstance(field, TypedChoiceField):
            field.find = partial(self._found, request, db_field.remote_field.model)
        return field

    def _found(self, request, model, rows, words):
        found, has_repeats = self.admin_site.get_model_admin(model).get_search_results(request, rows, words)
        return found.distinct() if has_repeats else found
