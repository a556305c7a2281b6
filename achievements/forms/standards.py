"""行业标准查询."""

from django import forms
from django.utils.translation import gettext_lazy as _

from achievements.models import IndustryStandard


class StandardSearchForm(forms.Form):
    """行业标准查询."""

    industry = forms.CharField(label=_("行业"), max_length=60, required=False)
    occupation = forms.CharField(label=_("职业"), max_length=60, required=False)
    level = forms.TypedChoiceField(
        label=_("资历框架等级"),
        choices=[("", _("全部等级"))] + [(level, f"{level}级") for level in range(1, 8)],
        coerce=int,
        empty_value=None,
        required=False,
    )

    def standards(self):
        if not self.is_valid():
            return IndustryStandard.objects.none()
        return IndustryStandard.objects.search(**self.cleaned_data)
