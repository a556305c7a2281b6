"""A line of a criteria table as its keeper fills it in: each extra field of the type once, empty ones don't count."""

from django import forms
from django.core.exceptions import ValidationError
from django.forms import BaseInlineFormSet
from django.utils.translation import gettext_lazy as _

from achievements.models import TypeField
from conversion.models import CriteriaTest
from conversion.rules.tables import can_hold, can_say


class CriteriaTestForm(forms.ModelForm):
    """What one field must say; the field stands fixed, a choice is chosen, a number is bounded."""

    class Meta:
        model = CriteriaTest
        fields = ["field", "value", "min_number", "max_number"]

    def __init__(self, *args, type_fields, **kwargs):
        super().__init__(*args, **kwargs)
        own = type_fields.get(str(self["field"].value() or ""))
        self.fields["field"].queryset = TypeField.objects.filter(pk__in=[field.pk for field in type_fields.values()])
        self.fields["field"].widget = forms.Select(choices=[(own.pk, own.label)] if own else [])
        if own and own.kind == TypeField.Kind.CHOICE:
            self.fields["value"].widget = forms.Select(choices=self._choices(own))
        bounded = own is None or own.kind == TypeField.Kind.NUMBER
        for name in ["min_number", "max_number"] if bounded else []:
            self.fields[name].widget.attrs["step"] = "any"

    def _choices(self, field):
        held = self.instance.value
        choices = field.choice_list + [held] * (held not in ["", *field.choice_list])
        return [("", _("不限")), *((choice, choice) for choice in choices)]

    def clean(self):
        data = super().clean()
        if data.get("field") and not self.errors:
            test = CriteriaTest(**{name: data[name] for name in self._meta.fields})
            if test.required and not can_hold(test):
                self._tell(test)
        return data

    def _tell(self, test):
        """Say beside the input why no achievement could meet it."""
        field = test.field
        if test.value and not can_say(field, test.value):
            hint = _("没有这个选项,可用:%s。") % "、".join(field.choice_list) if field.choice_list else ""
            self.add_error("value", hint or _("“%s”填不出这个内容。") % field.label)
        elif field.kind != field.Kind.NUMBER:
            name = "max_number" if test.min_number is None else "min_number"
            self.add_error(name, _("“%s”不是数字项,不能限定大小。") % field.label)
        else:
            low, high = field.range
            words = {"label": field.label, "low": f"{low:f}", "high": f"{high:f}"}
            self.add_error("min_number", _("“%(label)s”只能填%(low)s到%(high)s,没有成果能符合。") % words)


class CriteriaTestFormSet(BaseInlineFormSet):
    """One form for each field of the type that the version is about, those tested already first."""

    def __init__(self, *args, achievement_type=None, **kwargs):
        fields = TypeField.objects.filter(type=achievement_type, is_active=True) if achievement_type else []
        tested = set(kwargs["instance"].tests.values_list("field", flat=True)) if kwargs["instance"].pk else set()
        kwargs["initial"] = [{"field": field.pk} for field in fields if field.pk not in tested]
        known = [*fields, *TypeField.objects.filter(pk__in=tested)]
        kwargs["form_kwargs"] = {"type_fields": {str(field.pk): field for field in known}}
        self.extra, self.max_num = len(kwargs["initial"]), len(known)
        super().__init__(*args, **kwargs)

    def clean(self):
        super().clean()
        if not self.forms:
            raise ValidationError(_("请从规则版本的页面点“添加一档业绩标准”:那里会列出可以限定的附加项。"))
        kept = [form for form in self.forms if form.has_changed() or form.instance.pk]
        if not any(self.errors) and not [form for form in kept if form not in self.deleted_forms]:
            raise ValidationError(_("请至少填写一项条件:没有条件的一档,任何成果都符合。"))
