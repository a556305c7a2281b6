from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.captcha import CaptchaField
from accounts.documents import infer_kind, normalise_name, parse
from accounts.forms.codes import PhoneCodeForm
from accounts.forms.passwords import NewPasswordMixin, PasswordField
from accounts.models import VerificationCode


class ActivationNumberForm(forms.Form):
    """Step 1 「登录账号」: goes on for every well-formed number, on a roster or not."""

    document_number = forms.CharField(
        label=_("证件号码"),
        max_length=64,
        help_text=_("证件号码最长不超过:32位"),
        widget=forms.TextInput({"placeholder": _("请输入身份证号"), "autocomplete": "off"}),
    )
    captcha = CaptchaField()

    def clean_document_number(self):
        number = self.cleaned_data["document_number"]
        return parse(infer_kind(number), number).number


class ActivationIdentityForm(PhoneCodeForm):
    """Step 2 「身份验证」: the name, a phone and the code sent to it; an activation code where the phone changed."""

    purpose = VerificationCode.Purpose.ACTIVATE

    name = forms.CharField(label=_("姓名"), max_length=100, widget=forms.TextInput({"autocomplete": "name"}))
    activation_code = forms.CharField(
        label=_("激活码"),
        max_length=40,
        required=False,
        help_text=_("名册中没有您的手机号或手机号已更换时,填写机构发给您的激活码;否则留空。"),
        widget=forms.TextInput({"autocomplete": "off"}),
    )

    def __init__(self, *args, proven_phone="", **kwargs):
        super().__init__(*args, initial={"phone": proven_phone}, **kwargs)
        self.proven_phone = proven_phone
        self.fields["code"].required = not proven_phone

    def clean_name(self):
        return normalise_name(self.cleaned_data["name"])

    def _check_code(self):
        """A phone proven a moment ago needs no second SMS to retype the name."""
        if self.cleaned_data["phone"] == self.proven_phone:
            return
        if not self.cleaned_data.get("code"):
            self.add_error("code", ValidationError(_("请输入短信验证码。"), code="required"))
            return
        super()._check_code()


class ActivationPasswordForm(NewPasswordMixin, forms.Form):
    """Step 3 「设置密码」."""

    password_flow = "activation"  # noqa: S105

    password = PasswordField(label=_("设置密码"), new=True)
    password_again = PasswordField(label=_("确认密码"), new=True)
