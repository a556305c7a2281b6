"""Looking for entries of the catalogue."""

from django import forms
from django.utils.translation import gettext_lazy as _

from achievements.models import CatalogueEntry


class CatalogueSearchForm(forms.Form):
    """The three filters of 成果选择."""

    programme = forms.CharField(label=_("项目名称"), max_length=100, required=False)
    entry_name = forms.CharField(label=_("成果名称"), max_length=200, required=False)
    institution = forms.CharField(label=_("资历机构名称"), max_length=120, required=False)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["placeholder"] = field.label

    def entries(self):
        rows = CatalogueEntry.objects.public().select_related("institution", "type")
        if not self.is_valid():
            return rows
        data = self.cleaned_data
        return rows.search(programme=data["programme"], name=data["entry_name"], institution=data["institution"])
