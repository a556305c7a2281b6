"""The extra fields of a type in a form: `extra_<key>` each."""

from django import forms
from django.utils.translation import gettext_lazy as _

from achievements.models import TypeField
from achievements.rules import check_extra

PREFIX = "extra_"


def _widget(field, held):
    if field.kind == TypeField.Kind.CHOICE:
        # What an achievement holds stays choosable, also when the type no longer offers it.
        choices = field.choice_list + [held] * (held not in ["", *field.choice_list])
        return forms.Select(choices=[("", _("请选择"))] + [(choice, choice) for choice in choices])
    if field.kind == TypeField.Kind.NUMBER:
        return forms.NumberInput(_bounds(field) | {"step": f"{10**-field.decimals:g}"})
    if field.kind == TypeField.Kind.DATE:
        return forms.DateInput({"type": "date"}, format="%Y-%m-%d")
    return forms.TextInput({"maxlength": field.longest})


def _bounds(field):
    low, high = field.range
    return {"min": f"{low:f}", "max": f"{high:f}"}


class ExtraFieldsMixin:
    """Asks for the type's fields; `extra_values()` says what to store in `Achievement.extra`."""

    def add_extra_fields(self, type, held=None):
        """Add a field for each one in use of the type; `held` is what the achievement says so far."""
        self.extra_held = dict(held or {})
        self.extra_fields = [field for field in type.extra_fields.all() if field.is_active]
        for field in self.extra_fields:
            held = str(self.extra_held.get(field.key, ""))
            self.fields[PREFIX + field.key] = forms.CharField(
                label=field.label,
                required=field.required,
                help_text=field.hint,
                widget=_widget(field, held),
                max_length=None if field.kind == TypeField.Kind.CHOICE else 200,
                initial=held,
                error_messages={"required": _("请填写%s。") % field.label},
            )

    @property
    def extra_bound_fields(self):
        return [self[PREFIX + field.key] for field in self.extra_fields]

    def clean(self):
        data = super().clean()
        typed = {field.key: self.cleaned_data.get(PREFIX + field.key, "") for field in self.extra_fields}
        kept = {key for key, text in typed.items() if text and text == str(self.extra_held.get(key, ""))}
        asked = [field for field in self.extra_fields if field.key not in kept]
        stored, errors = check_extra(self.extra_fields, typed)
        self.extra_stored = self.extra_held | {field.key: "" for field in asked} | stored
        for key, reason in errors.items():
            if key not in kept and PREFIX + key not in self.errors:
                self.add_error(PREFIX + key, reason)
        return data

    def extra_values(self):
        """What was typed, and what the achievement holds of fields that aren't asked for any more."""
        return {key: value for key, value in self.extra_stored.items() if value != ""}
