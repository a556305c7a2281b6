from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import PersonalDataAccess
from accounts.services.personal_data import reveal_document


class UnmaskForm(forms.ModelForm):
    """「显示完整证件号码」: why; 「其他」 has to say which (a constraint of the model)."""

    class Meta:
        model = PersonalDataAccess
        fields = ["purpose", "note"]
        help_texts = {"note": _("查看目的和说明会显示给学习者本人。")}
        error_messages = {"purpose": {"required": _("请选择查看目的。")}}

    def reveal(self, *, learner, by, address):
        data = self.cleaned_data
        return reveal_document(
            learner=learner, by=by, purpose=data["purpose"], note=data["note"].strip(), address=address
        )


class MergeForm(forms.Form):
    """What staff decide about two records with one number."""

    MERGE, KEEP_APART = "merge", "keep_apart"

    decision = forms.ChoiceField(
        label=_("结论"),
        choices=[(MERGE, _("是同一人,合并")), (KEEP_APART, _("不是同一人,不合并"))],
        widget=forms.RadioSelect,
        error_messages={"required": _("请选择结论。")},
    )
    note = forms.CharField(
        label=_("依据"), max_length=200, error_messages={"required": _("请写明依据,例如核对了哪些证件。")}
    )
