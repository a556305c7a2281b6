"""行业标准查询, the comparison of two levels of the framework, and its versions in the admin."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from achievements.forms.catalogue import WordsField
from achievements.models import FrameworkVersion, IndustryStandard
from achievements.models.catalogue import FRAMEWORK_LEVELS
from achievements.search import Term, folded

STANDARD_TEXTS = ("title", "code", "industry", "occupation", "summary")


class StandardSearchForm(forms.Form):
    """行业标准查询."""

    q = WordsField(label=_("关键词"))
    industry = WordsField(label=_("行业"))
    occupation = WordsField(label=_("职业"))
    level = forms.TypedChoiceField(
        label=_("资历框架等级"),
        choices=[("", _("全部等级"))] + [(level, f"{level}级") for level in range(1, 8)],
        coerce=int,
        empty_value=None,
        required=False,
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.terms = []
        for name in ["q", "industry", "occupation"]:
            self.fields[name].widget.attrs |= {"placeholder": self.fields[name].label, "autocomplete": "off"}
        self.fields["q"].widget.attrs["placeholder"] = _("标准名称、编号、行业、职业或内容里的词")
        self.fields["industry"].widget.attrs["list"] = "industries"

    def standards(self):
        """What is found, in order of industry and level; nothing while a box is wrong."""
        if not self.is_valid():
            return IndustryStandard.objects.none()
        data = self.cleaned_data
        boxes = [(data["q"], STANDARD_TEXTS), (data["industry"], ("industry",)), (data["occupation"], ("occupation",))]
        texts = folded([text for text, _columns in boxes])
        pairs = zip(texts, boxes, strict=True)
        self.terms = [Term(word, columns) for text, (_text, columns) in pairs for word in text.split()]
        return IndustryStandard.objects.holding(self.terms).at_level(data["level"])


class LevelComparisonForm(forms.Form):
    """Two levels of one version of the framework."""

    first = forms.TypedChoiceField(label=_("比较等级"), coerce=int)
    second = forms.TypedChoiceField(label=_("与等级"), coerce=int)

    def __init__(self, *args, levels, **kwargs):
        super().__init__(*args, **kwargs)
        self.levels = {level.level: level for level in levels}
        for field, start in zip(self.fields.values(), [0, 1], strict=True):
            field.choices = [(number, _("第%s级") % number) for number in self.levels]
            field.initial = list(self.levels)[start] if len(self.levels) > start else None

    def clean(self):
        data = super().clean()
        if "first" in data and data["first"] == data.get("second"):
            self.add_error("second", ValidationError(_now("请选择两个不同的等级。")))
        return data

    def compared(self):
        """The two levels, or nothing."""
        if not self.is_bound or not self.is_valid():
            return []
        return [self.levels[self.cleaned_data[name]] for name in ("first", "second")]


class FrameworkVersionForm(forms.ModelForm):
    """A version in the admin. One that comes into force takes the place of the one before (`put_in_force`)."""

    class Meta:
        model = FrameworkVersion
        fields = ["name", "source", "is_official", "is_current"]

    def clean_is_current(self):
        if self.initial.get("is_current") and not self.cleaned_data["is_current"]:
            raise ValidationError(_now("总要有一个现行版本:请把另一个版本设为现行。"))
        return self.cleaned_data["is_current"]

    def _get_validation_exclusions(self):
        return super()._get_validation_exclusions() | {"is_current"}  # the other one makes room


class FrameworkLevelFormSet(forms.BaseInlineFormSet):
    def clean(self):
        super().clean()
        kept = [form.cleaned_data for form in self.forms if form.cleaned_data and form not in self.deleted_forms]
        lowest, highest = FRAMEWORK_LEVELS
        if self.instance.is_current and {data.get("level") for data in kept} != set(range(lowest, highest + 1)):
            raise ValidationError(
                _now("现行版本要写全%(lowest)s到%(highest)s级。") % {"lowest": lowest, "highest": highest}
            )
