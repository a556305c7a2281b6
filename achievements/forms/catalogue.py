"""Looking for entries of the catalogue."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from achievements.search import WORDS_AT_MOST, Hits, storable, terms_of


def check_words(text):
    if len(text.split()) > WORDS_AT_MOST:
        raise ValidationError(_now("最多输入 %s 个词。") % WORDS_AT_MOST)


class WordsField(forms.CharField):
    """A few words, parted by blanks; all of them must be found."""

    default_validators = [check_words]
    default_error_messages = {"max_length": _("最多输入 %(limit_value)s 个字。")}

    def __init__(self, **options):
        super().__init__(max_length=100, required=False, **options)

    def to_python(self, value):
        return super().to_python(storable(value) if value else value)


class CatalogueSearchForm(forms.Form):
    """One box over everything, and the three filters of 成果选择."""

    q = WordsField(label=_("关键词"))
    programme = WordsField(label=_("项目名称"))
    entry_name = WordsField(label=_("成果名称"))
    institution = WordsField(label=_("资历机构名称"))

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs |= {"placeholder": field.label, "autocomplete": "off"}
        self.fields["q"].widget.attrs["placeholder"] = _("在项目、成果和机构名称里查找,多个词用空格隔开")

    def hits(self):
        """What is found, for a paginator; nothing while a box is wrong."""
        if not self.is_valid():
            return []
        data = self.cleaned_data
        return Hits(
            terms_of(
                anywhere=data["q"],
                project=data["programme"],
                names=data["entry_name"],
                institution=data["institution"],
            )
        )
