from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.addresses import client_address
from accounts.backends import needs_captcha, sign_in_wait
from accounts.captcha import CaptchaField
from accounts.forms.passwords import PasswordField
from accounts.services.codes import spoken

WRONG = _("账号或密码不正确,请重新输入。")


def refusal(request, identifier):
    """What to tell after a failed sign-in; the same for accounts that exist and that don't."""
    seconds = sign_in_wait(identifier, client_address(request))
    if seconds:
        return _("登录失败次数过多,请%s后再试,或通过“忘记密码”重设密码。") % spoken(seconds)
    return WRONG


class SignInForm(forms.Form):
    """登录: one account box for four identifiers, and the identity the person signs in as."""

    class Identity:
        PERSON, INSTITUTION = "person", "institution"

    identity = forms.ChoiceField(
        label=_("请选择您的登录身份"),
        choices=[(Identity.PERSON, _("个人")), (Identity.INSTITUTION, _("机构"))],
        initial=Identity.PERSON,
        widget=forms.RadioSelect({"class": "form-check-input"}),
    )
    identifier = forms.CharField(
        label=_("账号"),
        max_length=254,
        widget=forms.TextInput({"placeholder": _("手机号/邮箱/用户名/证件号码"), "autocomplete": "username"}),
        error_messages={"required": _("请输入手机号、邮箱、用户名或证件号码。")},
    )
    password = PasswordField(label=_("密码"), error_messages={"required": _("请输入密码。")})
    captcha = CaptchaField()

    def __init__(self, *args, request=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.request = request
        self.user = None
        if not needs_captcha(self.data.get("identifier", "")):
            self.hidden_captcha = self.fields.pop("captcha")
        if not self.is_bound:
            self._focus_on("identifier")

    def _focus_on(self, name):
        self.fields[name].widget.attrs["autofocus"] = True

    def clean(self):
        data = super().clean()
        if not self.errors:
            self.user = self._authenticate(data)
        if self.errors and needs_captcha(data.get("identifier", "")) and "captcha" not in self.fields:
            self.fields["captcha"] = self.hidden_captcha
        self._focus_on(next((name for name in self.errors if name in self.fields), "identifier"))
        return data

    def _authenticate(self, data):
        user = authenticate(self.request, username=data["identifier"], password=data["password"])
        if user is None:
            self.add_error(None, ValidationError(refusal(self.request, data["identifier"]), code="wrong"))
        elif not self._fits(user, data["identity"]):
            self.add_error("identity", _("该账号不属于所选的登录身份,请重新选择。"))
        return user

    def _fits(self, user, identity):
        """Staff sign in at /admin/ or here as 个人; an institution's account only as 机构."""
        is_institution = bool(user.institution_id) and not user.is_staff
        return is_institution == (identity == self.Identity.INSTITUTION)


class StaffSignInForm(AdminAuthenticationForm):
    """The admin's own form, telling about a lock the way the site does."""

    def get_invalid_login_error(self):
        identifier = self.cleaned_data.get("username", "")
        return ValidationError(refusal(self.request, identifier), code="invalid_login")
