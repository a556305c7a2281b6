"""Shares and corrections of certificates."""

from datetime import timedelta

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class ShareForm(forms.Form):
    """Until when a link shows a certificate, and for whom it is meant (seen by its maker only)."""

    until = forms.DateField(
        label=_("有效期至(含当日)"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    note = forms.CharField(
        label=_("备注"), max_length=60, required=False, help_text=_("只有您自己能看到,如“应聘甲公司”。")
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        today = timezone.localdate()
        self.last = today + timedelta(days=settings.SHARE_DAYS)
        self.fields["until"].widget.attrs |= {"min": today.isoformat(), "max": self.last.isoformat()}

    def clean_until(self):
        until = self.cleaned_data["until"]
        if until < timezone.localdate():
            raise ValidationError(_("请选择今天或以后的日期。"))
        if until > self.last:
            raise ValidationError(_("最晚可以设到 %s。") % self.last.isoformat())
        return until


class CorrectionForm(forms.Form):
    """Why a certificate is corrected; whoever checks the old one reads it."""

    reason = forms.CharField(
        label=_("更正原因"), max_length=200, help_text=_("查验旧证明的人会看到,请不要写入个人信息。")
    )
