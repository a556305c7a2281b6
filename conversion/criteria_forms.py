"""What a keeper says of each extra field of a type, once each, empty ones not counting: the tests of a line of a
criteria table, and the made-up achievement of an example."""

from django import forms
from django.core.exceptions import ValidationError
from django.forms import BaseInlineFormSet
from django.utils.translation import gettext_lazy as _

from achievements.models import TypeField
from conversion.models import CriteriaTest, RuleExampleValue
from conversion.rules.tables import can_hold, can_say


class TypeFieldForm(forms.ModelForm):
    """What is said of one field: the field stands fixed, a choice is chosen."""

    nothing = _("未填写")

    def __init__(self, *args, type_fields, **kwargs):
        super().__init__(*args, **kwargs)
        own = self.own = type_fields.get(str(self["field"].value() or ""))
        self.fields["field"].queryset = TypeField.objects.filter(pk__in=[field.pk for field in type_fields.values()])
        self.fields["field"].widget = forms.Select(choices=[(own.pk, own.label)] if own else [])
        if own and own.kind == TypeField.Kind.CHOICE:
            self.fields["value"].widget = forms.Select(choices=self._choices(own))
        self._name_inputs()

    def _name_inputs(self):
        """The headings of a table are no labels: each input is told by its field and its column."""
        for name, field in self.fields.items():
            about = f"{self.own.label} " if self.own and name != "field" else ""
            field.widget.attrs["aria-label"] = f"{about}{field.label}"

    def _choices(self, field):
        held = self.instance.value
        choices = field.choice_list + [held] * (held not in ["", *field.choice_list])
        return [("", self.nothing), *((choice, choice) for choice in choices)]


class ExampleValueForm(TypeFieldForm):
    """What the achievement of an example says in one field, as its learner would have to fill it in."""

    class Meta:
        model = RuleExampleValue
        fields = ["field", "value"]

    def clean_value(self):
        value = self.cleaned_data["value"]
        return self.own.parse(value) if self.own else value


class CriteriaTestForm(TypeFieldForm):
    """What one field must say; a number is bounded."""

    nothing = _("不限")

    class Meta:
        model = CriteriaTest
        fields = ["field", "value", "min_number", "max_number"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        bounded = self.own is None or self.own.kind == TypeField.Kind.NUMBER
        for name in ["min_number", "max_number"] if bounded else []:
            self.fields[name].widget.attrs["step"] = "any"

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


class TypeFieldFormSet(BaseInlineFormSet):
    """One form for each field of the type that the version is about, those that say something already first."""

    def __init__(self, *args, achievement_type=None, **kwargs):
        fields = TypeField.objects.filter(type=achievement_type, is_active=True) if achievement_type else []
        said = self.model.objects.filter(**{self.fk.name: kwargs["instance"].pk}).values_list("field", flat=True)
        said = set(said) if kwargs["instance"].pk else set()
        kwargs["initial"] = [{"field": field.pk} for field in fields if field.pk not in said]
        known = [*fields, *TypeField.objects.filter(pk__in=said)]
        kwargs["form_kwargs"] = {"type_fields": {str(field.pk): field for field in known}}
        self.extra, self.max_num, self.absolute_max = len(kwargs["initial"]), len(known), len(known)
        super().__init__(*args, **kwargs)


class ExampleValueFormSet(TypeFieldFormSet):
    """The fields of an example's achievement; one that is emptied goes."""

    def _should_delete_form(self, form):
        return super()._should_delete_form(form) or not form["value"].value()

    def clean(self):
        super().clean()
        if not self.forms:
            raise ValidationError(_("请从规则版本的页面点“添加例子”:那里会列出可以填写的附加项。"))


class CriteriaTestFormSet(TypeFieldFormSet):
    def clean(self):
        super().clean()
        if not self.forms:
            raise ValidationError(_("请从规则版本的页面点“添加一档业绩标准”:那里会列出可以限定的附加项。"))
        kept = [form for form in self.forms if form.has_changed() or form.instance.pk]
        if not any(self.errors) and not [form for form in kept if form not in self.deleted_forms]:
            raise ValidationError(_("请至少填写一项条件:没有条件的一档,任何成果都符合。"))
