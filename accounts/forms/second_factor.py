from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.services.codes import spoken
from accounts.services.second_factor import WrongCodeError, check_code
from accounts.totp import step_of


def code_field(label, help_text, **attrs):
    attrs = {"autocomplete": "one-time-code", "inputmode": "numeric"} | attrs
    return forms.CharField(
        label=label,
        help_text=help_text,
        max_length=20,
        widget=forms.TextInput(attrs),
        error_messages={"required": _("请输入验证码。")},
    )


class CodeFormMixin:
    def clean_code(self):
        """The digits of a code, however they were grouped or wherever they were typed (full width too)."""
        return "".join(str(int(character)) for character in self.cleaned_data["code"] if character.isdecimal())


class SecondFactorForm(CodeFormMixin, forms.Form):
    """The code of the authenticator app, or a recovery code."""

    code = code_field(_("验证码"), _("身份验证器显示的6位动态码;手机不在身边时,可填12位恢复码"), autofocus=True)

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_code(self):
        code = super().clean_code()
        try:
            check_code(user=self.user, code=code)
        except WrongCodeError as error:
            raise ValidationError(self._refusal(error.seconds), code="wrong") from error
        return code

    def _refusal(self, seconds):
        if seconds:
            return _("验证码错误次数过多,请%s后再试。") % spoken(seconds)
        return _("验证码不正确或已经用过。动态码每30秒更换一次,请输入最新的一个。")


class SecondFactorSetUpForm(CodeFormMixin, forms.Form):
    """The first code of an app: it proves that the app holds the secret."""

    code = code_field(_("动态码"), _("填写身份验证器现在显示的6位数字"))

    def __init__(self, *args, secret, **kwargs):
        super().__init__(*args, **kwargs)
        self.secret = secret

    def clean_code(self):
        code = super().clean_code()
        self.step = step_of(self.secret, code)
        if self.step is None:
            raise ValidationError(_("动态码不正确。请确认手机时间准确,再输入最新的一个。"), code="wrong")
        return code
