from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.documents import parse_uscc
from accounts.forms.account import AccountFieldsMixin
from accounts.forms.codes import PhoneCodeForm
from accounts.models import Institution, User, VerificationCode
from accounts.services.institutions import register_institution
from evidence.forms import EvidenceField

LICENCE = _("证照(营业执照或法人证书)")


class InstitutionAdminForm(forms.ModelForm):
    """An institution as the centre keeps it. Out of 待审核 lead the actions of the list alone: approval gives the code
    and the term, and both tell the institution.
    """

    AFTER = {  # what may follow a state, or stand in a new row
        None: ["pending", "approved"],
        "pending": ["pending"],
        "approved": ["approved", "closed"],
        "refused": ["refused", "pending"],
        "closed": ["closed", "approved"],
    }

    class Meta:
        model = Institution
        fields = [
            "name", "bank_code", "uscc", "kind", "status", "valid_from", "valid_to", "contact_name", "contact_phone",
        ]  # fmt: skip

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        state = self.instance.status if self.instance.pk else None
        if status := self.fields.get("status"):  # not there for whoever may only look
            status.choices = [
                (value, label) for value, label in Institution.Status.choices if value in self.AFTER[state]
            ]
            if state == "pending":
                status.help_text = _("在机构列表中用“批准所选机构入册”或“不批准所选机构”办理。")


class LicenceForm(forms.Form):
    """Another licence of an institution that waits for the centre."""

    licence = EvidenceField(label=LICENCE, multiple=False)


class InstitutionRegisterForm(AccountFieldsMixin, PhoneCodeForm):
    """机构注册: every field is required."""

    purpose = VerificationCode.Purpose.REGISTER
    password_flow = "change"  # noqa: S105
    field_order = [  # as the page has them, for the list of errors; phone, captcha and code follow
        *(
            "username",
            "password",
            "password_again",
            "institution_name",
            "uscc",
            "kind",
            "contact_name",
            "email",
            "licence",
        ),
    ]

    institution_name = forms.CharField(
        label=_("机构名称"), max_length=120, widget=forms.TextInput({"autocomplete": "organization"})
    )
    uscc = forms.CharField(label=_("统一社会信用代码"), max_length=40, widget=forms.TextInput({"autocomplete": "off"}))
    kind = forms.ChoiceField(label=_("机构类型"), choices=[("", _("请选择")), *Institution.Kind.choices])
    licence = EvidenceField(label=LICENCE, multiple=False)
    contact_name = forms.CharField(label=_("联系人"), max_length=100, widget=forms.TextInput({"autocomplete": "name"}))

    def clean_uscc(self):
        code = parse_uscc(self.cleaned_data["uscc"])
        if Institution.objects.filter(uscc=code).exists():
            raise ValidationError(_("这个统一社会信用代码已登记。如非贵机构登记,请联系学分银行管理中心。"))
        return code

    def _check_code(self):
        super()._check_code()
        if not self.errors and User.objects.filter(phone=self.cleaned_data["phone"]).exists():
            self.add_error("phone", _("该手机号码已绑定其他账号,请换一个手机号码。"))

    def save(self):
        data = self.cleaned_data
        institution = Institution(
            name=data["institution_name"].strip(),
            uscc=data["uscc"],
            kind=data["kind"],
            contact_name=data["contact_name"].strip(),
        )
        return register_institution(
            username=data["username"],
            password=data["password"],
            email=data["email"],
            phone=data["phone"],
            institution=institution,
            licence=data["licence"],
        )
