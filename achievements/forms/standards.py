"""行业标准查询, and the comparison of two levels of the framework."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from achievements.forms.catalogue import WordsField
from achievements.models import IndustryStandard
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
