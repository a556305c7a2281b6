"""成果添加: the form of one type of achievement."""

from django import forms
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from achievements.forms.extra_fields import ExtraFieldsMixin
from achievements.models import Achievement, AchievementType, CatalogueEntry
from achievements.services.achievements import add_achievement
from evidence.forms import EvidenceField


class AchievementForm(ExtraFieldsMixin, forms.ModelForm):
    """成果添加 for one level-2 type: the catalogue's entry, or a typed one, with evidence."""

    entry = forms.ModelChoiceField(
        CatalogueEntry.objects.none(), required=False, widget=forms.HiddenInput, label=_("名录成果")
    )
    files = EvidenceField(label=_("相关材料"))

    class Meta:
        model = Achievement
        fields = [
            "entry", "name", "body_name", "body_code", "certificate_number", "obtained_on", "score", "description",
        ]  # fmt: skip
        widgets = {
            "name": forms.TextInput({"placeholder": _("请输入或点击按钮选择成果名称")}),
            "obtained_on": forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
            "description": forms.Textarea({"rows": 3}),
        }

    def __init__(self, *args, type, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.type, self.user = type, user
        self.instance.type, self.instance.learner_id = type, user.learner_id
        self.fields["entry"].queryset = CatalogueEntry.objects.choosable().select_related("institution")
        self._label()
        self.add_extra_fields(type, self.instance.extra)
        self.fields["files"].required = type.min_files > 0

    def _label(self):
        labels = {
            "name": self.type.name_label,
            "body_name": self.type.body_label,
            "certificate_number": self.type.number_label,
            "obtained_on": self.type.obtained_label,
        }
        for name, label in labels.items():
            self.fields[name].label = label
        for name in ["body_name", "body_code", "certificate_number"]:
            self.fields[name].required = not self.type.is_performance
        self.fields["body_code"].error_messages["required"] = _("请输入机构代码;没有代码时填“无”。")

    def clean_obtained_on(self):
        obtained_on = self.cleaned_data["obtained_on"]
        if obtained_on > timezone.localdate():
            raise ValidationError(_("取得时间不能晚于今天。"))
        return obtained_on

    def clean_files(self):
        files = self.cleaned_data["files"]
        if len(files) < self.type.min_files:
            raise ValidationError(_("这类成果至少需要%s个文件。") % self.type.min_files)
        return files

    def clean(self):
        data = super().clean()
        if entry := data.get("entry"):
            self._take_over(data, entry)
        return data

    def _take_over(self, data, entry):
        """A catalogue achievement carries the entry's name, body and code, whatever was typed."""
        data["name"], data["body_name"] = entry.name, entry.institution.name
        data["body_code"] = entry.institution.bank_code or ""
        for name in ["name", "body_name", "body_code"]:
            self.errors.pop(name, None)
        if entry.type_id != self.type.pk:
            self.add_error("entry", _("所选成果属于“%s”,请先改选成果分类。") % entry.type)

    def _post_clean(self):
        self.instance.certificate_key = Achievement.key_of(
            self.cleaned_data.get("certificate_number", ""), self.cleaned_data.get("body_name", "")
        )
        super()._post_clean()

    def save(self):
        data = self.cleaned_data
        self.instance.extra = self.extra_values()
        try:
            return add_achievement(achievement=self.instance, files=data["files"], by=self.user)
        except IntegrityError:
            self.add_error(None, Achievement._meta.constraints[0].violation_error_message)
            return None


def filled_by(entry):
    """What choosing a catalogue entry fills in, by field."""
    institution = entry.institution
    code = institution.bank_code or str(_("无"))
    return {"entry": entry.pk, "name": entry.name, "body_name": institution.name, "body_code": code}


def chosen_type(data):
    """The level-2 type that 成果分类 names, or None."""
    try:
        return AchievementType.objects.filter(parent__isnull=False, is_active=True).get(pk=int(data.get("type", "")))
    except (ValueError, OverflowError, AchievementType.DoesNotExist):
        return None
