"""The part of a form that proves a phone: number, picture captcha, SMS code."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.captcha import CaptchaField
from accounts.phones import normalise_phone
from accounts.services.codes import spend_code


class PhoneField(forms.CharField):
    def __init__(self, **kwargs):
        attrs = {"autocomplete": "tel", "inputmode": "tel"}
        messages = {"required": _("请输入手机号码。")}
        defaults = {
            "label": _("手机号码"),
            "max_length": 40,
            "widget": forms.TextInput(attrs),
            "error_messages": messages,
        }
        super().__init__(**defaults | kwargs)

    def clean(self, value):
        return normalise_phone(super().clean(value))


class CodeRequestForm(forms.Form):
    """What 「获取验证码」 checks: the captcha guards the sending, once per solution."""

    phone = PhoneField()
    captcha = CaptchaField()


class PhoneCodeForm(forms.Form):
    """A form whose saving is guarded by an SMS code to `phone`; the captcha is needed only to get one."""

    purpose = None

    phone = PhoneField()
    captcha = CaptchaField(help_text=_("先填图片中的字符(或语音中的6个数字),再获取短信验证码"))
    code = forms.CharField(
        label=_("验证码"),
        max_length=6,
        help_text=_("获取短信验证码,有效时间为10分钟"),
        widget=forms.TextInput({"autocomplete": "one-time-code", "inputmode": "numeric"}),
        error_messages={"required": _("请输入短信验证码。")},
    )

    def __init__(self, *args, flow=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.flow = flow

    @classmethod
    def after_request(cls, data, request_form, **kwargs):
        """The form as 「获取验证码」 leaves it: everything typed, and that step's errors only."""
        form = cls(data, **kwargs)
        form._errors = request_form.errors
        form.cleaned_data = {}
        return form

    def focus_on(self, name):
        self.fields[name].widget.attrs["autofocus"] = True

    def full_clean(self):
        # Only the sending of a code asks for the captcha: saving must not use a challenge up.
        captcha = self.fields.pop("captcha")
        super().full_clean()
        self.fields["captcha"] = captcha
        if self.is_bound and not self.errors:
            self._check_code()

    def _check_code(self):
        """Spend an attempt only when everything else is right."""
        data = self.cleaned_data
        if not spend_code(purpose=self.purpose, phone=data["phone"], flow=self.flow or "", code=data["code"]):
            self.add_error(
                "code", ValidationError(_("验证码不正确或已失效。请核对短信,或重新获取验证码。"), code="invalid")
            )
