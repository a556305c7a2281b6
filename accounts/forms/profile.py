from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.forms.codes import PhoneCodeForm
from accounts.forms.passwords import PasswordField
from accounts.forms.register import RegionFieldsMixin, RegionSelect
from accounts.models import User, VerificationCode
from accounts.services.people import change_phone, update_profile


class ProfileForm(RegionFieldsMixin, forms.Form):
    """What learners change by themselves; name and document are settled by verification."""

    email = forms.EmailField(
        label=_("电子邮箱"),
        required=False,
        widget=forms.EmailInput({"autocomplete": "email"}),
        error_messages={"invalid": _("电子邮箱格式有误,请核对后重新输入。")},
    )
    province = forms.ChoiceField(label=_("省"), widget=RegionSelect)
    city = forms.ChoiceField(label=_("市"), widget=RegionSelect)
    district = forms.ChoiceField(label=_("区县"), widget=RegionSelect)
    address = forms.CharField(
        label=_("详细地址"), max_length=200, widget=forms.TextInput({"autocomplete": "street-address"})
    )

    def __init__(self, *args, user, **kwargs):
        learner = user.learner
        initial = {"email": user.email, "address": learner.address, **_chain(learner.region)}
        super().__init__(*args, initial=initial, **kwargs)
        self.user = user
        self.set_regions()

    def clean_email(self):
        email = self.cleaned_data["email"]
        if email and User.objects.filter(email__iexact=email).exclude(pk=self.user.pk).exists():
            raise ValidationError(_("该电子邮箱已被其他账号使用。"))
        return email

    def save(self):
        data = self.cleaned_data
        update_profile(user=self.user, email=data["email"], region_id=self.clean_region(), address=data["address"])


def _chain(region):
    """A division and those above it as {select: code}."""
    names, codes = ["province", "city", "district"], {}
    while region:
        codes[names[region.level - 1]] = region.pk
        region = region.parent
    return codes


class PhoneChangeForm(PhoneCodeForm):
    """更换手机号码: the password of the account and a code to the new phone."""

    purpose = VerificationCode.Purpose.PHONE

    password = PasswordField(label=_("登录密码"), error_messages={"required": _("请输入登录密码。")})

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_password(self):
        if not self.user.check_password(self.cleaned_data["password"]):
            raise ValidationError(_("登录密码不正确。"))
        return self.cleaned_data["password"]

    def clean_phone(self):
        phone = self.cleaned_data["phone"]
        if phone == self.user.phone:
            raise ValidationError(_("这已是您账号的手机号码。"))
        return phone

    def _check_code(self):
        super()._check_code()
        if not self.errors and User.objects.filter(phone=self.cleaned_data["phone"]).exists():
            self.add_error("phone", _("该手机号码已绑定其他账号。"))

    def save(self, request):
        change_phone(request=request, user=self.user, phone=self.cleaned_data["phone"])
