from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.forms.lines import Lines
from accounts.models import IdentityCheck
from accounts.services.identity import TooManyChecksError, request_identity_check
from evidence.forms import EvidenceField, TellsLostFilesMixin

PHOTOS = 3


class IdentityCheckForm(TellsLostFilesMixin, forms.Form):
    """「申请人工核对」; number, name and proven phone come from the activation before it."""

    note = forms.CharField(
        label=_("情况说明"),
        required=False,
        max_length=500,
        widget=Lines({"rows": 4}),
        help_text=_("例如:原手机号已停用;姓名中有生僻字;在哪所机构、哪一年入学。请勿填写证件号码。"),
    )
    files = EvidenceField(label=_("证件照片(选填)"), required=False)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["files"].most = PHOTOS
        self.fields["files"].widget.attrs["data-max-files"] = PHOTOS

    def save(self, *, document_number, name, phone):
        """Put the case before the centre; tell whether the phone was still allowed to."""
        data = self.cleaned_data
        try:
            request_identity_check(
                document_number=document_number, name=name, phone=phone, note=data["note"], uploads=data["files"]
            )
        except TooManyChecksError:
            self.add_error(None, _("这个手机号码今天申请的次数已达上限,请明天再试,或携带本人证件联系管理中心。"))
            return False
        return True


class IdentityDecisionForm(forms.Form):
    """One decision of one person about a 人工核对; a refusal has a reason."""

    APPROVE, REFUSE = "approve", "refuse"

    action = forms.ChoiceField(
        label=_("核对结论"),
        choices=[(APPROVE, _("核对无误,通过")), (REFUSE, _("不予通过"))],
        widget=forms.RadioSelect,
        error_messages={"required": _("请选择核对结论。")},
    )
    refusal = forms.ChoiceField(
        label=_("不予通过的原因"), choices=[("", "---------"), *IdentityCheck.Refusal.choices], required=False
    )
    seen_status = forms.CharField(widget=forms.HiddenInput)

    def clean(self):
        data = super().clean()
        if data.get("action") == self.REFUSE and not data.get("refusal"):
            self.add_error("refusal", _("不予通过时必须选择原因。"))
        return data
