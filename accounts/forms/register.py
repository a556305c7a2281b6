from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.code_tables import COUNTRIES, ETHNIC_GROUPS, Sex
from accounts.documents import MAX_AGE, DocumentKind, normalise_name, parse
from accounts.forms.account import AccountFieldsMixin
from accounts.forms.codes import PhoneCodeForm
from accounts.models import Region, User, VerificationCode
from accounts.services.people import register_learner

EMPTY = [("", _("请选择"))]


class RegionSelect(forms.Select):
    """Some divisions have none below them, which the browser can't know: the server asks for what is missing."""

    def use_required_attribute(self, initial):
        return False


class RegionFieldsMixin:
    """Province → city → district: each select offers the children of the one before, as far as it is chosen."""

    def set_regions(self):
        chosen = ""
        for name in ["province", "city", "district"]:
            rows = Region.objects.filter(valid_to=None)
            rows = rows.filter(parent_id=chosen) if chosen else rows.filter(level=1) if name == "province" else []
            choices = [(row.code, row.name) for row in rows]
            self.fields[name].choices = EMPTY + choices
            self.fields[name].required = name == "province" or bool(choices)
            value = self.data.get(self.add_prefix(name)) or self.initial.get(name) or ""
            chosen = value if value in dict(choices) else None

    def clean_region(self):
        """The code of the most exact division chosen."""
        data = self.cleaned_data
        return data.get("district") or data.get("city") or data.get("province")


class RegisterForm(RegionFieldsMixin, AccountFieldsMixin, PhoneCodeForm):
    """个人注册: every field is required."""

    purpose = VerificationCode.Purpose.REGISTER
    password_flow = "change"  # noqa: S105
    field_order = [  # as the page has them, for the list of errors; phone, captcha and code follow
        *("username", "name", "document_kind", "document_number", "password", "password_again"),
        *("nationality", "ethnicity", "sex", "birth_on"),
        *("email", "province", "city", "district", "address"),
    ]

    name = forms.CharField(label=_("真实姓名"), max_length=100, widget=forms.TextInput({"autocomplete": "name"}))
    document_kind = forms.ChoiceField(label=_("证件类型"), choices=DocumentKind.choices)
    document_number = forms.CharField(
        label=_("证件号码"), max_length=64, help_text=_("证件号码最长不超过:32位"),
        widget=forms.TextInput({"autocomplete": "off"}),
    )  # fmt: skip
    nationality = forms.ChoiceField(label=_("国籍"), choices=EMPTY + list(COUNTRIES), initial="CN")
    ethnicity = forms.ChoiceField(label=_("民族"), choices=EMPTY + list(ETHNIC_GROUPS))
    sex = forms.ChoiceField(
        label=_("性别"), choices=EMPTY + [(sex.value, sex.label) for sex in (Sex.MALE, Sex.FEMALE)]
    )
    birth_on = forms.DateField(
        label=_("出生日期"), widget=forms.DateInput({"type": "date", "autocomplete": "bday"}, format="%Y-%m-%d")
    )
    province = forms.ChoiceField(label=_("省"), widget=RegionSelect)
    city = forms.ChoiceField(label=_("市"), widget=RegionSelect)
    district = forms.ChoiceField(label=_("区县"), widget=RegionSelect)
    address = forms.CharField(
        label=_("详细地址"),
        max_length=200,
        widget=forms.TextInput({"placeholder": _("请输入详细地址"), "autocomplete": "street-address"}),
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.set_regions()

    def clean_name(self):
        return normalise_name(self.cleaned_data["name"])

    def clean_birth_on(self):
        born = self.cleaned_data["birth_on"]
        if born > timezone.localdate() or born.year < timezone.localdate().year - MAX_AGE:
            raise ValidationError(_("出生日期不对,请核对后重新填写。"))
        return born

    def clean(self):
        data = super().clean()
        if data.get("document_kind") and data.get("document_number"):
            self._clean_document(data)
        return data

    def _clean_document(self, data):
        try:
            document = parse(data["document_kind"], data["document_number"])
        except ValidationError as error:
            self.add_error("document_number", error)
            return
        data["document"] = document
        if document.birth_on and data.get("birth_on") and document.birth_on != data["birth_on"]:
            self.add_error("birth_on", _("出生日期与证件号码不一致。"))
        if document.sex and data.get("sex") and document.sex != data["sex"]:
            self.add_error("sex", _("性别与证件号码不一致。"))

    def _check_code(self):
        super()._check_code()
        phone = self.cleaned_data.get("phone")
        # Only who has proven the phone learns that it already belongs to an account.
        if not self.errors and User.objects.filter(phone=phone).exists():
            self.add_error("phone", _("该手机号码已绑定其他账号。可直接登录,或通过“忘记密码”找回。"))

    def save(self):
        data = self.cleaned_data
        profile = {key: data[key] for key in ["sex", "birth_on", "ethnicity", "nationality", "address"]}
        return register_learner(
            username=data["username"],
            password=data["password"],
            name=data["name"],
            email=data["email"],
            phone=data["phone"],
            document=data["document"],
            profile=profile | {"region_id": self.clean_region()},
        )
