from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.forms.passwords import NewPasswordMixin, PasswordField
from accounts.models import User


class AccountFieldsMixin(NewPasswordMixin, forms.Form):
    """What every new account needs: a username and an e-mail nobody else has, and a password."""

    username = forms.CharField(
        label=_("用户名"),
        max_length=30,
        help_text=_("4-30位字母、数字或下划线,以字母开头"),
        widget=forms.TextInput({"autocomplete": "username"}),
    )
    password = PasswordField(label=_("密码"), new=True)
    password_again = PasswordField(label=_("确认密码"), new=True)
    email = forms.EmailField(
        label=_("电子邮箱"),
        widget=forms.EmailInput({"autocomplete": "email"}),
        error_messages={"invalid": _("电子邮箱格式有误,请核对后重新输入。")},
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name in self.field_order:
            field = self.fields[name]
            ask = _("请选择%s。") if isinstance(field, forms.ChoiceField) else _("请填写%s。")
            field.error_messages["required"] = ask % field.label

    def clean_username(self):
        user = User(username=self.cleaned_data["username"])
        User._meta.get_field("username").run_validators(user.username)
        if User.objects.filter(username__iexact=user.username).exists():
            raise ValidationError(_("该用户名已被使用,请换一个。"))
        return user.username

    def clean_email(self):
        email = self.cleaned_data["email"]
        if User.objects.filter(email__iexact=email).exists():
            raise ValidationError(_("该电子邮箱已被其他账号使用。"))
        return email
