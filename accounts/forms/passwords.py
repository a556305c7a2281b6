from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.backends import throttle_key
from accounts.forms.codes import PhoneCodeForm
from accounts.models import RateLimit, VerificationCode
from accounts.passwords import check_password_rule, password_hint
from accounts.services.people import change_password, reset_password


class PasswordField(forms.CharField):
    def __init__(self, *, new=False, **kwargs):
        attrs = {"autocomplete": "new-password" if new else "current-password"}
        super().__init__(strip=False, max_length=128, widget=forms.PasswordInput(attrs), **kwargs)


class NewPasswordMixin:
    """`password` and `password_again` under the rule of `password_flow`."""

    password_flow = "change"  # noqa: S105

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = password_hint(self.password_flow)
        self.fields["password"].widget.attrs["data-password-meter"] = True
        self.fields["password_again"].help_text = _("请再次输入您设置的密码")

    def clean_password(self):
        check_password_rule(self.cleaned_data["password"], self.password_flow)
        return self.cleaned_data["password"]

    def clean_password_again(self):
        again = self.cleaned_data["password_again"]
        if "password" in self.cleaned_data and again != self.cleaned_data["password"]:
            raise ValidationError(_("两次输入的密码不一致。"))
        return again


class PasswordChangeForm(NewPasswordMixin, forms.Form):
    """修改密码."""

    old_password = PasswordField(label=_("原密码"))
    password = PasswordField(label=_("新密码"), new=True)
    password_again = PasswordField(label=_("确认密码"), new=True)

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_old_password(self):
        if not self.user.check_password(self.cleaned_data["old_password"]):
            raise ValidationError(_("原密码不正确。"))
        return self.cleaned_data["old_password"]

    def save(self, request):
        change_password(request=request, user=self.user, password=self.cleaned_data["password"])


class PasswordResetForm(NewPasswordMixin, PhoneCodeForm):
    """忘记密码: a code to the account's phone, then a new password."""

    purpose = VerificationCode.Purpose.RESET

    password = PasswordField(label=_("新密码"), new=True)
    password_again = PasswordField(label=_("确认密码"), new=True)

    def save(self):
        """Set the password and lift the lock of earlier failures; return the user, or None when there is none."""
        user = reset_password(phone=self.cleaned_data["phone"], password=self.cleaned_data["password"])
        if user:
            RateLimit.forget("sign-in", throttle_key(user.username))
        return user
